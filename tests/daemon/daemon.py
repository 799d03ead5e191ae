"""ferryd under test, the stock sftp client, and /proc: what the tests in run.py share."""

import os
import re
import signal
import socket
import subprocess
import threading
import time

import proc
from procfs import (await_true, children_of, descendants_of,  # pylint: disable=unused-import
                    descriptors_of, memory_holds, status_of)
from report import Failed, check

PASSWORD = "correct-horse-battery"


def write(path, text, mode=0o600):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)
    return path


class Ferryd:
    """`ferryd serve` on a free loopback port, with a folder of its own.

    After `with` enters: .port, .out (standard output so far), .err(), .share.
    Standard error goes to a file, so that a test can look for lines in it.
    """

    def __init__(self, lab, *options, password=PASSWORD, share=None, env=None,
                 listen="127.0.0.1:0", ready=True, stderr=None):
        self.home = lab.folder()
        self.share = share or os.path.join(self.home, "share")
        os.makedirs(self.share, exist_ok=True)
        os.makedirs(os.path.join(self.home, "state"), mode=0o700, exist_ok=True)
        self.lab, self.options, self.listen, self.ready = lab, list(options), listen, ready
        self.stderr = stderr
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home,
                    "XDG_STATE_HOME": os.path.join(self.home, "state"), **(env or {})}
        if password is not None:
            self.options += ["--password-file",
                             write(os.path.join(self.home, "password"), password + "\n")]
        self.user = "guest"
        self.child, self.out, self.port = None, "", None
        self._helpers = {}

    def __enter__(self):
        argv = [self.lab.ferryd, "serve", self.share, "--listen", self.listen,
                "--user", self.user, *self.options]
        # pylint: disable=consider-using-with
        stderr = self.stderr or open(os.path.join(self.home, "err"), "ab")
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=stderr, env=self.env, start_new_session=True)
        if self.ready:
            try:
                self._await_ready()
            except BaseException:
                self.stop()
                raise
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None and self.stderr is None:
            for word in ("Sanitizer", "runtime error:", "Assertion"):
                check(word not in self.err(), f"{word} in the log", self.err())

    def walls(self):
        """What the log says of them, once it has said so."""
        self.await_err("walls around each session: ")
        return self.err()

    def is_sanitized(self):
        return "sanitizer build" in self.walls()

    def _await_ready(self):
        timer = threading.Timer(20 * proc.slowness, lambda: proc.end_group(self.child, 0.1))
        timer.start()
        try:
            for line in self.child.stdout:
                self.out += line.decode()
                if line.startswith(b"Press Ctrl-C"):
                    break
            else:
                raise Failed(f"ferryd did not start: {self.err().strip()[-300:]}")
        finally:
            timer.cancel()
        self.port = int(re.search(r"address +\S+:(\d+)", self.out).group(1))

    def stop(self):
        """SIGTERM to the listener alone; the exit status."""
        if self.child is None:
            return None
        child, self.child = self.child, None
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            status = child.wait(timeout=20 * proc.slowness)
        except subprocess.TimeoutExpired:
            proc.end_group(child, 0.1)
            status = None
        child.stdout.close()
        return status

    def wait(self, seconds=20):
        """Its own end, for a ferryd that should refuse to start."""
        status = self.child.wait(timeout=seconds * proc.slowness)
        self.out += self.child.stdout.read().decode()
        return status

    def err(self):
        with open(os.path.join(self.home, "err"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def await_err(self, text, seconds=10):
        """Wait for a line in the log."""
        deadline = time.monotonic() + seconds * proc.slowness
        while text not in self.err():
            check(time.monotonic() < deadline, f"the log never said {text!r}", self.err())
            time.sleep(0.02)

    def path(self, *names):
        return os.path.join(self.share, *names)

    def put(self, name, content=b"content\n"):
        with open(self.path(name), "wb") as out:
            out.write(content)
        return self.path(name)

    # ---- processes ----

    def processes(self):
        """All but the listener."""
        return descendants_of(self.child.pid)

    def roles(self, role):
        """Pids of those that call themselves ferryd-ROLE."""
        return [pid for pid in self.processes()
                if status_of(pid).get("Name") == "ferryd-" + role]

    def _helper(self, role):
        """A helper's pid, which it keeps all its life."""
        if role not in self._helpers:
            await_true(lambda: len(self.roles(role)) == 1, f"not one {role}")
            (self._helpers[role],) = self.roles(role)
        return self._helpers[role]

    def monitor(self):
        return self._helper("monitor")

    def spawner(self):
        return self._helper("spawner")

    def connections(self):
        """Processes of connections, before and after the login."""
        return children_of(self.spawner())

    def sessions(self):
        """Those after the login."""
        return self._connections_that_are("session")

    def pre_auths(self):
        """Those before."""
        return self._connections_that_are("preauth")

    def _connections_that_are(self, role):
        return [pid for pid in self.connections()
                if status_of(pid).get("Name") == "ferryd-" + role]

    # ---- stock clients ----

    def ssh_options(self, password=PASSWORD, **more):
        options = {"UserKnownHostsFile": os.path.join(self.home, "known_hosts"),
                   "GlobalKnownHostsFile": "/dev/null", "StrictHostKeyChecking": "no",
                   "LogLevel": "ERROR", "NumberOfPasswordPrompts": "1",
                   "IdentityAgent": "none", "IdentitiesOnly": "yes", "ConnectTimeout": "20",
                   "IdentityFile": "none", **more}
        words = ["-F", "/dev/null"]
        for name, value in options.items():
            words += ["-o", f"{name}={value}"]
        return words, self.askpass_env(password)

    def askpass_env(self, password):
        helper = write(os.path.join(self.home, "askpass"),
                       "#!/bin/sh\nprintf '%s\\n' \"$ASKPASS_ANSWER\"\n", 0o700)
        return {**os.environ, "SSH_ASKPASS": helper, "SSH_ASKPASS_REQUIRE": "force",
                "ASKPASS_ANSWER": password, "DISPLAY": ":"}

    def sftp(self, batch, *, statuses=(0,), user=None, password=PASSWORD, seconds=60,
             words=(), **options):
        """Run sftp with these commands on standard input; a '-' in front lets one fail."""
        options, env = self.ssh_options(password, **options)
        argv = ["sftp", *options, *words, "-b", "-", "-P", str(self.port),
                f"{user or self.user}@127.0.0.1"]
        # -b means BatchMode, which asks for no password: turn that part off.
        argv[1:1] = ["-o", "BatchMode=no"]
        return proc.run(argv, stdin=batch, env=env, statuses=statuses, seconds=seconds,
                        cwd=self.home)

    def session(self, **options):
        return Session(self, **options)

    def connect(self, source="127.0.0.1", seconds=20):
        peer = socket.create_connection(("127.0.0.1", self.port), timeout=seconds,
                                        source_address=(source, 0))
        return peer


class Session:
    """An sftp process that stays open; commands are given one by one."""

    def __init__(self, server, **options):
        words, env = server.ssh_options(**options)
        argv = ["sftp", "-o", "BatchMode=no", *words, "-P", str(server.port),
                f"{server.user}@127.0.0.1"]
        # pylint: disable=consider-using-with
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, env=env, cwd=server.home,
                                      start_new_session=True)
        os.set_blocking(self.child.stdout.fileno(), False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        proc.end_group(self.child, 1.0)
        self.child.stdout.close()

    def ask(self, command, answer, seconds=20):
        """Give a command and wait until `answer` (a regular expression) is printed."""
        self.child.stdin.write(command.encode() + b"\n")
        self.child.stdin.flush()
        text, deadline = "", time.monotonic() + seconds * proc.slowness
        while not re.search(answer, text):
            check(time.monotonic() < deadline, f"{command!r} gave {text!r}")
            text += (self.child.stdout.read() or b"").decode(errors="replace")
            if self.child.poll() is not None and not re.search(answer, text):
                raise Failed(f"sftp ended after {command!r}: {text!r}")
            time.sleep(0.01)
        return text

    def is_alive(self):
        return self.child.poll() is None
