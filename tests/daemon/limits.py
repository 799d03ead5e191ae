"""Peers that say nothing, too much, or the wrong thing."""

import contextlib
import os
import socket
import subprocess
import time

import proc
from daemon import Ferryd, await_true, descriptors_of, status_of
from report import check, check_equal


def first_octets(peer):
    """What the server says first; b'' when it closes without a word."""
    with contextlib.suppress(OSError):
        return peer.recv(200)
    return b""


def silent_connections_are_bounded_by_source(lab):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Ferryd(lab))
        peers = [stack.enter_context(server.connect()) for _ in range(40)]
        greetings = [first_octets(peer) for peer in peers]
        check_equal(sum(words.startswith(b"SSH-2.0-") for words in greetings), 10,
                    "connections let in")
        check(any(b"Too many connections" in words for words in greetings),
              "the others were not told why")
        check_equal(len(server.connections()), 10, "processes")
        # Another source is not concerned.
        server.sftp("ls", BindAddress="127.0.0.2")
        check("refused connection from 127.0.0.1" in server.err(), "nothing was logged")
        check(server.err().count("refused connection") < 10, "a line for each was logged")


def silent_connections_end_and_give_their_places_back(lab):
    with contextlib.ExitStack() as stack:
        grace = 2 * proc.slowness
        server = stack.enter_context(Ferryd(lab, "--login-grace", f"{grace:.0f}"))
        peers = [stack.enter_context(server.connect()) for _ in range(10)]
        await_true(lambda: len(server.connections()) == len(peers), "they did not come in")
        await_true(lambda: not server.connections(), "they were kept", seconds=8)
        server.sftp("ls")


def talkers_that_never_log_in_end(lab):
    with Ferryd(lab, "--login-grace", "2") as server, server.connect() as peer:
        check(first_octets(peer).startswith(b"SSH-2.0-"), "no greeting")
        peer.sendall(b"SSH-2.0-Slow\r\n")
        begin = time.monotonic()
        while first_octets(peer):
            check(time.monotonic() - begin < 10 * proc.slowness, "it was kept")


