"""The servers under test: each a context manager that starts one on a free loopback
port, with a share of its own, and yields the Target that clients need to log in. `name`
keeps the folders and logs of several in one run apart.
"""

import contextlib
import os
import pwd
import sys

import clients
import files
import proc
from lab import NOBODY, Target, as_account, need_program
from report import Skipped

SFTP_SERVER = "/usr/lib/openssh/sftp-server"


def _share(lab, name, uid=None):
    share = lab.folder(f"share-{name}")
    if uid is not None:
        os.chown(share, uid, uid)
    return share


def _own_name():
    return pwd.getpwuid(os.geteuid()).pw_name


@contextlib.contextmanager
def ferryd(lab, name, *, as_root=False, host_keys=("ed25519",), options=(),
           authorized=None):
    """`ferryd serve`, as an ordinary user unless told, with password and key."""
    if as_root and not lab.is_root:
        raise Skipped("needs root")
    uid = NOBODY if lab.is_root and not as_root else None
    share = _share(lab, name, uid)
    state = _share(lab, f"{name}-state", uid)
    password = lab.copy_for(uid, lab.write(f"{name}-password.source", lab.password + "\n"),
                            f"{name}-password")
    keys = lab.copy_for(uid, authorized or lab.authorized_keys, f"{name}-authorized-keys")
    hosts = [word for kind in host_keys for word in
             ("--host-key", lab.copy_for(uid, lab.host_keys[kind], f"{name}-host-{kind}"))]
    program = lab.program("ferryd")

    def argv(port):
        return [program, "serve", share, "--listen", f"127.0.0.1:{port}", "--user", "guest",
                "--password-file", password, "--authorized-keys", keys, "--trace", "kex", *hosts, *options]

    env = {**lab.env, "HOME": state, "XDG_STATE_HOME": state}
    with proc.Server(argv, lab.path(f"{name}.log"), env=env, **as_account(uid, share)) as server:
        target = Target(lab, port=server.port, root=share, remote_root="/", user="guest",
                        host_keys=[lab.host_keys[kind] for kind in host_keys],
                        password=lab.password, uid=uid)
        target.log = server.log
        yield target
    if server.status != 0:
        raise proc.Failed(f"ferryd ended with {server.status} after SIGTERM", server.log_text())


def ferryd_compat(lab, name):
    return ferryd(lab, name, options=("--profile", "compat"))


@contextlib.contextmanager
def ferryd_rekeying(lab, name):
    """It asks for new keys itself, again and again."""
    with ferryd(lab, name, options=("--rekey-limit", str(lab.rekey_bytes))) as target:
        target.rekeys_itself = True
        yield target


def ferryd_root(lab, name):
    return ferryd(lab, name, as_root=True)


@contextlib.contextmanager
def ferryd_run(lab, name, *, as_root=False, by_key=False, config="", words=()):
    """`ferryd run` with one virtual account: atomic uploads, audit, quota kept.

    by_key: the account has a key and no password. words: options of `ferryd user add`.
    """
    account = lab.need_system_user() if as_root else None
    uid = NOBODY if lab.is_root and not as_root else None
    owner = account.pw_uid if as_root else uid
    share = _share(lab, name, owner)
    state = _share(lab, f"{name}-state", uid)
    host = lab.copy_for(uid, lab.host_keys["ed25519"], f"{name}-host")
    for program in ("ferryd", "ferryd-accounts"):
        lab.program(program)
    database = os.path.join(state, "accounts.db")

    def argv(port):
        path = lab.write(f"{name}.conf", mode=0o644, text="\n".join([
            config, f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {host}",
            "Accounts virtual", f"StateDirectory {state}", f"AccountDatabase {database}",
            f"ControlSocket {state}/control", "PidFile none", "PerSourcePenalties no",
            f"AuditLog {state}/audit.log", "LogLevel VERBOSE",
            *([f"PreAuthUser nobody\nVirtualUser {account.pw_name}"] if as_root else [])]) + "\n")
        if uid is not None:
            os.chown(path, uid, uid)
        return [lab.program("ferryd"), "run", "-f", path]

    def add_account():
        keys = ["--key", lab.copy_for(uid, lab.user_key + ".pub", f"{name}-key.pub")]
        password = [] if by_key else ["--password-stdin"]
        proc.run([lab.program("ferryd"), "user", "add", "guest", "--database", database,
                  "--root", share, *keys, *password, *words], stdin=lab.password + "\n",
                 env=lab.env, **as_account(uid, share))

    add_account()
    with proc.Server(argv, lab.path(f"{name}.log"), env={**lab.env, "HOME": state},
                     **as_account(uid, share)) as server:
        target = Target(lab, port=server.port, root=share, remote_root="/", user="guest",
                        host_keys=[lab.host_keys["ed25519"]],
                        password=None if by_key else lab.password, uid=owner)
        target.pid, target.audit = server.child.pid, f"{state}/audit.log"
        yield target
    if server.status != 0:
        raise proc.Failed(f"ferryd ended with {server.status} after SIGTERM", server.log_text())


