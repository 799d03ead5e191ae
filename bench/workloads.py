"""
What is measured: each workload builds its variants, one function a variant, which does
the work once and returns a sample. The timed part is the client's process from its start
to its exit, login included; making room before and comparing contents after are not.
"""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import measure
from measure import Failed, Usage
from programs import CIPHERS

RUN_SECONDS_MAX = 240
CHECK_SECONDS_MAX = 120
FILE_OCTETS = 4096
LOGINS = 10
LOAD_SECONDS_MAX = 180
STAT_PERIOD_MS = 10_000
SETTLE_SECONDS = 3.0  # ferryd gives bulk memory back after two seconds of silence
BASELINE = "sftp + sshd"


@dataclass
class Sizes:
    """How much of everything; --quick has less."""

    big_mib: int
    files: int
    names: int
    sessions: tuple  # open at once, for their memory
    concurrency: tuple  # logins at a time
    load_seconds: int  # of logins, a sample
    stat_sessions: int
    stat_seconds: int


@dataclass
class Lab:
    """Where it happens and with what. Of what is served, `from` is read and `to` is
    filled; the keys lie elsewhere, as anybody's would."""

    directory: Path
    sizes: Sizes
    servers: dict  # by name
    clients: dict
    extras: dict  # other programs: reference, tar, load
    made: set = field(default_factory=set)

    @property
    def source(self):
        return self.directory / "served" / "from"

    @property
    def target(self):
        return self.directory / "served" / "to"

    def pairs(self):
        """(title, client, server), ours first."""
        for client in self.clients.values():
            for server in self.servers.values():
                yield f"{client.name} + {server.name}", client, server


@dataclass
class Workload:
    """One table. cpu_unit: what a variant's CPU time is divided by, in words."""

    name: str
    title: str
    unit: str
    less_is_better: bool
    cpu_unit: str
    variants: dict = field(default_factory=dict)
    baseline: str = BASELINE
    rounds_max: int = 1000


# ---- data ----


def make_big(lab):
    path = lab.source / "big"
    if "big" not in lab.made:
        with path.open("wb") as f:
            for _ in range(lab.sizes.big_mib):
                f.write(os.urandom(1 << 20))
        # A virtual machine's memory is slow when first touched: touch more than the
        # copies will need, once, so that the first round is like the others.
        for name in ("touched", "touched too"):
            shutil.copyfile(path, lab.target / name)
        clear(lab.target)
        lab.made.add("big")
    return path


def make_tree(lab):
    path = lab.source / "tree"
    if "tree" not in lab.made:
        path.mkdir()
        for i in range(lab.sizes.files):
            (path / f"file{i:05}").write_bytes(os.urandom(FILE_OCTETS))
        lab.made.add("tree")
    return path


def make_names(lab):
    path = lab.source / "names"
    if "names" not in lab.made:
        path.mkdir()
        for i in range(lab.sizes.names):
            (path / f"name-{i:07}.dat").touch()
        lab.made.add("names")
    return path


def make_nothing(lab):
    path = lab.source / "empty"
    path.mkdir(exist_ok=True)
    return path


def clear(directory):
    for entry in directory.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def check_same(source, copy):
    tool = ["diff", "-rq"] if source.is_dir() else ["cmp", "-s"]
    try:
        measure.run([*tool, str(source), str(copy)], CHECK_SECONDS_MAX)
    except Failed as e:
        raise Failed(f"{copy} differs from {source}") from e


# ---- one measurement ----


def sample(value, seconds, client=None, server=None, amount=1.0):
    """value: in the workload's unit. amount: what costs are divided by (GB, logins)."""
    s = {"value": value, "seconds": seconds}
    for name, usage in (("client", client), ("server", server)):
        if usage:
            s[name] = {"cpu": usage.cpu / amount, "switches": usage.switches / amount}
    return s


def serve_and_run(server, cipher, argv, times=1):
    """Start the server, run the client `times` times, stop the server.
    (seconds, client's Usage, server's Usage)"""
    server.start(cipher)
    seconds, client = 0.0, Usage()
    try:
        for _ in range(times):
            took, usage = measure.run(argv, RUN_SECONDS_MAX)
            seconds += took
            client += usage
    except Failed as e:
        raise Failed(f"{e}\n{server.name} said: {server.last_words()}") from e
    finally:
        serving = server.stop()
    return seconds, client, serving


# ---- a big file ----


def copy_big(lab, client, server, cipher, direction):
    source, target = make_big(lab), lab.target / "big"
    gigabytes = source.stat().st_size / 1e9

    def once():
        clear(lab.target)
        call = client.get if direction == "get" else client.put
        argv = call(server, cipher, source, target)
        seconds, mine, theirs = serve_and_run(server, cipher, argv)
        check_same(source, target)
        return sample(gigabytes * 1e3 / seconds, seconds, mine, theirs, gigabytes)

    return once


