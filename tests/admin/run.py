#!/usr/bin/python3
"""The commands that steer a running daemon, against admin_host (tests/admin/host.c).

    run.py [--programs DIR] [--prefix TEXT] [--log FILE] [--list] [NAME...]

Prints `ok NAME`, `not ok NAME: why` or `skip NAME: reason` a test, then the counts.
`top` is driven through a pseudo terminal. Threat ids are those of doc/SECURITY.md.
"""

import argparse
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

# pylint: disable=wrong-import-position
import proc
from report import Report, Skipped, check, check_equal

CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u202e]")
NOBODY = 65534


class Lab:
    def __init__(self, root, programs):
        self.root, self.count = root, 0
        self.bin = os.path.join(root, "bin")
        os.chmod(root, 0o755)
        os.mkdir(self.bin)
        for source in ("tests/admin/admin_host", "tests/admin/admin_command", "ferryd-metrics"):
            path = os.path.join(os.path.abspath(programs), source)
            if os.path.exists(path):
                shutil.copy(path, self.bin)

    def program(self, name):
        path = os.path.join(self.bin, name)
        if not os.path.exists(path):
            raise Skipped(f"{name} was not built")
        return path

    def folder(self):
        self.count += 1
        path = os.path.join(self.root, f"d{self.count}")
        os.mkdir(path)
        return path


class Host:
    """admin_host, from when `with` enters until it leaves."""

    def __init__(self, lab, *more, folder=None):
        self.lab, self.more = lab, more
        self.folder = folder or lab.folder()
        self.socket = os.path.join(self.folder, "run", "control")
        self.child = None

    def __enter__(self):
        self.child = proc.start([self.lab.program("admin_host"), self.socket,
                                 os.path.join(self.folder, "bans"), *self.more])
        proc.wait_until(lambda: self.run("status", statuses=None).status == 0, "the host")
        return self

    def __exit__(self, kind, *_):
        status = proc.end_group(self.child)
        if kind is None:
            check_equal(status, 0, "exit status of admin_host")

    def run(self, *words, **more):
        return proc.run([self.lab.program("admin_command"), *words, "--socket", self.socket],
                        **more)

    def sessions(self):
        out = self.run("session", "list", "--json").out
        return {row["account"]: row for row in map(json.loads, out.splitlines())}


# ---- listing and steering ----

def session_list_tells_who_and_what(lab):
    with Host(lab) as host:
        rows = host.sessions()
        check_equal(set(rows), {"alice", "bob", "carol", ""}, "accounts")
        check_equal((rows["bob"]["address"], rows["bob"]["port"]), ("2001:db8::b0b", 5002), "bob")
        check_equal(rows["alice"]["file"], "/reports/2026/november.csv", "alice's file")
        check("file" not in rows["carol"] and "file_b64" not in rows["carol"], "carol's file")
        check("file_b64" in rows["bob"], "a name that is no UTF-8 is not in base64")
        check(not rows[""]["authenticated"], "who is logging in is listed as logged in")
        proc.wait_until(lambda: host.sessions()["alice"]["rate_in"] > 500_000, "alice's rate")
        check_equal(set(json.loads(line)["account"] for line in host.run(
            "session", "list", "--json", "--user", "carol").out.splitlines()), {"carol"}, "--user")


def hostile_names_reach_no_terminal(lab):
    """L3, G1"""
    with Host(lab) as host:
        for words in (("session", "list"), ("top", "--once"), ("status",),
                      ("session", "list", "--json"), ("status", "--json")):
            out = host.run(*words).out
            check(not CONTROLS.search(out), f"{words}: {out!r}")
        check("\\x1b[2J" in host.run("session", "list").out, "the name is not shown encoded")


def session_kill_by_id_and_by_account(lab):
    with Host(lab) as host:
        rows = host.sessions()
        check("1 session ended" in host.run("session", "kill", rows["bob"]["id"]).out, "words")
        check("bob" not in host.sessions(), "bob is still there")
        check("1 session ended" in host.run("session", "kill", "--user", "carol").out, "words")
        check_equal(set(host.sessions()), {"alice", ""}, "who is left")
        gone = host.run("session", "kill", rows["bob"]["id"], statuses=(1,))
        check("no such session" in gone.err, gone.err)