def ferryd_run_root(lab, name):
    return ferryd_run(lab, name, as_root=True)


def ferryd_run_keys(lab, name):
    return ferryd_run(lab, name, by_key=True)


def ferryd_run_compat(lab, name):
    return ferryd_run(lab, name, config="Profile compat")


@contextlib.contextmanager
def sshd(lab, name, *, sftp_server="internal-sftp", lines=()):
    """OpenSSH's sshd, for the account that runs this, by key."""
    daemon = need_program("sshd", "openssh-server")
    if lab.is_root:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    share = _share(lab, name)
    hosts = list(lab.host_keys.values())
    config = lab.write(f"{name}.conf", "\n".join([
        *lines,
        f"AuthorizedKeysFile {lab.authorized_keys}", "StrictModes no", "UsePAM no",
        f"Subsystem sftp {sftp_server}", "PidFile none", "PermitRootLogin yes",
        "PasswordAuthentication yes", "MaxStartups 100", "UseDNS no",
        *(f"HostKey {key}" for key in hosts)]) + "\n")

    def argv(port):
        return [daemon, "-D", "-e", "-f", config, "-o", f"ListenAddress=127.0.0.1:{port}"]

    with proc.Server(argv, lab.path(f"{name}.log"), env=lab.env) as server:
        yield Target(lab, port=server.port, root=share, remote_root=share, user=_own_name(),
                     host_keys=hosts)


def sshd_rekeying(lab, name):
    return sshd(lab, name, lines=(f"RekeyLimit {lab.rekey_bytes}",))


def sshd_with_ours(lab, name):
    """OpenSSH's sshd with ferry-sftp-server as its subsystem."""
    return sshd(lab, name, sftp_server=lab.program("ferry-sftp-server"))


@contextlib.contextmanager
def sshd_password(lab, name):
    """OpenSSH's sshd again, for an account with a password and no key."""
    account = lab.need_system_user()
    with sshd(lab, name) as target:
        os.chown(target.root, account.pw_uid, account.pw_gid)
        yield Target(lab, port=target.port, root=target.root, remote_root=target.root,
                     user=account.pw_name, host_keys=target.host_keys,
                     password=lab.password, uid=account.pw_uid, has_keys=False)


@contextlib.contextmanager
def sftp_server(lab, name):
    """ferry-sftp-server on a client's pipes: nothing to start, nothing to log in to."""
    target = Target(lab, port=0, root=_share(lab, name), remote_root=lab.path(f"share-{name}"),
                    user="nobody", host_keys=[])
    target.command = lab.program("ferry-sftp-server")
    yield target


@contextlib.contextmanager
def proftpd(lab, name):
    """ProFTPD's mod_sftp with one virtual user."""
    daemon = need_program("proftpd", "proftpd-core")
    share = _share(lab, name)
    uid, gid = os.geteuid(), os.getegid()
    # mod_sftp and its AuthUserFile insist on modes; the hash is SHA-512 crypt.
    hashed = proc.run(["openssl", "passwd", "-6", "-stdin"], stdin=lab.password + "\n").out.strip()
    users = lab.write(f"{name}.passwd", f"guest:{hashed}:{uid}:{gid}::{share}:/bin/sh\n")
    # It reads RSA keys only from PEM.
    host = lab.build_once("proftpd key", lambda: lab.make_key(
        "host_pem", "-t", "rsa", "-b", "3072", "-m", "PEM"))

    def argv(port):
        config = lab.write(f"{name}.conf", f"""
LoadModule mod_sftp.c
ServerType standalone
ServerName test
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
UseIPv6 off
User {_own_name()}
Group root
RequireValidShell off
RootLogin on
AuthUserFile {users}
AuthOrder mod_auth_file.c
WtmpLog off
TransferLog none
PidFile {lab.path(f'{name}.pid')}
ScoreboardFile {lab.path(f'{name}.scoreboard')}
SFTPEngine on
SFTPLog {lab.path(f'{name}-sftp.log')}
SFTPHostKey {host}
SFTPAuthMethods password
AllowOverwrite on
AllowStoreRestart on
""")
        return [daemon, "-n", "-q", "-c", config]

    with proc.Server(argv, lab.path(f"{name}.log"), env=lab.env) as server:
        yield Target(lab, port=server.port, root=share, remote_root=share, user="guest",
                     host_keys=[host], password=lab.password, has_keys=False)


