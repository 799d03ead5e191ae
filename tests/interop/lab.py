"""The place where the peers meet: one temporary folder with keys, a share for each
server, the files that are transferred, and what a client must know to log in.
"""

import base64
import hashlib
import json
import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
import threading

import files
import proc
from report import Skipped

# Name -> options of ssh-keygen. Clients that take the first they like should like this
# order.
KEY_TYPES = {
    "ed25519": ("-t", "ed25519"),
    "rsa": ("-t", "rsa", "-b", "3072"),
    "ecdsa256": ("-t", "ecdsa", "-b", "256"),
    "ecdsa384": ("-t", "ecdsa", "-b", "384"),
    "ecdsa521": ("-t", "ecdsa", "-b", "521"),
}
NOBODY = 65534
HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(os.path.dirname(os.path.dirname(HERE)), "build")
NODE_MODULES = os.path.join(BUILD, "node", "node_modules")


class Target:
    """A running server as its clients see it."""

    def __init__(self, lab, *, port, root, remote_root, user, host_keys,
                 password=None, uid=None, has_keys=True, names=files.ODD_NAMES):
        self.lab = lab
        self.port = port
        self.root = root  # the share's place on our disk ...
        self.remote_root = remote_root.rstrip("/")  # ... and in the client's eyes
        self.user = user
        self.password = password
        self.key = lab.user_key if has_keys else None
        self.uid = uid
        self.log = None  # ferryd's, which tells of key exchanges
        self.rekeys_itself = False
        self.names = names  # what it can list faithfully
        self.tree = lab.trees[names]  # a local tree of such names
        self.host_keys = host_keys  # private key files; the public ones beside them
        self.known_hosts = self._write_known_hosts()

    def remote(self, name):
        return f"{self.remote_root}/{name}"

    def local(self, name):
        return os.path.join(self.root, name)

    def give(self, path):
        """Hand something we put into the share to the account the server runs as."""
        if self.uid is None:
            return path
        for folder, _, names in os.walk(path):
            os.chown(folder, self.uid, self.uid)
            for name in names:
                os.chown(os.path.join(folder, name), self.uid, self.uid, follow_symlinks=False)
        if not os.path.isdir(path):
            os.chown(path, self.uid, self.uid)
        return path

    def n_rekeys(self):
        """Key exchanges after a connection's first, as our server's trace counts them."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return len(re.findall(r"key exchange (?!1 )\d+ done", log.read()))

    def fingerprint(self, host_key=None):
        """Base64 of the SHA-256 of a host key's blob (the first key unless told)."""
        with open((host_key or self.host_keys[0]) + ".pub", encoding="ascii") as public:
            blob = base64.b64decode(public.read().split()[1])
        return base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii")

    def _write_known_hosts(self):
        path = self.lab.path(f"known_hosts.{self.port}")
        with open(path, "w", encoding="ascii") as out:
            for key in self.host_keys:
                with open(key + ".pub", encoding="ascii") as public:
                    kind, blob = public.read().split()[:2]
                out.write(f"[127.0.0.1]:{self.port} {kind} {blob}\n")
        return path


