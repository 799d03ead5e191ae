"""The processes behind one listener: what each holds, and what the death of each costs
(threats S1, S4, T5)."""

import contextlib
import os
import signal
import socket
import subprocess
import time

import proc
from access import keygen
from daemon import Ferryd, await_true, descriptors_of, status_of
from report import Skipped, check, check_equal
from start import living
from walls import need_root, roles_of

FORKS_PER_LIFE = 200  # of a spawner: daemon/spawner.c


def layout_of(pid):
    """Where a process's own program, heap, libraries and stack lie."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as rows:
        return {row.split("-")[0] for row in rows}


def need_random_layouts(lab):
    need_root()
    if proc.is_sanitized(lab.ferryd):
        raise Skipped("a sanitizer has its own layout and takes crashes its own way")
    with open("/proc/sys/kernel/randomize_va_space", encoding="ascii") as value:
        if value.read().strip() != "2":
            raise Skipped("this kernel lays all processes out alike")


def await_new_life(server, before):
    """The same process with hardly an address of its life before, ready again."""
    def is_another():
        now = layout_of(server.spawner())
        return len(now & before) <= 2 and descriptors_of(server.spawner()).get(3)
    await_true(is_another, "the spawner's addresses are what they were")


def greets(server, source):
    with server.connect(source=source) as peer:
        return peer.recv(8) == b"SSH-2.0-"


def ends(peer, seconds=5):
    """Whether the server's end of this connection is gone by then."""
    peer.settimeout(seconds)
    try:
        while peer.recv(4096):
            pass
    except ConnectionError:
        return True
    except socket.timeout:
        return False
    return True


# ---- the spawner's lives ----

def spawner_starts_anew_after_many_forks(lab):
    need_random_layouts(lab)
    with Ferryd(lab) as server, server.session() as client:
        server.put("file", b"here")
        client.ask("pwd", "/")
        (session,), spawner = server.sessions(), server.spawner()
        for _ in range(2):
            before = layout_of(spawner)
            for i in range(FORKS_PER_LIFE):
                check(greets(server, f"127.0.4.{i % 200 + 1}"), f"connection {i} was not greeted")
            await_new_life(server, before)
        check_equal(server.roles("spawner"), [spawner], "spawners")
        # Who was there before stays, works, and is still this spawner's to look after.
        client.ask("get file got", "Fetching")
        client.ask("ls -l", "file")
        await_true(lambda: server.connections() == [session], "others are left")
        check_equal(sorted(descriptors_of(spawner)), list(range(10)), "descriptors")
        os.kill(session, signal.SIGKILL)
        server.await_err(f"process {session} of the connection from 127.0.0.1 was ended "
                         "by signal 9")
        server.sftp("ls")


def spawner_starts_anew_after_a_crash(lab):
    need_random_layouts(lab)
    with Ferryd(lab) as server, server.session() as client, server.connect() as peer:
        client.ask("pwd", "/")
        peer.recv(100)
        (session,), (victim,) = server.sessions(), server.pre_auths()
        before = layout_of(server.spawner())
        os.kill(victim, signal.SIGSEGV)
        server.await_err(f"process {victim} of the connection from 127.0.0.1 was ended "
                         "by signal 11")
        check(ends(peer), "the crashed one's peer was not told")
        await_new_life(server, before)
        server.sftp("ls")
        client.ask("ls -l", "sftp>")
        server.child.send_signal(signal.SIGTERM)
        check_equal(server.wait(), 0, "exit status")
        check("the server is stopping" in server.err(), "the old session was not stopped")
        check("cut off" not in server.err() and not living([session]), server.err())


# ---- deaths ----

def without_a_helper_all_end_in_order(lab):
    for role in ("spawner", "monitor"):
        with Ferryd(lab) as server, server.session() as client, server.connect() as peer:
            client.ask("pwd", "/")
            peer.recv(100)
            server.walls()  # said last: all are up
            all_end_without(server, role)
            check(ends(peer), "a connection is still there")
            check("the server is stopping" in server.err(), "the session was not told")


def all_end_without(server, role):
    left, victim = server.processes(), server.roles(role)[0]
    begin = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    check_equal(server.wait(), 1, f"exit status without the {role}")
    check(time.monotonic() - begin < 8 * proc.slowness, "it took too long")
    check(f"process {victim}, which all need, has ended" in server.err(), server.err())
    await_true(lambda: not living(left), f"processes outlived the {role}")


def killed_login_costs_nobody_else(lab):
    with Ferryd(lab) as server, server.session() as client, server.connect() as peer, \
            server.connect() as other:
        client.ask("pwd", "/")
        peer.recv(100)
        (victim,) = server.pre_auths()[:1]
        other.recv(100)
        ports = {str(end.getsockname()[1]): end for end in (peer, other)}
        (port,) = [port for port in ports if f"ferryd[{victim}]: Connection from 127.0.0.1 "
                   f"port {port}" in server.err()]
        os.kill(victim, signal.SIGKILL)
        check(ends(ports.pop(port)), "the killed one's peer was not told")
        server.await_err(f"process {victim} of the connection from 127.0.0.1 was ended "
                         "by signal 9")
        check(victim not in server.connections() and len(server.connections()) == 2,
              "the others are gone")
        (kept,) = ports.values()
        kept.settimeout(0.2)
        try:
            check(kept.recv(4096), "another login was ended")
        except socket.timeout:
            pass
        client.ask("ls -l", "sftp>")
        server.sftp("ls")


