#!/usr/bin/python3
"""ferryd's processes, walls and limits, tried from outside.

    run.py [--programs DIR] [--prefix TEXT] [--log FILE] [--list] [NAME...]

Prints `ok NAME`, `not ok NAME: why` or `skip NAME: reason` a test, then the counts.
The client is Debian's sftp wherever a client is needed; raw sockets elsewhere. Threat
ids (T5, S4, ...) are those of doc/SECURITY.md.
"""

import argparse
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

# pylint: disable=wrong-import-position
import access
import limits
import processes
import start
import walls
import words
from report import Report

GROUPS = (start, words, access, limits, walls, processes)


class Lab:
    """A temporary folder, from which each server takes a home, and the program."""

    def __init__(self, root, programs):
        self.root, self.count = root, 0
        self.ferryd = os.path.join(os.path.abspath(programs), "ferryd")

    def folder(self):
        self.count += 1
        path = os.path.join(self.root, f"home{self.count}")
        os.mkdir(path, 0o700)
        return path


def tests():
    for group in GROUPS:
        for function in group.TESTS:
            yield function.__name__, function


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--programs", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--prefix", default="daemon/")
    parser.add_argument("--log")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(options.prefix + name for name, _ in tests()))
        return 0
    report = Report(options.prefix, options.names, options.log)
    root = tempfile.mkdtemp(prefix="ferry-daemon-")
    try:
        lab = Lab(root, options.programs)
        for name, function in tests():
            report.run(name, function, lab)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