def status_tells_the_figures(lab):
    with Host(lab) as host:
        told = json.loads(host.run("status", "--json").out)
        check_equal((told["connections"], told["authenticated"], told["logins_ok"]), (4, 3, 3),
                    "counts")
        check_equal(told["pid"], host.child.pid, "pid")
        text = host.run("status").out
        for words in ("4 of 512, 3 logged in", "127.0.0.1:22,[::1]:22", "monitor: all"):
            check(words in text, f"{words} is not in {text}")


def bans_are_kept_and_taken_back(lab):
    with Host(lab) as host:
        host.run("ban", "add", "192.0.2.0/24", "--for", "1h", "--reason", "a b\tc")
        host.run("ban", "add", "2001:db8::1")
    with Host(lab, folder=host.folder) as again:
        rows = {row["address"]: row for row in
                map(json.loads, again.run("ban", "list", "--json").out.splitlines())}
        check_equal(set(rows), {"192.0.2.0/24", "2001:db8::1", "203.0.113.1"}, "addresses")
        check(abs(rows["192.0.2.0/24"]["until"] - time.time() - 3600) < 60, "until")
        check_equal(rows["192.0.2.0/24"]["reason"], "a b\\tc", "reason")
        check("until" not in rows["2001:db8::1"], "for ever has an end")
        check_equal(rows["203.0.113.1"]["kind"], "penalty", "the sinner's kind")
        again.run("ban", "del", "192.0.2.0/24")
        again.run("ban", "del", "203.0.113.1")  # a penalty is forgiven likewise
        check("not" not in again.run("ban", "list").out, "list")
        never = again.run("ban", "del", "192.0.2.0/24", statuses=(1,))
        check("neither banned nor penalised" in never.err, never.err)
        check_equal(len(again.run("ban", "list", "--json").out.splitlines()), 1, "bans left")
    mode = os.stat(os.path.join(host.folder, "bans")).st_mode
    check_equal(stat.S_IMODE(mode), 0o600, "mode of the file of bans")


def reload_and_reopen_answer(lab):
    with Host(lab) as host:
        check("read again" in host.run("reload").out, "no answer")
        bad = host.run("reload", statuses=(1,))
        check_equal(bad.err, 'ferryd: ferryd.conf:7: unknown keyword "Prot"\n', "sentence")
        check("opened again" in host.run("reopen").out, "no answer")


# ---- without a daemon, and misuse ----

def nobody_there_is_said_in_one_sentence(lab):
    command, folder = lab.program("admin_command"), lab.folder()
    stale = os.path.join(folder, "stale")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:
        left.bind(stale)
    for words in (("session", "list"), ("top", "--once"), ("status",), ("ban", "list"),
                  ("ban", "add", "192.0.2.1"), ("metrics",), ("reload",), ("reopen",)):
        for path in (os.path.join(folder, "missing"), stale):
            result = proc.run([command, *words, "--socket", path], statuses=(1,))
            check_equal(result.err, f"ferryd: no ferryd answers at {path}; is it running?\n",
                        f"{words}")
            check_equal(result.out, "", f"{words} on standard output")


def daemon_that_says_nothing_is_given_up(lab):
    path = os.path.join(lab.folder(), "mute")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as mute:
        mute.bind(path)
        mute.listen(8)
        begin = time.monotonic()
        result = proc.run([lab.program("admin_command"), "status", "--socket", path],
                          statuses=(1,))
        check("does not answer" in result.err, result.err)
        check(5 < time.monotonic() - begin < 30 * proc.slowness, "it waited oddly long")


def usage_errors_exit_2(lab):
    command = lab.program("admin_command")
    for words, sentence in (
            (("session",), "what about sessions"), (("session", "lst"), "session lst"),
            (("session", "list", "x"), '"x" is too much'), (("session", "kill"), "either an ID"),
            (("session", "kill", "1", "--user", "a"), "either an ID"),
            (("session", "kill", "-1"), "unknown option"),
            (("session", "kill", "1x"), "no session's ID"),
            (("session", "kill", "99999999999999999999"), "no session's ID"),
            (("session", "kill", "--user", "a" * 65), "longer than a name"),
            (("session", "kill", "--user", ""), "--user needs NAME"),
            (("ban", "add"), "is missing"), (("ban", "add", "host.example"), "no address"),
            (("ban", "add", "192.0.2.1/24"), "no address"),
            (("ban", "add", "192.0.2.1", "--for", "soon"), "no time"),
            (("ban", "add", "192.0.2.1", "--for", "0"), "no time"),
            (("ban", "add", "192.0.2.1", "--reason", "r" * 200), "at most 127"),
            (("status", "--json=1"), "takes no value"), (("status", "--socket"), "needs PATH"),
            (("metrics", "--output", "a", "--listen", "b"), "either"), (("nonsense",), "unknown")):
        result = proc.run([command, *words], statuses=(2,))
        check(sentence in result.err, f"{words}: {result.err}")


