"""
The programs on both sides: how each server is started and each client is called.

A server is started afresh for every measurement, outside the timed part, on a port of
loopback that stays the same throughout, and stopped by its own id afterwards: its whole
life is then one account of CPU time. All log in with the same ed25519 keys made for the
run, and every client is told to read no configuration of the machine's.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import measure
from measure import Failed

START_SECONDS = 10
CIPHERS = {
    "aes128-gcm": "aes128-gcm@openssh.com",
    "chacha20-poly1305": "chacha20-poly1305@openssh.com",
}


def find_tool(name, variable):
    """A peer's program: from the environment variable, else from the system."""
    path = os.environ.get(variable) or shutil.which(
        name, path="/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")
    )
    if not path:
        raise Failed(f"{name} is not installed (or set {variable})")
    return path


class Keys:
    """A host key, a user's key and what follows from them, in one directory."""

    def __init__(self, directory):
        self.directory = directory
        self.host = directory / "host_key"
        self.user = directory / "user_key"
        for key in (self.host, self.user):
            measure.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", str(key)],
                timeout=30,
            )
        self.authorized = directory / "authorized_keys"
        shutil.copy(self.user.with_suffix(".pub"), self.authorized)
        self.known_hosts = directory / "known_hosts"
        self.config = directory / "config"
        self.config.touch()  # empty: nothing of the machine's ssh_config counts

    def make_known(self, port):
        kind, blob = self.host.with_suffix(".pub").read_text().split()[:2]
        with self.known_hosts.open("a") as f:
            f.write(f"[127.0.0.1]:{port} {kind} {blob}\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_listening(port):
    wanted = f"0100007F:{port:04X}"
    with open("/proc/net/tcp") as f:
        return any(l.split()[1] == wanted and l.split()[3] == "0A" for l in f.readlines()[1:])


class Server:
    """What both servers share: the port, starting, stopping, the account."""

    name = "?"
    logging_in_max = 1000  # from one address
    sessions_max = 1000

    def __init__(self, root, keys):
        self.root = root  # what is served
        self.keys = keys
        self.port = free_port()
        keys.make_known(self.port)
        self.process = None
        self.log = keys.directory / f"{self.name}.log"

    def last_words(self):
        """The end of its log, for the report of a failure."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-3:])

    def argv(self, cipher):
        raise NotImplementedError

    def start(self, cipher):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.argv(cipher), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        end = time.monotonic() + START_SECONDS
        while not is_listening(self.port):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"{self.name} did not start:\n{self.log.read_text()}")
            time.sleep(0.01)
        time.sleep(0.05)  # for helpers that it starts behind the socket
        self.helpers = measure.descendants(self.process.pid)

    def session_processes(self):
        """What lives because of connections."""
        return measure.descendants(self.process.pid) - self.helpers

    def processes(self):
        return measure.descendants(self.process.pid) | {self.process.pid}

    def stop(self):
        """The Usage of the server's whole life, its sessions included."""
        end = time.monotonic() + 5
        while self.session_processes() and time.monotonic() < end:
            time.sleep(0.005)
        usage = measure.stop(self.process)
        self.process = None
        return usage + measure.reap_orphans()


class Sshd(Server):
    """OpenSSH's server with its external sftp-server, as Debian ships it."""

    name = "sshd"

    def __init__(self, root, keys):
        self.program = find_tool("sshd", "BENCH_SSHD")
        self.user = pwd.getpwuid(os.getuid()).pw_name
        super().__init__(root, keys)
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)

    def argv(self, cipher):
        subsystem = os.environ.get("BENCH_SFTP_SERVER", "/usr/lib/openssh/sftp-server")
        options = {
            "ListenAddress": "127.0.0.1",
            "Port": self.port,
            "HostKey": self.keys.host,
            "AuthorizedKeysFile": self.keys.authorized,
            "StrictModes": "no",  # the keys lie under a world-writable directory
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "UsePAM": "no",
            "UseDNS": "no",
            "PidFile": "none",
            "PrintMotd": "no",
            "MaxStartups": "2000",
            "LogLevel": "ERROR",
            "Ciphers": CIPHERS[cipher],
            "Subsystem": f"sftp {subsystem}",
        }
        argv = [self.program, "-D", "-e", "-f", str(self.keys.config)]
        for name, value in options.items():
            argv += ["-o", f"{name}={value}"]
        return argv

    def path(self, local):
        return str(local)


class Ferryd(Server):
    """`ferryd serve`: one virtual user who sees the served directory as /."""

    name = "ferryd"
    user = "bench"
    logging_in_max = 4  # its limit of 10 is fixed, and ended ones count until reaped
    sessions_max = 500

    def __init__(self, root, keys, program):
        self.program = program
        super().__init__(root, keys)

    def argv(self, cipher):
        return [
            str(self.program), "serve", str(self.root),
            "--listen", f"127.0.0.1:{self.port}",
            "--user", self.user,
            "--authorized-keys", str(self.keys.authorized),
            "--host-key", str(self.keys.host),
            "--ciphers", CIPHERS[cipher],
        ]  # fmt: skip

    def path(self, local):
        return "/" + str(Path(local).relative_to(self.root))