class Lab:
    """Everything made for one run; clear() removes it from disk and machine."""

    def __init__(self, work, programs, file_size):
        self.work = work
        self.programs = programs
        self.is_root = os.geteuid() == 0
        self.password = secrets.token_urlsafe(12)
        self.system_user = None
        self._lock = threading.Lock()
        self._builds = {}
        os.chmod(work, 0o755)  # servers running as nobody walk through it
        self.home = self.folder("home")
        self.user_keys = {kind: self.make_key(f"user_{kind}", *options)
                          for kind, options in KEY_TYPES.items()}
        self.user_key = self.user_keys["ed25519"]
        self.authorized_keys = self.write("authorized_keys", "".join(
            open(f"{key}.pub", encoding="ascii").read() for key in self.user_keys.values()))
        self.host_keys = {kind: self.make_key(f"host_{kind}", *options)
                          for kind, options in KEY_TYPES.items()}
        # Asked for by clients that can. A server may refuse a peer that rekeys all the time:
        # ferryd allows eight at once and one a second after that.
        self.rekey_bytes = file_size // 6
        self.big = files.write_random(self.path("big"), file_size, seed="big")
        self.big_hash = files.sha256(self.big)
        self.trees = {names: files.write_tree(self.path(f"tree-{len(names)}"), names=names)
                      for names in (files.ODD_NAMES, files.ODD_ASCII_NAMES)}
        # No configuration, agent or proxy of the person who runs this takes part.
        self.env = {"HOME": self.home, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
                    "LC_ALL": "C.UTF-8", "USER": pwd.getpwuid(os.geteuid()).pw_name}

    def clear(self):
        if self.system_user:
            shutil.rmtree(pwd.getpwnam(self.system_user).pw_dir, ignore_errors=True)
            subprocess.run(["userdel", self.system_user], check=False, timeout=60)
        shutil.rmtree(self.work, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.work, name)

    def folder(self, name):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def make_key(self, name, *options, passphrase=""):
        path = self.path(name)
        proc.run(["ssh-keygen", "-q", *options, "-N", passphrase, "-C", name, "-f", path])
        return path

    def copy_for(self, uid, path, name):
        """A copy of a file that only `uid` can read."""
        copy = shutil.copyfile(path, self.path(name))
        os.chmod(copy, 0o600)
        if uid is not None:
            os.chown(copy, uid, uid)
        return copy

    def program(self, name):
        """One of our own programs, where every account may run it."""
        source = os.path.join(self.programs, name)
        if not os.access(source, os.X_OK):
            raise Skipped(f"{name} is not built in {self.programs}")
        copy = os.path.join(self.folder("bin"), name)  # ferryd looks for others beside it
        with self._lock:
            if not os.path.exists(copy):
                shutil.copy(source, copy)
                os.chmod(copy, 0o755)
        return copy

    def need_system_user(self):
        """An account of this machine for servers that know no other; gone at the end."""
        if not self.is_root:
            raise Skipped("needs root, to make an account for this server")
        with self._lock:
            if not self.system_user:
                name = f"ferry-test-{os.getpid()}"
                # Not in a temporary folder: tinysshd trusts no key file below one that
                # everybody may write to.
                home = tempfile.mkdtemp(prefix=f"{name}-", dir="/run")
                proc.run(["useradd", "--no-create-home", "-d", home, "-s", "/bin/sh", name])
                self.system_user = name
                proc.run(["chpasswd"], stdin=f"{name}:{self.password}\n")
                keys = os.path.join(home, ".ssh")
                os.makedirs(keys, mode=0o700)
                shutil.copyfile(self.authorized_keys, os.path.join(keys, "authorized_keys"))
                account = pwd.getpwnam(name)
                os.chmod(home, 0o755)
                for path in (home, keys, os.path.join(keys, "authorized_keys")):
                    os.chown(path, account.pw_uid, account.pw_gid)
        return pwd.getpwnam(self.system_user)

    def build_once(self, name, make):
        """The result of make(), made by whoever asks first (compiled helper programs)."""
        with self._lock:
            if name not in self._builds:
                self._builds[name] = make()
            return self._builds[name]


def as_account(uid, folder):
    """Popen arguments that run a child as uid (None: as we are)."""
    if uid is None:
        return {"cwd": folder}
    return {"user": uid, "group": uid, "extra_groups": [], "cwd": folder}


def need_program(name, package):
    """The path of a peer's program, or skip the test."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin:/usr/lib/openssh")
    if not found:
        raise Skipped(f"{name} is missing (Debian package {package})")
    return found


def versions():
    """(peer, version) of every peer installed here, for the record of a run."""
    packages = ("openssh-client", "openssh-server", "filezilla", "putty-tools", "curl", "lftp",
                "rclone", "sshfs", "python3-paramiko", "python3-asyncssh", "libssh-4",
                "libssh2-1", "golang-github-pkg-sftp-dev", "golang-golang-x-crypto-dev",
                "proftpd-core", "erlang-ssh", "dropbear-bin", "tinysshd", "ssh-audit")
    for package in packages:
        shown = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package],
                               capture_output=True, text=True, check=False).stdout.split()
        yield package, shown[1] if shown[:1] == ["installed"] else "not installed"
    try:
        with open(os.path.join(NODE_MODULES, "ssh2", "package.json"), encoding="utf-8") as ssh2:
            yield "ssh2 (npm)", json.load(ssh2)["version"]
    except FileNotFoundError:
        yield "ssh2 (npm)", "not installed"