def killed_session_ends_for_its_client_at_once(lab):
    with Ferryd(lab) as server, server.session() as one, server.session() as two:
        one.ask("pwd", "/")
        two.ask("pwd", "/")
        check_equal(len(sockets_on(server.port)), 2, "connections in the kernel's table")
        for pid in server.sessions():
            os.kill(pid, signal.SIGKILL)
        await_true(lambda: not sockets_on(server.port), "a client was not told", seconds=3)
        check(not server.connections(), "a process is left")
        server.sftp("ls")


SESSIONS_TO_STOP = 180  # more than their signals have room in the link to the spawner


@contextlib.contextmanager
def many_sessions(server, key):
    """ssh clients without a channel, as many as there are to stop."""
    options, env = server.ssh_options(IdentityFile=key, KexAlgorithms="curve25519-sha256")
    clients = []
    try:
        for i in range(SESSIONS_TO_STOP):
            # pylint: disable=consider-using-with
            clients.append(subprocess.Popen(
                ["ssh", *options, "-b", f"127.0.5.{i + 1}", "-N", "-p", str(server.port),
                 "guest@127.0.0.1"], env=env, stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True))
            # Few logins at a time, or some are dropped.
            await_true(lambda: server.err().count("Accepted publickey") > len(clients) - 10,
                       "the logins do not go on")
        await_true(lambda: len(server.sessions()) == len(clients), "some did not get in")
        yield
    finally:
        for client in clients:
            proc.end_group(client, 0.1)


def everybody_is_told_of_the_stop(lab):
    """Also when the spawner is slow and has no room for all at once."""
    key = keygen(lab.folder(), "key")
    with Ferryd(lab, "--authorized-keys", key + ".pub") as server:
        with many_sessions(server, key):
            os.kill(server.spawner(), signal.SIGSTOP)
            server.child.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            check(server.child.poll() is None, "it did not wait")
            os.kill(server.spawner(), signal.SIGCONT)
            check_equal(server.wait(), 0, "exit status")
        check("cut off" not in server.err(), "some were cut off")
        check_equal(server.err().count("the server is stopping"), SESSIONS_TO_STOP,
                    "sessions that ended in order")


# ---- what each holds ----

def kinds_of(pid, server):
    """Kinds of what a process has open beside 0, 1 and 2, sorted."""
    names = {server.lab.ferryd: "program", os.path.realpath(server.lab.ferryd): "program",
             server.share: "share", os.path.realpath(server.share): "share"}
    kinds = []
    for fd, what in descriptors_of(pid).items():
        if fd > 2:
            what = names.get(what, what).removesuffix(" (deleted)").removeprefix("anon_inode:")
            kinds.append(what.split(":[")[0].strip("[]"))
    return sorted(kinds)


DESCRIPTORS = {
    # One socket that listens, a link to each helper.
    "listener": ["/memfd:ferry-board", "/memfd:ferryd-public", "signalfd"] + 3 * ["socket"],
    # One link to the listener; each process of a connection adds one.
    "monitor": ["eventpoll", "socket"],
    # A link to the listener; the program stands in for two logs that `serve` has not.
    "spawner": ["/memfd:ferry-board", "/memfd:ferryd-public", "program", "program", "program",
                "signalfd", "socket"],
    # Peer, monitor, hand-over.
    "preauth": 3 * ["socket"],
    # Peer, monitor.
    "session": ["share", "signalfd", "socket", "socket"],
}


def descriptors_are_the_documented_ones(lab):
    """Of every role, with one login under way and one done (threats S1, S4)."""
    need_root()
    with Ferryd(lab) as server, server.session() as client, server.connect() as peer:
        client.ask("pwd", "/")
        peer.recv(100)
        pids = roles_of(server)
        # Of a login under way the listener keeps the socket and the hand-over's far end.
        more = {"listener": 2, "monitor": 2}
        for role, pid in pids.items():
            wanted = sorted(DESCRIPTORS[role] + more.get(role, 0) * ["socket"])
            check_equal(kinds_of(pid, server), wanted, f"descriptors of the {role}")
        for role in ("preauth", "session", "spawner"):
            for fd in (0, 1):
                check_equal(descriptors_of(pids[role])[fd], "/dev/null",
                            f"descriptor {fd} of the {role}")
    check("share" not in DESCRIPTORS["preauth"], "the share before a login")


def sockets_of_peers_are_held_where_documented(lab):
    """A peer's socket: its process, and until the login the listener, nobody else."""
    need_root()
    with Ferryd(lab) as server, server.session() as client, server.connect() as peer:
        client.ask("pwd", "/")
        peer.recv(100)
        inodes = sockets_on(server.port)
        check_equal(len(inodes), 2, "connections in the kernel's table")
        holders = {inode: sorted(status_of(pid)["Name"]
                                 for pid in [server.child.pid, *server.processes()]
                                 if f"socket:[{inode}]" in descriptors_of(pid).values())
                   for inode in inodes}
        check_equal(sorted(holders.values()), [["ferryd", "ferryd-preauth"], ["ferryd-session"]],
                    "who has the sockets")


def sockets_on(port):
    """Inodes of established connections to a loopback port."""
    with open("/proc/net/tcp", encoding="ascii") as rows:
        fields = [row.split() for row in rows]
    return [row[9] for row in fields if row[1].endswith(f":{port:04X}") and row[3] == "01"]


TESTS = (
    spawner_starts_anew_after_many_forks, spawner_starts_anew_after_a_crash,
    without_a_helper_all_end_in_order, killed_login_costs_nobody_else,
    killed_session_ends_for_its_client_at_once, everybody_is_told_of_the_stop,
    descriptors_are_the_documented_ones, sockets_of_peers_are_held_where_documented,
)
