#!/usr/bin/python3
"""ferry-sftp-server, tried from outside over its pipes and with sftp(1) -D.

    run.py [--programs DIR] [--prefix TEXT] [--log FILE] [--list] [NAME...]

Prints `ok NAME`, `not ok NAME: why` or `skip NAME: reason` a test, then the counts.
Threat ids (R6, D1, ...) are those of doc/SECURITY.md.
"""

import argparse
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

# pylint: disable=wrong-import-position
import abuse
import likeness
import options
import session
from report import Report

GROUPS = (session, options, likeness, abuse)


class Lab:
    """The program, and folders to let it loose on."""

    def __init__(self, root, programs):
        self.root, self.count = root, 0
        self.program = os.path.join(os.path.abspath(programs), "ferry-sftp-server")

    def folder(self):
        self.count += 1
        path = os.path.join(self.root, f"folder{self.count}")
        os.mkdir(path)
        return path

    @staticmethod
    def with_file(folder, name, content):
        """The folder, now holding that file."""
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write(content)
        return folder


def tests():
    for group in GROUPS:
        for function in group.TESTS:
            yield function.__name__, function


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--programs", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--prefix", default="sftp-server/")
    parser.add_argument("--log")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    if given.list:
        print("\n".join(given.prefix + name for name, _ in tests()))
        return 0
    report = Report(given.prefix, given.names, given.log)
    root = tempfile.mkdtemp(prefix="ferry-sftp-server-")
    try:
        lab = Lab(root, given.programs)
        for name, function in tests():
            report.run(name, function, lab)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
