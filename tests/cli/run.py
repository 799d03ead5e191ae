#!/usr/bin/python3
"""ferry, tried from outside: commands, logins, host keys, terminals, hostile servers.

    run.py [--programs DIR] [--prefix TEXT] [--log FILE] [--list] [NAME...]

Prints `ok NAME`, `not ok NAME: why` or `skip NAME: reason` a test, then the counts. The
servers are Debian's sshd, ferryd, and hostile_server.py. Threat ids (L1, ...) are those of
doc/SECURITY.md.
"""

import argparse
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

# pylint: disable=wrong-import-position
import commands
import hostile
import hostkeys
import logins
import probing
import shell
from lab import Lab
from report import Report

GROUPS = (commands, hostkeys, logins, probing, hostile, shell)


def tests():
    for group in GROUPS:
        for function in group.TESTS:
            yield f"{group.__name__}/{function.__name__}", function


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--programs", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--prefix", default="cli/")
    parser.add_argument("--log")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(options.prefix + name for name, _ in tests()))
        return 0
    report = Report(options.prefix, options.names, options.log)
    root = tempfile.mkdtemp(prefix="ferry-cli-")
    lab = Lab(root, options.programs)
    try:
        for name, function in tests():
            report.run(name, function, lab)
    finally:
        lab.close()
        shutil.rmtree(root, ignore_errors=True)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
