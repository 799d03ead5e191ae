"""
Running one program and telling what it cost.

Every process is waited for by its own id with wait4, so its CPU time and its context
switches are the kernel's own account of it and of the children that it waited for.
The bench is a "child subreaper": what a server leaves behind comes to us rather than to
init, is counted, and nothing outlives the run.
"""

import ctypes
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass

PR_SET_CHILD_SUBREAPER = 36


class Failed(Exception):
    """A measured command failed; its text says which and what it printed."""


@dataclass
class Usage:
    """What the processes of one side cost."""

    cpu: float = 0.0  # seconds, user and system
    switches: int = 0  # context switches, of both kinds

    @classmethod
    def of(cls, ru):
        return cls(ru.ru_utime + ru.ru_stime, ru.ru_nvcsw + ru.ru_nivcsw)

    def __add__(self, other):
        return Usage(self.cpu + other.cpu, self.switches + other.switches)


def become_subreaper():
    """Inherit the orphans of what we start."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def wait(process, timeout):
    """Wait for a Popen. Its Usage, or None when the time is over."""
    fd = os.pidfd_open(process.pid)
    try:
        ready, _, _ = select.select([fd], [], [], timeout)
    finally:
        os.close(fd)
    if not ready:
        return None
    _, status, ru = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Usage.of(ru)


def stop(process, grace=10.0):
    """Ask a Popen to end, then make it. Its Usage. (Popen's own methods would reap it,
    and its account with it.)"""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        os.kill(process.pid, sign)
        usage = wait(process, grace)
        if usage is not None:
            return usage
    raise Failed(f"process {process.pid} cannot be stopped")


def run(argv, timeout, stdin=None, stdout=subprocess.DEVNULL):
    """Run argv to its end. (seconds, Usage); raises Failed."""
    start = time.monotonic()
    process = subprocess.Popen(
        argv,
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )
    usage = wait(process, timeout)
    seconds = time.monotonic() - start
    if usage is None:
        stop(process, 2.0)
    os.set_blocking(process.stderr.fileno(), False)
    text = (process.stderr.read() or b"").decode(errors="replace").strip()
    process.stderr.close()
    if usage is None:
        raise Failed(f"{' '.join(argv)}: not done in {timeout:.0f} s\n{text}")
    if process.returncode != 0:
        raise Failed(f"{' '.join(argv)}: exit status {process.returncode}\n{text}")
    return seconds, usage


class Held:
    """A program that says "ready" and stays as it is until its standard input ends."""

    def __init__(self, argv, timeout):
        self.argv = argv
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        if not ready or self.process.stdout.readline() != b"ready\n":
            self.end()
            raise Failed(f"{' '.join(argv)}: {self.text or 'not ready in time'}")

    def end(self):
        self.process.stdin.close()
        if wait(self.process, 10.0) is None:
            stop(self.process, 2.0)
        self.text = self.process.stderr.read().decode(errors="replace").strip()
        self.process.stdout.close()
        self.process.stderr.close()


def descendants(pid):
    """The ids of all living processes below pid."""
    parents = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if fields[0] != "Z":
            parents[int(name)] = int(fields[1])
    found = {pid}
    while True:
        more = {p for p, parent in parents.items() if parent in found} - found
        if not more:
            return found - {pid}
        found |= more


def reap_orphans():
    """The Usage of everything that came to us as subreaper and has ended."""
    total = Usage()
    while True:
        try:
            pid, _, ru = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return total
        if pid == 0:
            return total
        total += Usage.of(ru)


def kill_descendants():
    """At the end of a run: end, by its id, whatever of ours still lives."""
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    time.sleep(0.05)
    reap_orphans()


def pss_kib(pids):
    """The proportional set size of processes together, in KiB: private pages, and
    shared ones divided by their sharers. None where the kernel won't tell."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                text = f.read()
        except OSError:
            return None
        total += sum(int(l.split()[1]) for l in text.splitlines() if l.startswith("Pss:"))
    return total
