"""The walls, read back from the kernel (threats S1 to S6, K8)."""

import base64
import os
import re

from daemon import Ferryd, PASSWORD, descriptors_of, memory_holds, status_of
from report import Skipped, check, check_equal


def need_root():
    if os.geteuid() != 0:
        raise Skipped("needs root to look into other processes")


def has_filter(server):
    return "missing: seccomp" not in server.walls()


def processes_stand_behind_their_walls(lab):
    with Ferryd(lab) as server, server.session() as client:
        client.ask("pwd", "/")
        (connection,) = server.connections()
        for pid in (server.monitor(), connection):
            facts = status_of(pid)
            check_equal(facts["NoNewPrivs"], "1", "NoNewPrivs")
            if has_filter(server):
                check_equal(facts["Seccomp"], "2", "Seccomp")
        check_equal(status_of(server.child.pid)["NoNewPrivs"], "1", "NoNewPrivs of the listener")


def walls_stand_before_the_first_octet(lab):
    with Ferryd(lab) as server, server.connect() as peer:
        peer.recv(100)  # our identification is sent from inside
        (connection,) = server.connections()
        facts = status_of(connection)
        check_equal(facts["NoNewPrivs"], "1", "NoNewPrivs")
        if has_filter(server):
            check_equal(facts["Seccomp"], "2", "Seccomp")


def limits_are_set(lab):
    need_root()
    with Ferryd(lab) as server, server.session() as client:
        client.ask("pwd", "/")
        (connection,) = server.connections()
        with open(f"/proc/{connection}/limits", encoding="ascii") as rows:
            text = rows.read()
        for pattern in (r"core file size +0 +0", r"processes +0 +0", r"open files +10\d\d"):
            check(re.search(pattern, text), f"{pattern} not in {text}")


def descriptors_are_the_documented_ones(lab):
    need_root()
    with Ferryd(lab) as server, server.session() as client:
        client.ask("pwd", "/")
        (connection,) = server.connections()
        kinds = sorted(re.sub(r"[:\[].*", "", what)
                       for fd, what in descriptors_of(connection).items() if fd > 2)
        for fd in (0, 1):
            check_equal(descriptors_of(connection)[fd], "/dev/null", f"descriptor {fd}")
        # The peer, the monitor, the signals, the shared folder.
        check_equal(kinds, sorted(["socket", "socket", "anon_inode", server.share]),
                    "descriptors of a connection")
        kinds = [what for fd, what in descriptors_of(server.monitor()).items() if fd > 2]
        # The link to the listener, one connection.
        check(len(kinds) == 2 and all(kind.startswith("socket") for kind in kinds),
              f"descriptors of the monitor: {kinds}")


def only_the_monitor_holds_keys(lab):
    """A memory image of the listener and of a connection holds neither the host
    key nor the password, before and after a login (threats K8)."""
    need_root()
    password = "zebra-" + PASSWORD + "-quagga"
    with Ferryd(lab, password=password) as server:
        if server.is_sanitized():
            raise Skipped("a sanitizer's shadow memory is too large to search")
        with open(os.path.join(server.home, "state", "ferry", "ssh_host_ed25519_key"),
                  encoding="ascii") as key:
            lines = key.read().split("\n")
        blob = base64.b64decode("".join(lines[1:-2]))
        # openssh-key-v1: the seed lies in front of the last copy of the public half.
        public = blob[blob.index(b"ssh-ed25519") + 15:][:32]
        secret = blob[blob.rindex(public) - 32:blob.rindex(public)]
        needles = {secret, secret[:16], password.encode()}
        with server.session(password=password) as client:
            client.ask("pwd", "/")
            (connection,) = server.connections()
            for name, pid in (("listener", server.child.pid), ("connection", connection)):
                check(not memory_holds(pid, needles), f"a secret is in the {name}'s memory")
            check(secret[:16] in memory_holds(server.monitor(), needles),
                  "the test does not find the key where it must be")
            check(password.encode() not in memory_holds(server.monitor(), needles),
                  "the password is in the monitor's memory")


def one_process_serves_an_idle_session(lab):
    with Ferryd(lab) as server, server.session() as client:
        client.ask("pwd", "/")
        check_equal(len(server.connections()), 1, "processes")
        path = f"/proc/{server.connections()[0]}/smaps_rollup"
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
    processes_stand_behind_their_walls, walls_stand_before_the_first_octet, limits_are_set,
    descriptors_are_the_documented_ones, only_the_monitor_holds_keys,
    one_process_serves_an_idle_session, required_walls_are_there_or_it_does_not_start,
    everything_works_behind_the_walls,
)
