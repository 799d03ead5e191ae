"""What the tests of ferry share: a home, keys, Debian's sshd, ferryd, a terminal."""

import getpass
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import files
import proc
from report import Failed, Skipped, check

HERE = os.path.dirname(os.path.abspath(__file__))
PASSPHRASE = "open sesame"
PASSWORD = "correct-horse-battery"
USER = getpass.getuser()

# Exit statuses, as ferry(1) has them.
OK, SOME_FAILED, USAGE, NOT_FOUND, PERMISSION, AUTH, HOST_KEY, CONNECT, LOST, MISMATCH, \
    LOCAL, UNSUPPORTED, INTERRUPTED = range(13)


def write(path, text, mode=0o600):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)
    return path


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


def keygen(path, *options, passphrase=""):
    proc.run(["/usr/bin/ssh-keygen", "-q", "-N", passphrase, "-f", path, *options])
    return path


class Sshd:
    """OpenSSH's sshd with a configuration of its own, as whoever runs the tests."""

    def __init__(self, lab, name, *lines, subsystem=True, host_keys=("ed25519",)):
        self.lab, self.path = lab, os.path.join(lab.root, name)
        settings = [f"HostKey {lab.key('host_' + kind)}" for kind in host_keys]
        settings = settings or [f"HostKey {lab.key('certified_ed25519')}"]
        settings += [f"AuthorizedKeysFile {lab.root}/authorized_keys", "StrictModes no",
                     "UsePAM no", "PidFile none", "PermitRootLogin yes", "MaxAuthTries 30",
                     "LogLevel VERBOSE"]
        settings += ["Subsystem sftp internal-sftp"] if subsystem else []
        write(self.path, "\n".join([*settings, *lines]) + "\n")
        self.server = proc.Server(self._argv, self.path + ".log")

    def _argv(self, port):
        return ["/usr/sbin/sshd", "-D", "-e", "-f", self.path,
                "-o", f"ListenAddress=127.0.0.1:{port}"]

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *_):
        self.server.stop()

    @property
    def port(self):
        return self.server.port

    def line(self, key):
        """A known_hosts line for this server with the public key of a file."""
        return f"[127.0.0.1]:{self.port} " + " ".join(read(key + ".pub").split()[:2]) + "\n"


class Lab:
    """A temporary home and everything that is made once and used by many tests."""

    def __init__(self, root, programs):
        self.root = root
        self.ferry_program = os.path.join(os.path.abspath(programs), "ferry")
        self.ferryd_program = os.path.join(os.path.abspath(programs), "ferryd")
        self.home = os.path.join(root, "home")
        os.makedirs(os.path.join(self.home, ".ssh"), mode=0o700)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home, "TERM": "xterm",
                    "LC_ALL": "C.UTF-8",
                    **{name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")
                       if name in os.environ}}
        self.count = 0
        self._sshd = None
        if not os.path.exists("/usr/sbin/sshd"):
            raise Skipped("openssh-server is not installed")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        keys = [self.key(name) for name in ("id_ed25519", "id_rsa", "id_ecdsa")]
        self.key("id_locked", passphrase=PASSPHRASE)
        write(os.path.join(root, "authorized_keys"),
              "".join(read(key + ".pub") for key in [*keys, self.path("id_locked")]))

    def path(self, name):
        return os.path.join(self.root, name)

    def key(self, name, passphrase=""):
        """The private key file of this name, made when it is first asked for."""
        path = self.path(name)
        if not os.path.exists(path):
            kind = name.split("_")[-1]
            kind = kind if kind in ("rsa", "ecdsa") else "ed25519"
            keygen(path, "-t", kind, *(["-b", "2048"] if kind == "rsa" else []),
                   passphrase=passphrase)
        return path

    def folder(self):
        self.count += 1
        path = self.path(f"work{self.count}")
        os.mkdir(path)
        return path

    @property
    def sshd(self):
        if self._sshd is None:
            self._sshd = Sshd(self, "sshd_config")
            self._sshd.__enter__()  # pylint: disable=unnecessary-dunder-call
            write(self.path("known_hosts"), self._sshd.line(self.path("host_ed25519")))
        return self._sshd

    def close(self):
        if self._sshd is not None:
            self._sshd.__exit__()

    # ---- running ferry ----

    def options(self, port, key="id_ed25519", known_hosts="known_hosts"):
        words = ["-F", "none", "-P", port, "-o",
                 f"UserKnownHostsFile={self.path(known_hosts)}",
                 "-o", "GlobalKnownHostsFile=none"]
        return words + (["-i", self.path(key), "-o", "IdentitiesOnly=yes"] if key else
                        ["-o", "IdentityFile=none"])

    def ferry(self, *words, status=OK, env=None, **options):
        """Run ferry with these words alone; Failed if its status is another."""
        result = proc.run([self.ferry_program, *words], env={**self.env, **(env or {})},
                          statuses=None, **options)
        check(result.status == status, f"status {result.status}, wanted {status}: "
              f"{' '.join(map(str, words))}: {result.err.strip()[-200:]}", result.describe())
        return result

    def ssh(self, *words, status=OK, env=None, **options):
        """Run ferry against the common sshd, with the key that it knows."""
        return self.ferry(*self.options(self.sshd.port), *words, status=status, env=env,
                          **options)

    def hostile(self, scenario, *words, status=OK, **options):
        """Run ferry against a scenario of hostile_server.py."""
        server = f"{sys.executable} {HERE}/hostile_server.py {scenario}"
        return self.ferry("-D", server, *words, status=status, **options)

    def at(self, path=""):
        return f"127.0.0.1:{path}"

    def on_terminal(self, words, dialogue=(), *, status=OK, env=None, seconds=30,
                    size=(24, 80), program=None):
        """Run ferry on a terminal of its own. dialogue: (text to wait for, answer) pairs.

        Returns all that the terminal showed.
        """
        argv = [program or self.ferry_program, *map(str, words)]
        child, fd = pty.fork()
        if child == 0:
            try:
                os.execve(argv[0], argv, {**self.env, **(env or {})})
            finally:
                os._exit(127)
        return Terminal(child, fd, size).talk(dialogue, seconds, status, argv)


