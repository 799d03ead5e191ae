"""Processes with an end: every command has a time limit, every server is waited for
in a bounded loop and stopped by its own process group, never by name.
"""

import contextlib
import os
import signal
import socket
import subprocess
import time

from report import Failed

_live = set()  # what runs now, so that an end from outside can end it all
_is_ending = False

# Sanitizer builds and busy machines stretch every limit by the same factor.
slowness = float(os.environ.get("FERRY_TEST_SLOWNESS", "1"))


class Result:
    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out, self.err = argv, status, out, err

    def describe(self):
        return (f"$ {' '.join(map(str, self.argv))}\nexit status {self.status}\n"
                f"-- stdout\n{self.out[-4000:]}\n-- stderr\n{self.err[-8000:]}")


def run(argv, *, seconds=60, stdin="", env=None, cwd=None, statuses=(0,), **popen):
    """Run a command to its end and return its Result.

    Failed if it takes longer than `seconds` (its whole process group is killed) or ends
    with a status not in `statuses` (None: any).
    """
    argv = [str(word) for word in argv]
    # Bytes, not text: what a peer prints need not be UTF-8.
    child = start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                  stderr=subprocess.PIPE, env=env, cwd=cwd, **popen)
    try:
        out, err = child.communicate(stdin.encode(), timeout=seconds * slowness)
    except subprocess.TimeoutExpired:
        end_group(child)
        out, err = child.communicate()
        result = _result(argv, child, out, err)
        raise Failed(f"{argv[0]} did not end in {seconds * slowness:.0f} s",
                     result.describe()) from None
    except BaseException:
        end_group(child)
        raise
    finally:
        _live.discard(child)
    result = _result(argv, child, out, err)
    if statuses is not None and result.status not in statuses:
        last = (result.err.strip() or result.out.strip() or "no output").splitlines()[-1]
        raise Failed(f"{os.path.basename(argv[0])} ended with {result.status}: {last}",
                     result.describe())
    return result


def _result(argv, child, out, err):
    return Result(argv, child.returncode, out.decode(errors="replace"),
                  err.decode(errors="replace"))


def is_sanitized(program):
    """A build with AddressSanitizer, whose memory and signals are its own."""
    with open(program, "rb") as file:
        return b"__asan_init" in file.read()


def start(argv, **popen):
    """A child at the head of a process group of its own, for end_group to stop."""
    if _is_ending:
        raise Failed("the run is being stopped")
    child = subprocess.Popen(argv, start_new_session=True, **popen)
    _live.add(child)
    return child


def end_everything():
    """Stop all that still runs and start nothing more."""
    global _is_ending  # pylint: disable=global-statement
    _is_ending = True
    for child in list(_live):
        end_group(child)


def end_group(child, grace=5.0):
    """Stop a child that start() started: ask, then insist. Its exit status."""
    _live.discard(child)
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(timeout=patience)
    return child.returncode


def wait_until(holds, what, seconds=10):
    """Return once holds() is true; Failed if `what` takes longer."""
    deadline = time.monotonic() + seconds * slowness
    while not holds():
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds * slowness:.0f} s for {what}")
        time.sleep(0.05)


def free_port():
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that listens on 127.0.0.1:port, from when `with` enters until it leaves.

    make_argv(port): its command line. Its output goes to the file `log`.
    """

    def __init__(self, make_argv, log, *, seconds=20, **popen):
        self.make_argv, self.log, self.seconds, self.popen = make_argv, log, seconds, popen
        self.child = self.port = self.status = None

    def __enter__(self):
        # Somebody may take the port between free_port and the server's bind: try again.
        for _ in range(3):
            self.port = free_port()
            self._start()
            if self._answers():
                return self
            self.stop()
        raise Failed(f"{self.argv[0]} did not listen on its port", self.log_text())

    def __exit__(self, *_):
        self.stop()

    def _start(self):
        self.argv = [str(word) for word in self.make_argv(self.port)]
        with open(self.log, "ab") as log:
            self.child = start(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                               **self.popen)

    def _answers(self):
        deadline = time.monotonic() + self.seconds * slowness
        while time.monotonic() < deadline and self.child.poll() is None:
            if self._is_listening():
                return True
            time.sleep(0.05)
        return False

    def _is_listening(self):
        # From the kernel's table rather than by connecting: a connection that says
        # nothing would count against the peer in servers that penalise such sources.
        wanted = f":{self.port:04X}"
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(table, encoding="ascii") as rows:
                for row in rows:
                    fields = row.split()
                    if fields[3] == "0A" and fields[1].endswith(wanted):
                        return True
        return False

    def stop(self):
        if self.child is not None:
            self.status = end_group(self.child)
            self.child = None
        return self.status

    def log_text(self):
        with open(self.log, errors="replace", encoding="utf-8") as log:
            return log.read()[-8000:]