def many_silent_sources_leave_room(lab):
    """The random early drop: however many sources there are, logins go on."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Ferryd(lab))
        for i in range(150):
            peer = server.connect(source=f"127.0.1.{i + 1}")
            stack.enter_context(peer)
        await_true(lambda: len(server.connections()) > 20, "too few were let in")
        check(len(server.connections()) < 150, "nobody was dropped")
        for _ in range(30):
            if server.sftp("ls", statuses=None, BindAddress="127.0.0.3").status == 0:
                return
        check(False, "no login in 30 attempts")


def bad_identifications_end_quickly(lab):
    cases = (b"GET / HTTP/1.0\r\n\r\n", b"SSH-1.5-old\r\n", b"SSH-2.0-" + b"x" * 300,
             b"\0" * 100, b"SSH-2.0-a\0b\r\n", b"SSH-2.0-\x1b[31m\r\n", b"\x16\x03\x01" * 30,
             b"SSH-2.0\r\n", os.urandom(5000))
    # Those without a line end are cut off by time, here two seconds.
    with Ferryd(lab, "--login-grace", "2") as server:
        for case in cases:
            with server.connect(seconds=5 * proc.slowness) as peer:
                with contextlib.suppress(ConnectionError):
                    peer.sendall(case)
                said = b""
                with contextlib.suppress(ConnectionError):
                    while more := peer.recv(4096):
                        said += more
                check(len(said) < 2000, f"{case[:20]!r} was answered with {len(said)} octets")
        server.sftp("ls")
        check("\x1b" not in server.err(), "an escape reached the log")


def garbage_after_the_identification_ends_quickly(lab):
    with Ferryd(lab) as server:
        for garbage in (b"\xff" * 64, b"\0" * 64, b"\x00\x00\x00\x0c\x0a\x15" + b"\0" * 10,
                        b"\x00\x00\x88\xb8" + b"\0" * 40000):
            with server.connect(seconds=5 * proc.slowness) as peer:
                with contextlib.suppress(ConnectionError):
                    peer.sendall(b"SSH-2.0-Test\r\n" + garbage)
                    while peer.recv(4096):
                        pass
        server.sftp("ls")


def count_descriptors(server):
    """Of those that stay; only root may look."""
    if os.geteuid() != 0:
        return None
    return [len(descriptors_of(pid))
            for pid in (server.child.pid, server.monitor(), server.spawner())]


def thousand_connections_leave_nothing_behind(lab):
    with Ferryd(lab) as server:
        server.sftp("ls")
        await_true(lambda: not server.connections(), "a connection lingers")
        before = count_descriptors(server)
        for i in range(1000):
            with server.connect(source=f"127.0.2.{i % 250 + 1}") as peer:
                if i % 3:
                    first_octets(peer)
                if i % 3 == 2:
                    peer.sendall(b"SSH-2.0-Churn\r\n")
        await_true(lambda: not server.connections(), "connections linger", seconds=20)
        # The last word of a process's end may still be on its way.
        await_true(lambda: count_descriptors(server) == before,
                   "listener, monitor or spawner have more descriptors than before")
        for pid in (server.child.pid, server.monitor(), server.spawner()):
            check(int(status_of(pid)["VmRSS"].split()[0]) < 40000 * proc.slowness,
                  f"{status_of(pid)['Name']} has grown")
        server.sftp("ls")


def log_reader_that_sleeps_stops_nobody(lab):
    reader, writer = os.pipe()
    try:
        with Ferryd(lab, "-vv", stderr=writer) as server:
            for _ in range(40):
                server.sftp("ls\nls\nls\npwd")
            with server.session() as client:
                for _ in range(400):
                    client.ask("ls -l", "sftp>")
    finally:
        os.close(reader)
        os.close(writer)


def hostile_words_reach_the_log_encoded(lab):
    with Ferryd(lab) as server:
        server.sftp("-get \x1b[31mred\n-put /etc/hostname \"line\nbreak\"", statuses=None)
        server.sftp("ls", user="e\x1b]0;x\x07vil", statuses=(255,))
        log = server.err()
        check("\x1b" not in log and "\x07" not in log, "an escape reached the log")
        for line in log.splitlines():
            check(line[:2] == "20" and " ferryd[" in line, f"a line of its own: {line!r}")


def long_password_costs_no_more(lab):
    with Ferryd(lab) as server:
        begin = time.monotonic()
        server.sftp("ls", password="x" * 1000, statuses=(255,))
        server.sftp("ls", password="x" * 1020, statuses=(255,))
        check(time.monotonic() - begin < 10 * proc.slowness, "it took long")
        server.sftp("ls")


def half_closed_connections_end(lab):
    with Ferryd(lab) as server:
        with server.connect() as peer:
            first_octets(peer)
            peer.sendall(b"SSH-2.0-Half\r\n")
            peer.shutdown(socket.SHUT_WR)
            await_true(lambda: not server.connections(), "it was kept")
            peer.settimeout(5 * proc.slowness)
            while peer.recv(4096):
                pass  # until it has ended for us as well


def forty_sessions_at_once(lab):
    with Ferryd(lab) as server:
        server.put("file", b"y" * 10000)
        options, env = server.ssh_options()
        clients = []
        try:
            for i in range(40):
                # pylint: disable=consider-using-with
                clients.append(subprocess.Popen(
                    ["sftp", "-o", "BatchMode=no", *options, "-o",
                     f"BindAddress=127.0.3.{i % 20 + 1}", "-P", str(server.port), "-b", "-",
                     "guest@127.0.0.1"], env=env, stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    cwd=server.home, start_new_session=True))
                time.sleep(0.05)
            for i, client in enumerate(clients):
                _, err = client.communicate(f"get file h{i}\n".encode(),
                                            timeout=60 * proc.slowness)
                check_equal(client.returncode, 0, f"status of client {i}: {err[-200:]}")
        finally:
            for client in clients:
                proc.end_group(client, 0.1)


TESTS = (
    silent_connections_are_bounded_by_source, silent_connections_end_and_give_their_places_back,
    talkers_that_never_log_in_end, many_silent_sources_leave_room,
    bad_identifications_end_quickly, garbage_after_the_identification_ends_quickly,
    thousand_connections_leave_nothing_behind, log_reader_that_sleeps_stops_nobody,
    hostile_words_reach_the_log_encoded, long_password_costs_no_more,
    half_closed_connections_end, forty_sessions_at_once,
)
