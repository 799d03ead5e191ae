"""The commands that look at a running daemon and steer it."""

import json
import os
import socket
import time

from ferryd_run import PASSWORD, Site, ids_of, need_root
from options import greeting
from procfs import await_true
from report import check, check_equal


def ask(site, *words, **more):
    return site.command(*words, "-f", site.config_path, **more)


def status_tells_of_logins(lab):
    with Site(lab) as site:
        site.add_user("alice")
        site.refuses("alice", password="wrong")
        with site.client("alice", password=PASSWORD):
            told = json.loads(ask(site, "status", "--json").out)
            check_equal((told["pid"], told["logins_ok"], told["authenticated"]),
                        (site.child.pid, 1, 1), "pid, logins, sessions")
            check(told["logins_failed"] >= 1, str(told))
            check("seccomp" in told["walls"] or "missing" in told["walls"], told["walls"])


def session_list_tells_who_and_what(lab):
    with Site(lab) as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client, \
                client.sftp.open("report.csv", "wb") as out:
            out.write(b"x" * 50000)
            out.stat()
            row = next(row for row in site.sessions() if row["account"] == "alice")
            check_equal(row["address"], "127.0.0.1", "address")
            check("paramiko" in row["client"], row["client"])
            check("report.csv" in row.get("file", ""), str(row))
            check(row["octets_in"] >= 50000, str(row))


def session_kill_ends_it(lab):
    with Site(lab) as site:
        site.add_user("alice")
        site.add_user("bob")
        with site.client("alice", password=PASSWORD) as one, \
                site.client("bob", password=PASSWORD) as other:
            row = next(row for row in site.sessions() if row["account"] == "alice")
            ask(site, "session", "kill", str(row["id"]))
            await_true(lambda: not one.is_alive(), "it goes on")
            other.sftp.listdir("/")
            ask(site, "session", "kill", "--user", "bob")
            await_true(lambda: not other.is_alive(), "it goes on")


def ban_keeps_a_source_out_until_it_is_taken_back(lab):
    with Site(lab) as site:
        def is_greeted(source):
            with site.connect(source, seconds=5) as peer:
                return greeting(peer).startswith(b"SSH-2.0-")
        ask(site, "ban", "add", "127.0.0.8/30", "--for", "10m", "--reason", "test")
        check(not is_greeted("127.0.0.9"), "it is let in")
        check(is_greeted("127.0.0.2"), "another one is not")
        listed = ask(site, "ban", "list", "--json").out
        check("127.0.0.8/30" in listed and "test" in listed, listed)
        ask(site, "ban", "del", "127.0.0.8/30")
        check(is_greeted("127.0.0.9"), "it is still kept out")


def ban_outlives_a_restart(lab):
    with Site(lab) as site:
        ask(site, "ban", "add", "127.0.0.9")
        site.stop()
        site.start()
        with site.connect("127.0.0.9", seconds=5) as peer:
            check(not greeting(peer).startswith(b"SSH-2.0-"), "it is forgotten")


def metrics_are_prometheus_text(lab):
    with Site(lab) as site:
        path = site.path("run", "ferry.prom")
        ask(site, "metrics", "--output", path)
        with open(path, encoding="ascii") as file:
            text = file.read()
        for line in text.splitlines():
            check(line.startswith("#") or line.split()[-1].replace(".", "").isdigit(), line)
        check("ferry_connections_accepted_total" in text, text[:500])


def commands_without_a_daemon_say_so(lab):
    with Site(lab) as site:
        site.stop()
        result = ask(site, "status", statuses=(1,))
        check(result.err.strip() and len(result.err.splitlines()) <= 2, result.describe())


def control_socket_is_for_the_daemons_user_alone(lab):
    """By mode and, where a mode would let it pass, by the kernel's word."""
    need_root(lab)
    with Site(lab) as site:
        path = site.path("run", "control")
        os.chmod(path, 0o777)
        child = os.fork()
        if child == 0:
            os.setresgid(*[ids_of("nobody")[1]] * 3)
            os.setresuid(*[ids_of("nobody")[0]] * 3)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
                peer.settimeout(5)
                try:
                    peer.connect(path)
                    peer.send(b"\x01\0\0\0\x01\0\0\0" + bytes(4096))
                    os._exit(1 if peer.recv(65536) else 0)
                except OSError:
                    os._exit(0)
        check_equal(os.waitpid(child, 0)[1], 0, "somebody else's talk with the daemon")
        ask(site, "status")


def control_clients_that_sleep_stop_nobody(lab):
    with Site(lab) as site:
        site.add_user("alice")
        peers = []
        for _ in range(20):
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            peer.setblocking(False)
            try:
                peer.connect(site.path("run", "control"))
            except OSError:
                pass  # as many as it takes
            peers.append(peer)
        begin = time.monotonic()
        check(not site.refuses("alice", password=PASSWORD), "no login")
        check(time.monotonic() - begin < 5, "a login waits for them")
        for peer in peers:
            peer.close()
        await_true(lambda: ask(site, "status", statuses=None).status == 0, "no status")


def reload_and_reopen_by_command(lab):
    with Site(lab) as site:
        site.configure("VersionAddendum Reloaded")
        ask(site, "reload")
        site.await_notice("READY=1")
        with site.connect() as peer:
            check(b"Reloaded" in greeting(peer), "the new configuration does not hold")
        ask(site, "reopen")


TESTS = (
    status_tells_of_logins, session_list_tells_who_and_what, session_kill_ends_it,
    ban_keeps_a_source_out_until_it_is_taken_back, ban_outlives_a_restart,
    metrics_are_prometheus_text, commands_without_a_daemon_say_so,
    control_socket_is_for_the_daemons_user_alone, control_clients_that_sleep_stop_nobody,
    reload_and_reopen_by_command,
)