class Terminal:
    """The other side of a pseudo-terminal that a child has as its own."""

    def __init__(self, child, fd, size):
        self.child, self.fd, self.shown = child, fd, ""
        import fcntl  # pylint: disable=import-outside-toplevel
        import struct  # pylint: disable=import-outside-toplevel
        import termios  # pylint: disable=import-outside-toplevel
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def talk(self, dialogue, seconds, status, argv):
        deadline = time.monotonic() + seconds * proc.slowness
        try:
            seen = 0
            for question, answer in dialogue:
                while question not in self.shown[seen:]:
                    check(self._read(deadline), f"no question {question!r}", self.shown)
                seen = self.shown.index(question, seen) + len(question)
                os.write(self.fd, (answer + "\n").encode())
            while self._read(deadline):
                pass
            check(time.monotonic() < deadline, f"{argv[0]} did not end", self.shown)
            got = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
            self.child = None
        finally:
            if self.child is not None:
                os.kill(self.child, signal.SIGKILL)
                os.waitpid(self.child, 0)
            os.close(self.fd)
        check(got == status, f"status {got}, wanted {status}: {self.shown[-200:]}",
              f"$ {' '.join(argv)}\n{self.shown}")
        return self.shown

    def _read(self, deadline):
        """More text; False at the end, or when time is up."""
        while time.monotonic() < deadline:
            if not select.select([self.fd], [], [], 0.2)[0]:
                continue
            try:
                text = os.read(self.fd, 65536)
            except OSError:  # Linux reports the child's end as EIO
                return False
            self.shown += text.decode(errors="replace")
            return text != b""
        return False


class Agent:
    """ssh-agent with some keys in it."""

    def __init__(self, lab, *keys):
        self.lab, self.keys = lab, keys
        self.socket = os.path.join(lab.folder(), "agent")
        self.child = None

    def __enter__(self):
        self.child = proc.start(["/usr/bin/ssh-agent", "-D", "-a", self.socket],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if os.path.exists(self.socket):
                break
            time.sleep(0.05)
        self.env = {"SSH_AUTH_SOCK": self.socket}
        for key in self.keys:
            proc.run(["/usr/bin/ssh-add", "-q", key], env={**self.lab.env, **self.env})
        return self

    def __exit__(self, *_):
        proc.end_group(self.child)


class Ferryd:
    """ferryd serve with one account and one folder."""

    def __init__(self, lab, *options):
        if not os.path.exists(lab.ferryd_program):
            raise Skipped("ferryd is not built")
        self.home = lab.folder()
        self.share = os.path.join(self.home, "share")
        os.mkdir(self.share)
        self.argv = [lab.ferryd_program, "serve", self.share, "--listen", "127.0.0.1:0",
                     "--user", "guest", "--password-file",
                     write(os.path.join(self.home, "password"), PASSWORD + "\n"), *options]
        self.env = {**lab.env, "HOME": self.home,
                    "XDG_STATE_HOME": os.path.join(self.home, "state")}
        os.mkdir(os.path.join(self.home, "state"), 0o700)
        self.child = self.port = None

    def __enter__(self):
        with open(os.path.join(self.home, "err"), "ab") as err:
            self.child = proc.start(self.argv, stdin=subprocess.DEVNULL, env=self.env,
                                    stdout=subprocess.PIPE, stderr=err)
        shown = ""
        for line in self.child.stdout:
            shown += line.decode()
            found = re.search(r"address +\S+:(\d+)", shown)
            if line.startswith(b"Press Ctrl-C") and found:
                self.port = int(found.group(1))
                return self
        proc.end_group(self.child)
        raise Failed("ferryd did not start", shown + read(os.path.join(self.home, "err")))

    def __exit__(self, *_):
        proc.end_group(self.child)


def events(result):
    """The objects of a --json run; every line must be one, with version and type."""
    found = [json.loads(line) for line in result.out.splitlines()]
    check(all(one["v"] == 1 and one["t"] for one in found), "an event lacks v or t", result.out)
    return found


def same_trees(one, other):
    check(files.difference(files.read_tree(one), files.read_tree(other)) == "",
          files.difference(files.read_tree(one), files.read_tree(other)))