@contextlib.contextmanager
def rclone(lab, name):
    """`rclone serve sftp`: Go's server side."""
    program = need_program("rclone", "rclone")
    share = _share(lab, name)
    host = lab.host_keys["ed25519"]

    def argv(port):
        return [program, "--config", "/dev/null", "serve", "sftp", share, "--addr",
                f"127.0.0.1:{port}", "--user", "guest", "--pass", lab.password, "--key", host,
                "--vfs-cache-mode", "writes", "--cache-dir", lab.folder(f"{name}-cache"),
                "--dir-cache-time", "0s", "--vfs-write-back", "0s"]

    with proc.Server(argv, lab.path(f"{name}.log"), env=lab.env) as server:
        yield Target(lab, port=server.port, root=share, remote_root="/", user="guest",
                     host_keys=[host], password=lab.password, has_keys=False)


@contextlib.contextmanager
def _peer(lab, name, helper, *, remote_root=None, env=None, **target):
    """A server in peers/: HELPER PORT SHARE HOST_KEY USER PASSWORD AUTHORIZED_KEYS."""
    share = _share(lab, name)
    host = lab.host_keys["ed25519"]

    def argv(port):
        return [*helper, port, share, host, "guest", lab.password, lab.user_key + ".pub"]

    with proc.Server(argv, lab.path(f"{name}.log"), env=env or lab.env) as server:
        yield Target(lab, port=server.port, root=share, remote_root=remote_root or share,
                     user="guest", host_keys=[host], password=lab.password, **target)


def asyncssh(lab, name):
    return _peer(lab, name, clients.python_peer("asyncssh", "asyncssh_server.py"),
                 remote_root="/")


def paramiko(lab, name):
    return _peer(lab, name, clients.python_peer("paramiko", "paramiko_server.py"))


def ssh2(lab, name):
    return _peer(lab, name, clients.node_peer("ssh2_server.js"), env=clients.node_env(lab))


def go_sftp(lab, name):
    return _peer(lab, name, [clients.go_peer(lab, "go_server")])


def erlang(lab, name):
    escript = need_program("escript", "erlang-base")
    return _peer(lab, name, [escript, os.path.join(clients.PEERS, "erlang_server.escript")],
                 remote_root="/",
                 # Erlang 25 mistakes a name's bytes for Latin-1 when it lists a folder.
                 names=files.ODD_ASCII_NAMES)


@contextlib.contextmanager
def _account_server(lab, name, argv, host):
    """A server that knows only accounts of this machine, by key."""
    account = lab.need_system_user()
    share = _share(lab, name, account.pw_uid)
    with proc.Server(argv, lab.path(f"{name}.log"), env=lab.env) as server:
        yield Target(lab, port=server.port, root=share, remote_root=share,
                     user=account.pw_name, host_keys=[host], uid=account.pw_uid)


def _write_public(lab, host, shown):
    """Keep the public key that a foreign tool printed among other things."""
    line = next(line for line in shown.splitlines() if line.startswith("ssh-ed25519 "))
    return lab.write(os.path.basename(host) + ".pub", line + "\n")


def dropbear(lab, name):
    daemon = need_program("dropbear", "dropbear-bin")
    host = lab.path("dropbear_host")

    def argv(port):
        return [daemon, "-F", "-E", "-p", f"127.0.0.1:{port}", "-r", host]

    def make_key():
        # dropbear has a key format of its own.
        proc.run([need_program("dropbearkey", "dropbear-bin"), "-t", "ed25519", "-f", host])
        return _write_public(lab, host, proc.run(["dropbearkey", "-y", "-f", host]).out)

    lab.build_once("dropbear key", make_key)
    return _account_server(lab, name, argv, host)


def tinysshd(lab, name):
    daemon = need_program("tinysshd", "tinysshd")
    keys = lab.path("tinyssh-keys")
    host = lab.path("tinyssh_host")

    def argv(port):
        return [sys.executable, os.path.join(clients.PEERS, "inetd.py"), port,
                daemon, "-x", f"sftp={SFTP_SERVER}", keys]

    def make_key():
        proc.run([need_program("tinysshd-makekey", "tinysshd"), keys])
        return _write_public(lab, host, proc.run(["tinysshd-printkey", keys]).out)

    lab.build_once("tinyssh key", make_key)
    return _account_server(lab, name, argv, host)