def copy_plainly(lab, cipher, direction):
    """The reference: its sender stands where the direction has its sender."""
    source, target = make_big(lab), lab.target / "big"
    gigabytes = source.stat().st_size / 1e9

    def once():
        clear(lab.target)
        argv = [lab.extras["reference"], cipher, str(source), str(target)]
        out = subprocess.run(
            argv, stdout=subprocess.PIPE, timeout=RUN_SECONDS_MAX, check=True
        ).stdout
        told = json.loads(out)
        check_same(source, target)
        sender, receiver = (
            Usage(told[side]["cpu"], told[side]["switches"]) for side in ("sender", "receiver")
        )
        sides = (receiver, sender) if direction == "get" else (sender, receiver)
        return sample(
            gigabytes * 1e3 / told["seconds"], told["seconds"], *sides, gigabytes
        )

    return once


def big(lab, cipher, direction):
    w = Workload(
        f"{direction}-{cipher}",
        f"{direction} of one file of {lab.sizes.big_mib} MiB, {cipher}",
        "MB/s",
        less_is_better=False,
        cpu_unit=" s/GB",
    )
    for title, client, server in lab.pairs():
        w.variants[title] = copy_big(lab, client, server, cipher, direction)
    if "reference" in lab.extras:
        w.variants["reference"] = copy_plainly(lab, cipher, direction)
    return w


# ---- many small files ----


def copy_tree(lab, client, server, cipher, direction):
    source = make_tree(lab)

    def once():
        clear(lab.target)
        call = client.get_tree if direction == "get" else client.put_tree
        argv = call(server, cipher, source, lab.target)
        seconds, mine, theirs = serve_and_run(server, cipher, argv)
        check_same(source, lab.target / source.name)
        return sample(seconds, seconds, mine, theirs)

    return once


def copy_tree_locally(lab):
    source = make_tree(lab)

    def once():
        clear(lab.target)
        seconds, mine = measure.run(
            ["cp", "-r", str(source), str(lab.target)], RUN_SECONDS_MAX
        )
        return sample(seconds, seconds, mine)

    return once


def small(lab, direction):
    cipher = "aes128-gcm"
    w = Workload(
        f"small-{direction}",
        f"{direction} -r of {lab.sizes.files:,} files of {FILE_OCTETS} octets, {cipher}",
        "s",
        less_is_better=True,
        cpu_unit=" s",
    )
    for title, client, server in lab.pairs():
        w.variants[title] = copy_tree(lab, client, server, cipher, direction)
    if "tar" in lab.extras:
        w.variants["tar over ssh"] = copy_tree(
            lab, lab.extras["tar"], lab.servers["sshd"], cipher, direction
        )
    w.variants["cp -r"] = copy_tree_locally(lab)
    return w


# ---- listings ----


def list_names(lab, client, server, cipher):
    source = make_names(lab)
    checked = set()

    def check():
        argv = client.list(server, cipher, source)
        out = lab.directory / "listing"
        server.start(cipher)
        try:
            with out.open("wb") as f:
                measure.run(argv, RUN_SECONDS_MAX, stdout=f)
        finally:
            server.stop()
        with out.open() as f:
            n = sum(1 for line in f if line.rstrip().endswith(".dat"))
        out.unlink()
        if n != lab.sizes.names:
            raise Failed(f"{n} names listed of {lab.sizes.names}")
        checked.add(True)

    def once():
        argv = client.list(server, cipher, source)
        seconds, mine, theirs = serve_and_run(server, cipher, argv)
        if not checked:
            check()
        return sample(seconds, seconds, mine, theirs)

    return once


def list_locally(lab):
    argv = ["/bin/ls", "-l", str(make_names(lab))]

    def once():
        seconds, mine = measure.run(argv, RUN_SECONDS_MAX)
        return sample(seconds, seconds, mine)

    return once


def listing(lab):
    w = Workload(
        "list",
        f"ls -l of a directory of {lab.sizes.names:,} names",
        "s",
        less_is_better=True,
        cpu_unit=" s",
    )
    for title, client, server in lab.pairs():
        w.variants[title] = list_names(lab, client, server, "aes128-gcm")
    w.variants["ls -l, local"] = list_locally(lab)
    return w


# ---- logins ----


def log_in(lab, client, server):
    source = make_nothing(lab)

    def once():
        argv = client.list(server, "aes128-gcm", source)
        seconds, mine, theirs = serve_and_run(server, "aes128-gcm", argv, LOGINS)
        return sample(seconds * 1e3 / LOGINS, seconds, mine, theirs, LOGINS)

    return once


