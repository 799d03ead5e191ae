"""`ferryd run` under test: a daemon with a folder, a configuration and accounts of its own.

A Lab has what all of them share: host and user keys made once, system users made for the
run and removed after it. A Site is one daemon; `with Site(lab, "MaxAuthTries 2") as site`
starts it and waits until it says READY=1 on a notification socket of the test's.
"""

import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import logging
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import paramiko
from paramiko import SFTPAttributes
from paramiko.py3compat import long as uint64
from paramiko.sftp import CMD_CLOSE, CMD_OPEN, CMD_WRITE

import proc
from procfs import children_of, command_of, descendants_of, status_of
from report import Failed, Skipped, check

CHUNK = 32768  # octets of a write
WRITE_NEW = 2 | 8 | 16  # flags of OPEN: write, create, truncate

# Its own words go to standard error, where nobody wants them.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

PASSWORD = "correct-horse-battery"
NET_USER, VIRTUAL_USER, EVENT_USER = "ferrytest-net", "ferrytest-virt", "ferrytest-event"
ALICE, BOB = "ferrytest-alice", "ferrytest-bob"  # who may log in
GROUP = "ferrytest-staff"  # alice is in it


def write(path, content, mode=0o600):
    with open(path, "wb") as out:
        out.write(content.encode() if isinstance(content, str) else content)
    os.chmod(path, mode)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def read_text(path):
    return read(path).decode(errors="replace") if os.path.exists(path) else ""


# ---- what all daemons of a run share ----

class Lab:
    """Programs, keys, users, and folders to live in. mode: "root" or "user", whom the
    daemons are started as."""

    def __init__(self, programs):
        self.programs = os.path.abspath(programs)
        self.ferryd = os.path.join(self.programs, "ferryd")
        self.is_root = os.geteuid() == 0
        self.mode = "root" if self.is_root else "user"
        # A chroot wants every directory above it to be root's alone, which /tmp is not.
        self.root = tempfile.mkdtemp(prefix="ferry-run-",
                                     dir="/var/lib" if self.is_root else None)
        os.chmod(self.root, 0o755)
        self._count = itertools.count(1)  # of folders and keys; safe with several threads
        self.users = []
        self.host_key = self.make_key("host")
        self.key = self.make_key("user")
        self.other_key = self.make_key("other")

    def __enter__(self):
        if self.is_root:
            self._add_users()
        return self

    def __exit__(self, *_):
        for name in self.users:
            proc.run(["userdel", "-f", name], statuses=None)
        if self.is_root:
            proc.run(["groupdel", GROUP], statuses=None)
        shutil.rmtree(self.root, ignore_errors=True)

    def _add_users(self):
        hashed = proc.run(["openssl", "passwd", "-6", "-stdin"], stdin=PASSWORD).out.strip()
        # A run that was killed may have left its users.
        proc.run(["groupadd", "-f", GROUP])
        for name in (NET_USER, VIRTUAL_USER, EVENT_USER, ALICE, BOB):
            words = ["-r", "-d", "/nonexistent", "-s", "/usr/sbin/nologin"]
            if name in (ALICE, BOB):
                home = self.folder(name, 0o755)
                words = ["-M", "-d", home, "-s", "/bin/sh", "-p", hashed]
            if name == ALICE:
                words += ["-G", GROUP]
            proc.run(["userdel", "-f", name], statuses=None)
            proc.run(["useradd", *words, name])
            self.users.append(name)
            if name in (ALICE, BOB):
                os.chown(home, *ids_of(name))

    def fresh(self, stem):
        """A name that nothing here has yet."""
        return f"{stem}{next(self._count)}"

    def folder(self, name=None, mode=0o755):
        path = os.path.join(self.root, name or self.fresh("site"))
        os.mkdir(path)
        os.chmod(path, mode)
        return path

    def make_key(self, name, kind="ed25519", *words):
        path = os.path.join(self.root, self.fresh(f"key-{name}"))
        proc.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", path, *words])
        return path

    def make_certificate(self, ca, name, *words, key=None):
        """A new certificate for the user key: its path. words: as for ssh-keygen -s."""
        path = os.path.join(self.root, self.fresh("certified"))
        shutil.copy(key or self.key, path)
        shutil.copy((key or self.key) + ".pub", path + ".pub")
        proc.run(["ssh-keygen", "-q", "-s", ca, "-I", name, *words, path + ".pub"])
        return path + "-cert.pub"

    def account(self):
        """Whom a daemon that is not root's runs as."""
        return pwd.getpwnam(BOB) if self.is_root else pwd.getpwuid(os.geteuid())


def ids_of(name):
    entry = pwd.getpwnam(name)
    return entry.pw_uid, entry.pw_gid