def help_goes_to_standard_output(lab):
    for name in ("session", "top", "status", "ban", "metrics", "reload", "reopen"):
        for word in ("--help", "-h"):
            shown = proc.run([lab.program("admin_command"), name, word])
            check(shown.out.startswith(f"usage: ferryd {name}") and not shown.err, shown.out)


def manual_tells_of_every_option(lab):
    page = os.path.join(HERE, "..", "..", "doc", "ferryd-admin.8")
    with open(page, encoding="utf-8") as text:
        told = set(re.findall(r"^\.It Fl (?:[a-zA-Z] , Fl )?-([a-z]+)", text.read(), re.M))
    for name in ("session", "top", "status", "ban", "metrics", "reload", "reopen", "audit"):
        shown = proc.run([lab.program("admin_command"), name, "--help"]).out
        for word in re.findall(r"^  (?:-., )?--([a-z]+)", shown, re.M):
            check(word in told, f"{name} --{word} is not in doc/ferryd-admin.8")


# ---- metrics ----

METRIC = re.compile(r'^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"\})? (\d+)$')


def read_metrics(text):
    """Check the exposition format's grammar; name and labels -> figure."""
    types, figures, helped = {}, {}, set()
    check(text.endswith("\n"), "no newline at the end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            check(name not in helped, f"{name} has two HELP lines")
            helped.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            check(name in helped and name not in types, f"order of TYPE of {name}")
            check(kind in ("counter", "gauge"), f"type {kind}")
            check((kind == "counter") == name.endswith("_total"), f"{name} is a {kind}")
            types[name] = kind
        else:
            match = METRIC.match(line)
            check(match and match[1] == list(types)[-1], f"line {line!r}")
            key = match[1] + (match[2] or "")
            check(key not in figures, f"{key} comes twice")
            figures[key] = int(match[3])
    return figures


def metrics_are_prometheus_text(lab):
    with Host(lab) as host:
        figures = read_metrics(host.run("metrics").out)
        check_equal(figures["ferry_connections"], 4, "connections")
        check_equal(figures['ferry_logins_total{result="ok"}'], 3, "logins")
        check(figures['ferry_file_bytes_total{direction="in"}'] > 0, "octets in")
        check(not any("alice" in name or "192.0.2" in name for name in figures), "labels")


def metrics_file_is_replaced_whole(lab):
    with Host(lab) as host:
        path = os.path.join(host.folder, "ferry.prom")
        for _ in range(3):
            host.run("metrics", "--output", path)
            with open(path, encoding="ascii") as file:
                read_metrics(file.read())
        check_equal(stat.S_IMODE(os.stat(path).st_mode), 0o644, "mode")
        check_equal(sorted(os.listdir(host.folder)), ["ferry.prom", "run"], "what is left there")
        failed = host.run("metrics", "--output", os.path.join(path, "x"), statuses=(1,))
        check("Not a directory" in failed.err, failed.err)


class Metrics:
    """ferryd metrics --listen, from when `with` enters until it leaves."""

    def __init__(self, host):
        self.host, self.child, self.port = host, None, None

    def __enter__(self):
        self.host.lab.program("ferryd-metrics")
        self.child = proc.start([self.host.lab.program("admin_command"), "metrics", "--listen",
                                 "127.0.0.1:0", "--socket", self.host.socket],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = self.child.stdout.readline().decode()
        self.port = int(re.search(r":(\d+)/metrics", line).group(1))
        return self

    def __exit__(self, *_):
        proc.end_group(self.child)
        self.child.stdout.close()

    def ask(self, request):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as peer:
            peer.sendall(request.encode())
            got = b""
            while piece := peer.recv(65536):
                got += piece
        head, _, body = got.decode().partition("\r\n\r\n")
        return head, body

    def get(self, path, method="GET"):
        return self.ask(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


def metrics_over_http_from_their_own_program(lab):
    """S8"""
    with Host(lab) as host, Metrics(host) as server:
        head, body = server.get("/metrics")
        check(head.startswith("HTTP/1.1 200") and "version=0.0.4" in head, head)
        check_equal(read_metrics(body)["ferry_connections"], 4, "connections")
        for path in ("/", "/metrics/", "/metrics/../etc/passwd", "//metrics", "/admin"):
            check(server.get(path)[0].startswith("HTTP/1.1 404"), path)
        check(server.get("/metrics", "DELETE")[0].startswith("HTTP/1.1 405"), "DELETE")
        head, _ = server.ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                             "Connection: close\r\n\r\nhello")
        check(not head.startswith("HTTP/1.1 200"), head)


def metrics_program_has_no_privileges_left(lab):
    """S8: neither user, files nor rights; nothing but its sockets."""
    with Host(lab) as host, Metrics(host) as server:
        with open(f"/proc/{server.child.pid}/status", encoding="ascii") as text:
            facts = dict(line.rstrip("\n").split(":\t", 1) for line in text if ":\t" in line)
        check_equal(facts["NoNewPrivs"], "1", "NoNewPrivs")
        if os.geteuid() != 0:
            raise Skipped("user and capabilities change only when started as root")
        check_equal(set(facts["Uid"].split()), {str(NOBODY)}, "user ids")
        check_equal(facts["Groups"].strip(), "", "groups")
        for name in ("CapPrm", "CapEff", "CapAmb"):
            check_equal(int(facts[name], 16), 0, name)


def metrics_program_ends_with_the_daemon(lab):
    with Host(lab) as host, Metrics(host) as server:
        proc.end_group(host.child)
        # An answer of less than a second ago is given again.
        proc.wait_until(lambda: server.get("/metrics")[0].startswith("HTTP/1.1 503"),
                        "figures to be no more")
        check_equal(server.child.wait(timeout=10 * proc.slowness), 1, "exit status")


# ---- hostile clients ----

def connect(host):
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    peer.settimeout(10 * proc.slowness)
    peer.connect(host.socket)
    return peer


def requests_of_odd_sizes_close_the_connection(lab):
    """S8, S2"""
    with Host(lab) as host:
        for size in (1, 8, 100, 1000, 4096, 65536):
            with connect(host) as peer:
                peer.send(b"\x01" * size)
                check_equal(peer.recv(65536), b"", f"answer to {size} octets")
        host.run("status")


def client_that_never_reads_is_dropped(lab):
    with Host(lab) as host:
        silent = [connect(host) for _ in range(7)]
        host.run("status")  # the eighth
        for peer in silent:
            peer.close()
        with connect(host) as peer:  # asks again and again, reads nothing
            peer.setblocking(False)
            request = struct.pack("<IIQQQ", 1, 2, 0, 0, 0) + bytes(65 + 64 + 128)
            request += bytes(-len(request) % 8)
            for _ in range(2000):
                try:
                    peer.send(request)
                except (BlockingIOError, BrokenPipeError):
                    break
            begin = time.monotonic()
            host.run("status")
            check(time.monotonic() - begin < 3 * proc.slowness, "it held others up")


def other_users_are_turned_away(lab):
    """S8: by the socket's mode, and by credentials should the mode be changed."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skipped("needs root and setpriv")
    with Host(lab) as host:
        check_equal(stat.S_IMODE(os.stat(host.socket).st_mode), 0o600, "mode")
        os.chmod(host.folder, 0o755)
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                     lab.program("admin_command"), "status", "--socket", host.socket]
        refused = proc.run(as_nobody, statuses=(1,))
        check("for root and the daemon's own user only" in refused.err, refused.err)
        os.chmod(host.socket, 0o666)
        refused = proc.run(as_nobody, statuses=(1,))
        check("closed the connection" in refused.err, refused.err)
        check_equal(refused.out, "", "figures for somebody else")
        host.run("status")


def nothing_listens_on_tcp(lab):
    """S8"""
    with Host(lab) as host:
        inodes = {os.stat(f"/proc/{host.child.pid}/fd/{fd}").st_ino
                  for fd in os.listdir(f"/proc/{host.child.pid}/fd")}
        for table in ("tcp", "tcp6", "udp", "udp6"):
            if os.path.exists(f"/proc/net/{table}"):
                with open(f"/proc/net/{table}", encoding="ascii") as rows:
                    found = {int(row.split()[9]) for row in list(rows)[1:]}
                check(not found & inodes, f"a socket of {table}")


# ---- top ----

class Screen:
    """`top` on a pseudo terminal; enough of a terminal to read what is shown."""

    def __init__(self, host, columns=100, lines=12):
        self.host, self.columns, self.lines = host, columns, lines
        self.raw, self.child, self.fd = "", None, -1

    def __enter__(self):
        self.fd, slave = pty.openpty()
        self.resize(self.columns, self.lines, tell=False)
        self.before = termios.tcgetattr(self.fd)
        self.child = proc.start([self.host.lab.program("admin_command"), "top", "--socket",
                                 self.host.socket], stdin=slave, stdout=slave,
                                stderr=subprocess.PIPE)
        os.close(slave)
        return self

    def __exit__(self, *_):
        proc.end_group(self.child)
        self.child.stderr.close()
        os.close(self.fd)

    def resize(self, columns, lines, tell=True):
        self.columns, self.lines = columns, lines
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            self.child.send_signal(signal.SIGWINCH)

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                self.raw += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:  # the other side has gone
                return False
        return True

    def frames(self):
        """What was drawn, each as lines without renditions."""
        for frame in self.raw.split("\x1b[H")[1:]:
            text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame)
            yield re.split("\r+\n", text)

    def await_lines(self, holds, what):
        """The first whole frame from now on for which holds(lines)."""
        self.raw = ""
        deadline = time.monotonic() + 10 * proc.slowness
        while time.monotonic() < deadline:
            self.read(0.2)
            for lines in self.frames():
                if len(lines) == self.lines and len(lines[-1]) >= self.columns and holds(lines):
                    return lines
        raise AssertionError(f"waited for {what}: {list(self.frames())[-1:]}")


def row_of(lines, account):
    return next((line for line in lines if line.startswith(account + " ")), "")


def top_shows_what_goes_on(lab):
    with Host(lab) as host, Screen(host) as screen:
        lines = screen.await_lines(lambda lines: "B/s" in row_of(lines, "alice"), "alice's rate")
        check("192.0.2.1" in row_of(lines, "alice") and " up " in row_of(lines, "alice"),
              row_of(lines, "alice"))
        check("42%" in row_of(lines, "bob"), row_of(lines, "bob"))
        check("idle" in row_of(lines, "carol"), row_of(lines, "carol"))
        for line in lines:
            check(len(line) == screen.columns, f"{len(line)} columns: {line!r}")
            check(not CONTROLS.search(line), repr(line))
        screen.type("q")
        check_equal(screen.child.wait(timeout=10), 0, "exit status")
        while screen.read(0.2) and "\x1b[?1049l" not in screen.raw:
            pass
        check("\x1b[?25h\x1b[?1049l" in screen.raw, "the screen is not put back")
        check_equal(termios.tcgetattr(screen.fd), screen.before, "modes of the terminal")


def top_sorts_by_key(lab):
    with Host(lab) as host, Screen(host) as screen:
        screen.await_lines(lambda lines: "by rate" in lines[1], "the first order")
        for name in ("total", "account", "from", "age", "rate"):
            screen.type("s")
            screen.await_lines(lambda lines, name=name: f"by {name}" in lines[1], name)
        screen.type("ss")
        lines = screen.await_lines(lambda lines: "by account" in lines[1], "by account")
        names = [line.split()[0] for line in lines[3:7]]
        check_equal(names, ["-", "alice", "bob", "carol"], "order")


def top_kills_after_asking(lab):
    with Host(lab) as host, Screen(host) as screen:
        screen.await_lines(lambda lines: "alice" in lines[3], "alice on top")
        screen.type("k")
        screen.await_lines(lambda lines: "of alice? y/n" in lines[-1], "the question")
        screen.type("n")
        screen.await_lines(lambda lines: "quit" in lines[-1], "the keys")
        check("alice" in host.sessions(), "it was ended all the same")
        screen.type("\x1b[B")  # the one below
        screen.type("k")
        screen.await_lines(lambda lines: "y/n" in lines[-1], "the question")
        screen.type("y")
        screen.await_lines(lambda lines: "session ended" in lines[-1], "the answer")
        check_equal(len(host.sessions()), 3, "sessions left")
        check("alice" in host.sessions(), "the wrong one was ended")


def top_throttles(lab):
    with Host(lab) as host, Screen(host) as screen:
        screen.await_lines(lambda lines: "alice" in lines[3], "alice on top")
        screen.type("t")
        screen.await_lines(lambda lines: "octets a second" in lines[-1], "the question")
        screen.type("9\x7f64K\r")
        screen.await_lines(lambda lines: "session throttled" in lines[-1], "the answer")
        check_equal(host.sessions()["alice"]["throttle"], 65536, "octets a second")
        screen.type("tfast\r")
        screen.await_lines(lambda lines: "no such rate" in lines[-1], "the answer")
        screen.type("t0\r")
        screen.await_lines(lambda lines: "not throttled any more" in lines[-1], "the answer")
        check_equal(host.sessions()["alice"]["throttle"], 0, "octets a second")


def top_follows_the_terminals_size(lab):
    with Host(lab) as host, Screen(host) as screen:
        screen.await_lines(lambda lines: True, "a frame")
        for columns, lines in ((60, 8), (160, 40), (40, 6)):
            screen.resize(columns, lines)
            drawn = screen.await_lines(lambda lines: True, f"{columns} columns")
            check_equal({len(line) for line in drawn}, {columns}, "columns")


def top_puts_the_terminal_back_after_signals_and_the_daemons_end(lab):
    for number in (signal.SIGTERM, signal.SIGINT, None):
        with Host(lab) as host, Screen(host) as screen:
            screen.await_lines(lambda lines: True, "a frame")
            if number:
                screen.child.send_signal(number)
            else:
                proc.end_group(host.child)
            status = screen.child.wait(timeout=10 * proc.slowness)
            check_equal(status, 0 if number else 1, f"exit status after {number}")
            check_equal(termios.tcgetattr(screen.fd), screen.before, "modes of the terminal")
            if not number:
                said = screen.child.stderr.read().decode()
                check("closed the connection" in said, said)


def top_without_a_terminal_looks_once(lab):
    with Host(lab) as host:
        out = host.run("top").out
        check("\x1b" not in out and "alice" in out and "ACCOUNT" in out, out)


# ---- restarts ----

def second_daemon_does_not_take_the_socket_unasked(lab):
    with Host(lab) as host:
        second = proc.run([lab.program("admin_host"), host.socket, host.folder + "/x"],
                          statuses=(1,))
        check("another daemon answers" in second.err, second.err)
        with Host(lab, "take-over", folder=host.folder) as new:
            proc.wait_until(lambda: json.loads(new.run("status", "--json").out)["pid"]
                            == new.child.pid, "the new one")
            proc.end_group(host.child)  # leaves what is not its own any more
            new.run("status")
    check(not os.path.exists(host.socket), "the socket is left behind")


TESTS = (
    session_list_tells_who_and_what, hostile_names_reach_no_terminal,
    session_kill_by_id_and_by_account, status_tells_the_figures, bans_are_kept_and_taken_back,
    reload_and_reopen_answer, nobody_there_is_said_in_one_sentence,
    daemon_that_says_nothing_is_given_up, usage_errors_exit_2, help_goes_to_standard_output,
    manual_tells_of_every_option, metrics_are_prometheus_text, metrics_file_is_replaced_whole,
    metrics_over_http_from_their_own_program, metrics_program_has_no_privileges_left,
    metrics_program_ends_with_the_daemon, requests_of_odd_sizes_close_the_connection,
    client_that_never_reads_is_dropped, other_users_are_turned_away, nothing_listens_on_tcp,
    top_shows_what_goes_on, top_sorts_by_key, top_kills_after_asking, top_throttles,
    top_follows_the_terminals_size,
    top_puts_the_terminal_back_after_signals_and_the_daemons_end,
    top_without_a_terminal_looks_once, second_daemon_does_not_take_the_socket_unasked,
)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--programs", default=os.path.join(HERE, "..", "..", "build", "gcc"))
    parser.add_argument("--prefix", default="admin/")
    parser.add_argument("--log")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(options.prefix + test.__name__ for test in TESTS))
        return 0
    report = Report(options.prefix, options.names, options.log)
    root = tempfile.mkdtemp(prefix="ferry-admin-")
    try:
        lab = Lab(root, options.programs)
        for test in TESTS:
            report.run(test.__name__, test, lab)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
