"""What the tests of `ferryd user` share: the program, a database, keys."""

import json
import os
import sqlite3
import subprocess

import proc
from report import Skipped, check

DONE, FAILED, USAGE = 0, 1, 2
PASSWORD = "correct horse battery"


class Lab:
    def __init__(self, root, programs):
        self.root = root
        self.program = os.path.join(programs, "ferryd-accounts")
        self.database = os.path.join(root, "accounts.db")
        self._n_keys = 0

    def user(self, *words, status=DONE, stdin="", database=None, **options):
        """Run `ferryd user WORDS`; the result, with that exit status."""
        words = list(words)
        at = words.index("--") if "--" in words else len(words)
        words[at:at] = ["--database", database or self.database]
        argv = [self.program, "user", *words]
        return proc.run(argv, stdin=stdin, statuses=(status,), **options)

    def json(self, *words, **options):
        """The objects that a command with --json prints."""
        return [json.loads(line) for line in self.user(*words, "--json", **options).out.splitlines()]

    def show(self, name, **options):
        return self.json("show", name, **options)[0]

    def refused(self, *words, says, status=FAILED, **options):
        """The command fails with that status and a sentence that holds `says`."""
        result = self.user(*words, status=status, **options)
        check(says in result.err, f"stderr is {result.err.strip()!r}, without {says!r}",
              result.describe())
        check(result.err.startswith("ferryd user: "), f"stderr is {result.err.strip()!r}")
        return result

    def add(self, name, *words, **options):
        return self.user("add", name, "--root", os.path.join(self.root, "roots", "%u"), *words,
                         **options)

    def key(self, *options, comment="somebody@somewhere"):
        """Path of a fresh public key."""
        self._n_keys += 1
        path = os.path.join(self.root, f"key{self._n_keys}")
        proc.run(["/usr/bin/ssh-keygen", "-q", "-N", "", "-C", comment, "-f", path, *options])
        return path + ".pub"

    def write(self, name, text):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        return path

    def value(self, sql, database=None):
        """One value out of the database, past the program."""
        with sqlite3.connect(f"file:{database or self.database}?mode=ro", uri=True) as db:
            return db.execute(sql).fetchone()[0]

    def check_sound(self, database=None):
        found = self.value("PRAGMA integrity_check", database)
        check(found == "ok", f"integrity_check says {found}")


class SmallDisk:
    """A tmpfs of a few hundred KiB, for as long as the block lasts."""

    def __init__(self, lab, name, kib):
        self.path, self.kib = os.path.join(lab.root, name), kib

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skipped("mounting a small disk needs root")
        os.mkdir(self.path, 0o700)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.kib}k,mode=700", "tmpfs",
                               self.path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Skipped(f"mount: {done.stderr.strip()}")
        return self

    def fill(self):
        """Take what is left, down to the last octet."""
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as out:
            for size in (4096, 1):
                try:
                    while True:
                        out.write(b"x" * size)
                except OSError:
                    pass

    def empty(self):
        os.unlink(os.path.join(self.path, "filler"))

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=False)