ROOT_ONLY = "needs a daemon that root starts"


def need_root(lab):
    if lab.mode != "root":
        raise Skipped(ROOT_ONLY)


# ---- one daemon ----

class Site:
    """A daemon. config: lines put in front of the usual ones, so that they win;
    {home}, {port} and {root} are filled in. accounts: the value of Accounts."""

    def __init__(self, lab, config="", *, accounts="virtual", ready=True, wrapper=(),
                 is_ipv6=False, is_started=True):
        self.lab, self.ready, self.is_started = lab, ready, is_started
        self.wrapper = list(wrapper)
        self.is_root = lab.mode == "root"
        self.home = lab.folder()
        self.child = self.notices = None
        self.host = "::1" if is_ipv6 else "127.0.0.1"
        self.port = proc.free_port()
        for name in ("state", "run", "log", "share"):
            os.mkdir(os.path.join(self.home, name), 0o755)
        shutil.copy(lab.host_key, self.path("state", "ssh_host_ed25519_key"))
        os.chmod(self.path("state", "ssh_host_ed25519_key"), 0o600)
        self.configure(config, accounts)
        self.own(self.home)

    def path(self, *names):
        return os.path.join(self.home, *names)

    @property
    def config_path(self):
        return self.path("ferryd.conf")

    def configure(self, config="", accounts="virtual"):
        """Write the configuration; a running daemon sees it when it is told to reload."""
        usual = f"""
            Port {self.port}
            ListenAddress {self.host}
            HostKey {self.path("state", "ssh_host_ed25519_key")}
            StateDirectory {self.path("state")}
            AccountDatabase {self.path("state", "accounts.db")}
            ControlSocket {self.path("run", "control")}
            PidFile {self.path("run", "pid")}
            AuditLog {self.path("log", "audit.log")}
            LogLevel VERBOSE
            """
        if self.is_root:
            usual += f"PreAuthUser {NET_USER}\nVirtualUser {VIRTUAL_USER}\n"
        # Tests meet one another's penalties and limits nowhere, and wait for nothing.
        if "PerSourcePenalties" not in config:
            usual += "PerSourcePenalties no\n"
        if "Accounts" not in config:
            usual += f"Accounts {accounts}\n"
        wanted = config.replace("{home}", self.home).replace("{port}", str(self.port))
        head, match, blocks = wanted.partition("Match ")
        text = "\n".join(line.strip() for line in (head + "\n" + usual + match + blocks)
                         .split("\n") if line.strip())
        write(self.config_path, text + "\n", 0o644)
        if not self.is_root:
            self.own(self.config_path)

    def own(self, path):
        """Give a tree to whom the daemon runs as."""
        if self.lab.is_root and not self.is_root:
            account = self.lab.account()
            for folder, folders, names in os.walk(path):
                for name in folders + names:
                    os.lchown(os.path.join(folder, name), account.pw_uid, account.pw_gid)
            os.lchown(path, account.pw_uid, account.pw_gid)

    def identity(self):
        """Words for subprocess that make a child the daemon's user."""
        if not self.lab.is_root or self.is_root:
            return {}
        account = self.lab.account()
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.home, "TZ": "UTC",
                "NOTIFY_SOCKET": self.path("run", "notify"),
                **{name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")
                   if name in os.environ}}

    # ---- its life ----

    def __enter__(self):
        self._listen_for_notices()
        if self.is_started:
            self.start()
        return self

    def __exit__(self, kind, *_):
        self.stop()
        self.notices.close()
        if kind is None:
            for word in ("Sanitizer", "runtime error:", "Assertion"):
                check(word not in self.log(), f"{word} in the log", self.log())

    def _listen_for_notices(self):
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = self.path("run", "notify")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.notices.bind(path)
        os.chmod(path, 0o666)

    def start(self):
        argv = [*self.wrapper, self.lab.ferryd, "run", "-f", self.config_path]
        while self.notice(0.001):
            pass  # of its life before
        with open(self.path("err"), "ab") as err:
            self.child = proc.start(argv, stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                    env=self.environment(), cwd="/", **self.identity())
        if self.ready:
            try:
                self.await_notice("READY=1")
            except BaseException:
                self.stop()
                raise

    def notice(self, seconds=0.1):
        """The next notification, or '' after so long."""
        self.notices.settimeout(seconds)
        try:
            return self.notices.recv(4096).decode()
        except (TimeoutError, BlockingIOError):
            return ""

    def await_notice(self, word, seconds=20):
        deadline = time.monotonic() + seconds * proc.slowness
        heard = ""
        while word not in heard:
            text = self.notice()
            heard += text
            if not text and self.child.poll() is not None:
                last = (self.log().strip() or "no word").splitlines()[-1]
                raise Failed(f"ferryd ended with {self.child.returncode}: {last}", self.log())
            check(time.monotonic() < deadline, f"never said {word}; said {heard!r}", self.log())
        return heard

    def signal(self, number):
        self.child.send_signal(number)

    def stop(self, seconds=20):
        """SIGTERM to the listener alone; its exit status, None if it had to be killed."""
        if self.child is None:
            return None
        child, self.child = self.child, None
        family = descendants_of(child.pid)
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            status = child.wait(timeout=seconds * proc.slowness)
        except subprocess.TimeoutExpired:
            status = None
        proc.end_group(child, 0.1)
        self._end(family)
        return status

    def _end(self, pids):
        """What outlived its listener, if it is still what it was. Session leaders of their
        own are not in the child's group."""
        for pid in pids:
            if any("ferryd" in word for word in command_of(pid)[:1]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def kill_all(self):
        """Power cut: every process at once, none with a chance to say goodbye."""
        family = [self.child.pid, *descendants_of(self.child.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.child.wait(timeout=10)
        self.child = None

    def reload(self):
        """SIGHUP; what was said about it, once it is done."""
        before = len(self.log())
        self.signal(signal.SIGHUP)
        self.await_notice("RELOADING=1")
        self.await_notice("READY=1")
        return self.log()[before:]

    # ---- what it says ----

    def log(self):
        return read_text(self.path("err"))

    def await_log(self, pattern, seconds=10):
        deadline = time.monotonic() + seconds * proc.slowness
        while not (found := re.search(pattern, self.log())):
            check(time.monotonic() < deadline, f"the log never said {pattern!r}", self.log())
            time.sleep(0.02)
        return found

    def audit(self):
        """Lines of the audit trail as dictionaries."""
        return [json.loads(line) for line in read_text(self.path("log", "audit.log"))
                .splitlines() if line]

    def await_audit(self, holds, what, seconds=10):
        deadline = time.monotonic() + seconds * proc.slowness
        while not (found := [row for row in self.audit() if holds(row)]):
            check(time.monotonic() < deadline, f"the audit trail never had {what}",
                  read_text(self.path("log", "audit.log")) + self.log())
            time.sleep(0.05)
        return found[0]

    # ---- its commands ----

    def command(self, *words, statuses=(0,), stdin="", seconds=30):
        """`ferryd WORDS...` as the daemon's user."""
        return proc.run([self.lab.ferryd, *words], statuses=statuses, stdin=stdin,
                        seconds=seconds, env=self.environment(), cwd="/", **self.identity())

    def user(self, verb, *words, **more):
        """`ferryd user VERB ...` on this site's database."""
        database = re.search(r"(?m)^AccountDatabase (.*)$", read_text(self.config_path))
        return self.command("user", *verb.split(), "--database", database.group(1), *words,
                            **more)

    def add_user(self, name, *words, password=PASSWORD, key=None, root=None, own=True):
        """A virtual account; the folder that is its root."""
        root = root or self.path("share", name)
        os.makedirs(root, exist_ok=True)
        if own:
            self.give_files(root)
        stdin = ""
        if password is not None:
            words, stdin = (*words, "--password-stdin"), password + "\n"
        self.user("add", name, "--root", root, *words, stdin=stdin)
        if key:
            self.user("key add", name, stdin=read_text(key + ".pub"))
        return root

    def give_files(self, path):
        """To whom virtual accounts' files belong."""
        if self.is_root:
            os.chown(path, *ids_of(VIRTUAL_USER))
        else:
            self.own(path)

    # ---- its processes ----

    def processes(self):
        return descendants_of(self.child.pid)

    def sessions(self):
        """What `ferryd session list` tells of the connections."""
        shown = self.command("session", "list", "--json", "-f", self.config_path)
        return [json.loads(line) for line in shown.out.splitlines()]

    def session_pids(self, user=None):
        """Processes of those that have logged in."""
        return [row["pid"] for row in self.sessions()
                if row["authenticated"] and user in (None, row["account"])]

    def role(self, word):
        """Processes of one role, by the names that they give themselves."""
        name = "ferryd-accounts" if word == "steward" else f"ferryd-{word}"
        return [pid for pid in self.processes() if status_of(pid).get("Name") == name]

    def direct(self):
        return children_of(self.child.pid)

    # ---- clients ----

    def connect(self, source=None, seconds=20):
        """A bare connection."""
        return socket.create_connection((self.host, self.port), timeout=seconds,
                                        source_address=(source, 0) if source else None)

    def client(self, user, **more):
        return Client(self, user, **more)

    def sftp(self, batch, user, *, key=None, statuses=(0,), seconds=60, words=(), **options):
        """OpenSSH's sftp with these commands; a '-' in front of one lets it fail."""
        settings = {"UserKnownHostsFile": self.path("known_hosts"), "LogLevel": "ERROR",
                    "GlobalKnownHostsFile": "/dev/null", "StrictHostKeyChecking": "no",
                    "IdentityAgent": "none", "IdentitiesOnly": "yes", "BatchMode": "yes",
                    "IdentityFile": key or self.lab.key, **options}
        argv = ["sftp", "-F", "/dev/null", *words]
        for name, value in settings.items():
            argv += ["-o", f"{name}={value}"]
        return proc.run([*argv, "-b", "-", "-P", str(self.port), f"{user}@{self.host}"],
                        stdin=batch, statuses=statuses, seconds=seconds, cwd=self.home,
                        env={"PATH": os.environ["PATH"], "HOME": self.home})

    def refuses(self, user, **more):
        """Whether that login is refused; Failed when something else goes wrong."""
        try:
            with self.client(user, **more):
                return False
        except paramiko.AuthenticationException:
            return True
        except (paramiko.SSHException, EOFError, OSError) as error:
            text = str(error)
            if "Authentication failed" in text or "No existing session" in text:
                return True
            raise Failed(f"not refused but broken: {text}", self.log()) from error


class Client:
    """A paramiko connection that has logged in; .sftp when it is asked for.

    password, key (a path), certificate (a path) and totp (base32) are offered in that
    order of steps: key first, then password, then keyboard-interactive.
    """

    def __init__(self, site, user, *, password=None, key=None, certificate=None, answers=None,
                 source=None, chain=None, **more):
        self.site, self.user = site, user
        self.transport = paramiko.Transport(site.connect(source), **more)
        self.transport.banner_timeout = 20 * proc.slowness
        self.transport.auth_timeout = 20 * proc.slowness
        self.prompts = []
        self._sftp = None
        steps = {"key": (key, self._offer_key), "password": (password, self._offer_password),
                 "answers": (answers, self._answer)}
        self.certificate = certificate
        try:
            self.transport.start_client(timeout=20 * proc.slowness)
            for name in chain or steps:
                value, offer = steps[name]
                if value is not None:
                    offer(value)
            if not self.transport.is_authenticated():
                raise paramiko.AuthenticationException("Authentication failed: more is wanted")
        except BaseException:
            self.transport.close()
            raise

    def _offer_key(self, path):
        key = load_key(path)
        if self.certificate:
            key.load_certificate(self.certificate)
        self.transport.auth_publickey(self.user, key)

    def _offer_password(self, password):
        self.transport.auth_password(self.user, password, fallback=False)

    def _answer(self, answers):
        todo = list(answers)

        def handler(_title, _instructions, prompts):
            self.prompts += [text for text, _ in prompts]
            return [todo.pop(0) if todo else "" for _ in prompts]
        self.transport.auth_interactive(self.user, handler)

    @property
    def sftp(self):
        if self._sftp is None:
            self._sftp = paramiko.SFTPClient.from_transport(self.transport)
            self._sftp.get_channel().settimeout(30 * proc.slowness)
        return self._sftp

    def put(self, name, content):
        """A whole file. Request by request: paramiko's own files lose failures, and the
        handle after one."""
        handle = self.open_new(name)
        try:
            for offset in range(0, len(content), CHUNK):
                self.write(handle, offset, content[offset:offset + CHUNK])
        except OSError:
            with contextlib.suppress(OSError):
                self.close(handle)
            raise
        self.close(handle)

    def open_new(self, name):
        """A handle to write to. Each of these returns when the server has said OK."""
        _, message = self.sftp._request(CMD_OPEN, name.encode(), WRITE_NEW, SFTPAttributes())
        return message.get_binary()

    def write(self, handle, offset, octets):
        self.sftp._request(CMD_WRITE, handle, uint64(offset), octets)

    def close(self, handle):
        self.sftp._request(CMD_CLOSE, handle)

    def get(self, name):
        with self.sftp.open(name, "rb") as file:
            file.prefetch()
            return file.read()

    def refusal(self, function, *arguments):
        """The words of a request that is refused."""
        try:
            function(*arguments)
        except OSError as error:
            return str(error)
        raise Failed(f"{function.__name__} {arguments[0]!r} was not refused", self.site.log())

    def is_alive(self):
        return self.transport.is_active()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.transport.close()


def load_key(path):
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with contextlib.suppress(paramiko.SSHException):
            return kind.from_private_key_file(path)
    raise Failed(f"paramiko does not read {path}")


def totp(secret, at=None):
    """The code of an authenticator app (RFC 6238) for a secret in base32."""
    step = int((time.time() if at is None else at) // 30)
    octets = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(octets, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7fffffff) % 10**6:06}"