class FerrydRun(Ferryd):
    """`ferryd run` with a configuration and an account database of its own."""

    logging_in_max = 1000
    sessions_max = 1000

    def __init__(self, root, keys, program):
        super().__init__(root, keys, program)
        self.home = keys.directory / "ferryd"
        self.home.mkdir(mode=0o755)
        self.config = self.home / "ferryd.conf"
        if os.getuid() == 0:
            shutil.chown(root / "to", "nobody")
        self.accounts = self.home / "accounts.db"
        command = [str(program), "user", "add", "--database", str(self.accounts)]
        command += ["--key", str(keys.authorized), "--root", str(root), self.user]
        measure.run(command, timeout=30)

    def configure(self, cipher):
        options = {
            "ListenAddress": "127.0.0.1",
            "Port": self.port,
            "HostKey": self.keys.host,
            "StateDirectory": self.home,
            "AccountDatabase": self.accounts,
            "ControlSocket": self.home / "control",
            "PidFile": "none",
            "AuditLog": self.home / "audit.log",
            "Accounts": "virtual",
            "Ciphers": CIPHERS[cipher],
            # All clients of the bench have one address.
            "MaxConnections": 2000,
            "MaxStartups": 2000,
            "MaxAccountSessions": 2000,
            "PerSourceMaxStartups": "none",
            "PerSourcePenalties": "no",
        }
        if os.getuid() == 0:
            options |= {"PreAuthUser": "sshd", "VirtualUser": "nobody"}
        self.config.write_text("".join(f"{k} {v}\n" for k, v in options.items()))

    def argv(self, cipher):
        self.configure(cipher)
        return [str(self.program), "run", "-f", str(self.config)]


class Client:
    """A command line for each thing that a client is asked to do."""

    name = "?"

    def options(self, server, cipher):
        """The option letters that sftp(1), ssh(1) and ferry have in common."""
        return [
            "-F", str(server.keys.config),
            "-i", str(server.keys.user),
            "-c", CIPHERS[cipher],
            "-o", f"UserKnownHostsFile={server.keys.known_hosts}",
            "-o", f"GlobalKnownHostsFile={server.keys.config}",
            "-o", "StrictHostKeyChecking=yes",
            "-o", "IdentitiesOnly=yes",
            "-o", "BatchMode=yes",
        ]  # fmt: skip


class Sftp(Client):
    """OpenSSH's sftp, one batch a call."""

    name = "sftp"

    def __init__(self, directory):
        self.program = find_tool("sftp", "BENCH_SFTP")
        self.ssh = find_tool("ssh", "BENCH_SSH")
        self.batch = directory / "batch"

    def _batch(self, server, cipher, line):
        self.batch.write_text(line + "\n")
        return [
            self.program, "-q", "-S", self.ssh, "-P", str(server.port),
            *self.options(server, cipher), "-b", str(self.batch), f"{server.user}@127.0.0.1",
        ]  # fmt: skip

    def get(self, server, cipher, remote, local):
        return self._batch(server, cipher, f"get {server.path(remote)} {local}")

    def put(self, server, cipher, local, remote):
        return self._batch(server, cipher, f"put {local} {server.path(remote)}")

    def get_tree(self, server, cipher, remote, local):
        return self._batch(server, cipher, f"get -r {server.path(remote)} {local}/")

    def put_tree(self, server, cipher, local, remote):
        return self._batch(server, cipher, f"put -r {local} {server.path(remote)}/")

    def list(self, server, cipher, remote):
        return self._batch(server, cipher, f"ls -l {server.path(remote)}")


class Ferry(Client):
    """Our client."""

    name = "ferry"

    def __init__(self, program):
        self.program = program

    def _command(self, server, cipher, command, operands):
        options = ["-q", "-P", str(server.port), *self.options(server, cipher)]
        return [str(self.program), *command, *options, *operands]

    def _remote(self, server, path):
        return f"{server.user}@127.0.0.1:{server.path(path)}"

    def get(self, server, cipher, remote, local):
        return self._command(
            server, cipher, ["get"], [self._remote(server, remote), str(local)]
        )

    def put(self, server, cipher, local, remote):
        return self._command(
            server, cipher, ["put"], [str(local), self._remote(server, remote)]
        )

    def get_tree(self, server, cipher, remote, local):
        return self._command(
            server, cipher, ["get", "-r"], [self._remote(server, remote), f"{local}/"]
        )

    def put_tree(self, server, cipher, local, remote):
        return self._command(
            server, cipher, ["put", "-r"], [str(local), self._remote(server, remote) + "/"]
        )

    def list(self, server, cipher, remote):
        return self._command(server, cipher, ["ls", "-l"], [self._remote(server, remote)])


class TarOverSsh(Client):
    """A stream of tar through a remote tar: no protocol for files at all."""

    name = "tar"

    def __init__(self):
        self.ssh = find_tool("ssh", "BENCH_SSH")

    def _ssh(self, server, cipher, command):
        argv = [self.ssh, "-p", str(server.port), *self.options(server, cipher)]
        argv += [f"{server.user}@127.0.0.1", command]
        return " ".join(f"'{word}'" for word in argv)

    def get_tree(self, server, cipher, remote, local):
        far = self._ssh(server, cipher, f"tar -C {remote.parent} -cf - {remote.name}")
        return ["/bin/sh", "-c", f"{far} | tar -C {local} -xf -"]

    def put_tree(self, server, cipher, local, remote):
        far = self._ssh(server, cipher, f"tar -C {remote} -xf -")
        return ["/bin/sh", "-c", f"tar -C {local.parent} -cf - {local.name} | {far}"]


class Load:
    """The load generator, bench/load.c: many sessions in one process."""

    def __init__(self, program):
        self.program = program

    def argv(self, verb, server, *numbers):
        words = [str(self.program), verb, str(server.port)]
        if verb != "silent":
            words += [server.user, str(server.keys.user)]
        return words + [str(n) for n in numbers]

    def tell(self, verb, server, *numbers, timeout):
        """What it measured, as a dictionary, and its Usage."""
        with tempfile.TemporaryFile() as out:
            argv = self.argv(verb, server, *numbers)
            _, usage = measure.run(argv, timeout, stdout=out)
            out.seek(0)
            return json.load(out), usage

    def hold(self, verb, server, n, timeout):
        return measure.Held(self.argv(verb, server, n), timeout)