def login(lab):
    w = Workload(
        "login",
        f"one login with an ed25519 key and `ls` of nothing, a whole client each ({LOGINS}"
        " in a row)",
        "ms",
        less_is_better=True,
        cpu_unit=" s",
    )
    for title, client, server in lab.pairs():
        w.variants[title] = log_in(lab, client, server)
    return w


# ---- many at once ----


def logins_per_second(lab, server, concurrency):
    def once():
        server.start("aes128-gcm")
        try:
            told, mine = lab.extras["load"].tell(
                "logins", server, concurrency, lab.sizes.load_seconds, timeout=LOAD_SECONDS_MAX
            )
        finally:
            theirs = server.stop()
        s = sample(told["rate"], told["seconds"], mine, theirs, told["count"])
        s["more"] = {"p50 ms": told["p50_ms"], "p99 ms": told["p99_ms"]}
        return s

    return once


def logins(lab, concurrency):
    w = Workload(
        f"logins-{concurrency}",
        f"logins a second, ed25519, {concurrency} at a time: connect to SFTP's VERSION",
        "1/s",
        less_is_better=False,
        cpu_unit=" s",
        baseline="sshd",
    )
    for server in lab.servers.values():
        if server.logging_in_max >= concurrency:
            w.variants[server.name] = logins_per_second(lab, server, concurrency)
    return w


def slow_stats(lab, server, n):
    def once():
        server.start("aes128-gcm")
        try:
            told, mine = lab.extras["load"].tell(
                "stats", server, n, STAT_PERIOD_MS, lab.sizes.stat_seconds,
                timeout=LOAD_SECONDS_MAX,
            )  # fmt: skip
        finally:
            theirs = server.stop()
        s = sample(told["p99_ms"], told["seconds"], mine, theirs)
        s["more"] = {"p50 ms": told["p50_ms"], "max ms": told["max_ms"]}
        return s

    return once


def stats(lab, n):
    w = Workload(
        f"stats-{n}",
        f"{n} sessions, each a STAT every {STAT_PERIOD_MS / 1000:.0f} s: the 99th percentile",
        "ms",
        less_is_better=True,
        cpu_unit=" s",
        baseline="sshd",
        rounds_max=1,
    )
    for server in lab.servers.values():
        if server.sessions_max >= n:
            w.variants[server.name] = slow_stats(lab, server, n)
    return w


# ---- memory ----


def hold_and_weigh(lab, server, verb, n):
    """What the processes of n connections hold, a connection; and all of the server's.
    (Not what n connections add: as more processes share a library, the others' share of
    it shrinks, which at one connection is more than that one costs.)"""

    def once():
        server.start("aes128-gcm")
        held = None
        try:
            held = lab.extras["load"].hold(verb, server, n, LOAD_SECONDS_MAX)
            time.sleep(SETTLE_SECONDS)
            theirs = server.session_processes()
            connections = measure.pss_kib(theirs)
            everything = measure.pss_kib(server.processes())
        finally:
            if held:
                held.end()
            server.stop()
        if connections is None or everything is None:
            raise Failed("the kernel won't tell the memory of these processes")
        s = sample(connections / n, 0.0)
        s["more"] = {"processes": len(theirs) / n, "whole server": everything / n}
        return s

    return once


def memory(lab, verb, n):
    what = {"idle": "idle SFTP session", "silent": "connection that says nothing"}[verb]
    w = Workload(
        f"{verb}-{n}",
        f"server memory per {what}, {n} open (PSS of the processes that are there for it)",
        "KiB",
        less_is_better=True,
        cpu_unit="",
        baseline="sshd",
    )
    for server in lab.servers.values():
        if verb == "idle" or server.logging_in_max >= n:
            w.variants[server.name] = hold_and_weigh(lab, server, verb, n)
    return w


def all_workloads(lab):
    """By name, each built only when it is asked for."""
    table = {}
    for cipher in CIPHERS:
        for direction in ("get", "put"):
            table[f"{direction}-{cipher}"] = lambda c=cipher, d=direction: big(lab, c, d)
    for direction in ("get", "put"):
        table[f"small-{direction}"] = lambda d=direction: small(lab, d)
    table["list"] = lambda: listing(lab)
    table["login"] = lambda: login(lab)
    if "load" not in lab.extras:
        return table
    for n in lab.sizes.concurrency:
        table[f"logins-{n}"] = lambda n=n: logins(lab, n)
    for verb in ("idle", "silent"):
        for n in lab.sizes.sessions:
            table[f"{verb}-{n}"] = lambda v=verb, n=n: memory(lab, v, n)
    n = lab.sizes.stat_sessions
    table[f"stats-{n}"] = lambda: stats(lab, n)
    return table
