"""The walls, read back from the kernel (threats S1 to S6, K8)."""

import base64
import contextlib
import os
import re

from daemon import Ferryd, PASSWORD, await_true, memory_holds, status_of
from report import Skipped, check, check_equal


def need_root():
    if os.geteuid() != 0:
        raise Skipped("needs root to look into other processes")


def has_filter(server):
    return "missing: seccomp" not in server.walls()


def roles_of(server):
    """Role -> pid, with one login under way and one done."""
    await_true(lambda: len(server.connections()) == 2, "not one process a connection")
    return {"listener": server.child.pid, "monitor": server.monitor(),
            "spawner": server.spawner(), "preauth": server.pre_auths()[0],
            "session": server.sessions()[0]}


def processes_stand_behind_their_walls(lab):
    with Ferryd(lab) as server, server.session() as client, server.connect() as peer:
        client.ask("pwd", "/")
        peer.recv(100)
        for role, pid in roles_of(server).items():
            facts = status_of(pid)
            check_equal(facts["NoNewPrivs"], "1", f"NoNewPrivs of the {role}")
            if has_filter(server) and role not in ("listener", "spawner"):
                check_equal(facts["Seccomp"], "2", f"Seccomp of the {role}")


def walls_stand_before_the_first_octet(lab):
    with Ferryd(lab) as server, server.connect() as peer:
        peer.recv(100)  # our identification is sent from inside
        (connection,) = server.pre_auths()
        facts = status_of(connection)
        check_equal(facts["NoNewPrivs"], "1", "NoNewPrivs")
        if has_filter(server):
            check_equal(facts["Seccomp"], "2", "Seccomp")


def capabilities_are_gone_where_documented(lab):
    """Started as root: before the login and in the monitor there are none left, neither
    to use nor to have again."""
    need_root()
    with Ferryd(lab) as server, server.connect() as peer:
        peer.recv(100)
        for pid in (server.monitor(), server.pre_auths()[0]):
            facts = status_of(pid)
            for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                check_equal(int(facts[kind], 16), 0, f"{kind} of {facts['Name']}")


MIB = 1 << 20
LIMITS = {  # those whom daemon/sandbox.c limits
    "core file size": {"monitor": 0, "preauth": 0, "session": 0},
    "processes": {"monitor": 0, "preauth": 0, "session": 0},
    "locked memory": {"monitor": 0, "preauth": 0, "session": 0},
    "msgqueue size": {"monitor": 0, "preauth": 0, "session": 0},
    "open files": {"preauth": 16, "session": 1088},
    "data size": {"monitor": 256 * MIB, "preauth": 64 * MIB, "session": 256 * MIB},
}


def limits_are_set(lab):
    need_root()
    with Ferryd(lab) as server, server.session() as client, server.connect() as peer:
        client.ask("pwd", "/")
        peer.recv(100)
        pids = roles_of(server)
        for what, wanted in LIMITS.items():
            for role, limit in wanted.items():
                if what == "data size" and server.is_sanitized():
                    continue
                with open(f"/proc/{pids[role]}/limits", encoding="ascii") as rows:
                    check(re.search(f"^Max {what} +{limit} +{limit} ", rows.read(), re.M),
                          f"{what} of the {role} is not {limit}")


def host_key_of(server):
    """The secret of a server's generated key."""
    with open(os.path.join(server.home, "state", "ferry", "ssh_host_ed25519_key"),
              encoding="ascii") as key:
        lines = key.read().split("\n")
    blob = base64.b64decode("".join(lines[1:-2]))
    # openssh-key-v1: the seed lies in front of the last copy of the public half.
    public = blob[blob.index(b"ssh-ed25519") + 15:][:32]
    return blob[blob.rindex(public) - 32:blob.rindex(public)]


@contextlib.contextmanager
def login_under_way(server, guess):
    """A client that has guessed a password wrongly and stays."""
    try:
        import paramiko  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise Skipped("python3-paramiko is not installed") from None
    transport = paramiko.Transport(server.connect())
    try:
        transport.start_client(timeout=20)
        with contextlib.suppress(paramiko.AuthenticationException):
            transport.auth_password(server.user, guess, fallback=False)
        yield
    finally:
        transport.close()


def only_the_monitor_holds_keys(lab):
    """Memory images of all others hold neither the host key nor a password, with one
    login done and one under way (threats K8)."""
    need_root()
    password, guess = "zebra-" + PASSWORD + "-quagga", "okapi-" + PASSWORD + "-gnu"
    with Ferryd(lab, password=password) as server:
        if server.is_sanitized():
            raise Skipped("a sanitizer's shadow memory is too large to search")
        secret = host_key_of(server)
        needles = {secret, secret[:16], password.encode(), guess.encode()}
        with server.session(password=password) as client, login_under_way(server, guess):
            client.ask("pwd", "/")
            pids = roles_of(server)
            for role, pid in pids.items():
                held = memory_holds(pid, needles)
                if role == "monitor":
                    check(secret[:16] in held, "the test does not find the key where it must be")
                    held -= {secret, secret[:16]}
                check(not held, f"a secret is in the {role}'s memory")


def one_process_serves_an_idle_session(lab):
    with Ferryd(lab) as server, server.session() as client:
        client.ask("pwd", "/")
        await_true(lambda: len(server.connections()) == 1, "more than one process")
        path = f"/proc/{server.sessions()[0]}/smaps_rollup"
        try:
            with open(path, encoding="ascii") as rows:
                own = int(re.search(r"^Pss_Anon: +(\d+)", rows.read(), re.M).group(1))
        except PermissionError:
            raise Skipped("needs root to read smaps_rollup") from None
        check(own < 1024 or server.is_sanitized(), f"{own} KiB of memory of its own")


def required_walls_are_there_or_it_does_not_start(lab):
    with Ferryd(lab, "--sandbox", "require", ready=False) as server:
        try:
            server._await_ready()  # pylint: disable=protected-access
        except Exception:  # a sanitizer build, or an old kernel
            check("--sandbox require" in server.err(), server.err())
            return
        server.sftp("ls")
        check("Landlock (ABI" in server.walls() and "seccomp" in server.walls(), server.err())


def everything_works_behind_the_walls(lab):
    """Every operation of the client, so that a missing system call shows."""
    with Ferryd(lab) as server:
        upload = os.path.join(server.home, "upload")
        with open(upload, "wb") as out:
            out.write(os.urandom(300000))
        server.sftp(f"put -p {upload} a\nmkdir d\nchmod 700 d\nln a hard\nln -s a soft\n"
                    "ls -la\nls -l d\nrename a d/b\nget -p d/b got\ncopy d/b c\ndf -h\n"
                    "chmod 600 hard\nrm soft\nrm hard\nrm c\nput -R d/../d e\n"
                    f"reput {upload} d/b\nchown 0 d/b\nrm d/b\nrmdir d", statuses=None)
        server.sftp(f"put {upload} x\nget x y\nrename x z\nln -s z s\nls -l\nchmod 640 z\n"
                    "ln z h\nmkdir m\nrename z m/z\nrm m/z\nrm h\nrm s\nrmdir m\ndf")
        check("ended by signal" not in server.err(), server.err()[-500:])


TESTS = (
    processes_stand_behind_their_walls, walls_stand_before_the_first_octet,
    capabilities_are_gone_where_documented, limits_are_set,
    only_the_monitor_holds_keys, one_process_serves_an_idle_session,
    required_walls_are_there_or_it_does_not_start, everything_works_behind_the_walls,
)
