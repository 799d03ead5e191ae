"""One line a test, a count at the end: what every test program here prints.

    ok NAME
    not ok NAME: why
    skip NAME: reason
    12 passed, 0 failed, 1 skipped
"""

import threading
import time
import traceback


class Failed(Exception):
    """The test's finding, in one sentence; `detail` goes to the log only."""

    def __init__(self, why, detail=""):
        super().__init__(why)
        self.detail = detail


class Skipped(Exception):
    """This machine cannot run the test; says what is missing."""


def check(condition, why, detail=""):
    if not condition:
        raise Failed(why, detail)


def check_equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


class Report:
    """Runs tests, prints their lines, counts. Safe to use from several threads."""

    def __init__(self, prefix="", only=(), log=None):
        self.prefix = prefix
        self.only = tuple(only)
        self.log = log
        self.passed = self.failed = self.skipped = 0
        self.is_quiet_about = None  # a reason to skip that another run makes good
        self._lock = threading.Lock()

    def wants(self, name):
        """Whether the names given on the command line choose this test (none: all)."""
        full = self.prefix + name
        return not self.only or any(word in full for word in self.only)

    def run(self, name, function, *arguments):
        """Run one test, if chosen."""
        if self.wants(name):
            self.attempt(name, function, *arguments)

    def attempt(self, name, function, *arguments):
        """Run one test, chosen or not (one that others run inside of)."""
        begin = time.monotonic()
        try:
            function(*arguments)
        except Skipped as skip:
            if str(skip) == self.is_quiet_about:
                return
            self._say("skipped", f"skip {self.prefix}{name}: {skip}")
        except Exception as error:  # a broken test is a failed test, not a dead run
            self._say("failed", f"not ok {self.prefix}{name}: {_one_line(error)}")
            self._write_detail(name, error)
        else:
            self._say("passed", f"ok {self.prefix}{name}")
        finally:
            self._note(f"{time.monotonic() - begin:7.2f} s  {self.prefix}{name}\n")

    def finish(self):
        """Print the counts; the exit status for the whole program."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}", flush=True)
        return 1 if self.failed else 0

    def _say(self, kind, line):
        with self._lock:
            setattr(self, kind, getattr(self, kind) + 1)
            print(line, flush=True)

    def _note(self, text):
        if self.log:
            with self._lock, open(self.log, "a", encoding="utf-8") as log:
                log.write(text)

    def _write_detail(self, name, error):
        detail = getattr(error, "detail", "")
        if not isinstance(error, Failed):
            detail += "".join(traceback.format_exception(error))
        self._note(f"---- {self.prefix}{name}: {error}\n{detail}\n----\n")


def _one_line(error):
    text = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:400]
