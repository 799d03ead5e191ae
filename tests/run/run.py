#!/usr/bin/python3
"""`ferryd run` tried from outside: logins, files, options, walls, crashes and load.

    run.py [--programs DIR] [--prefix TEXT] [--log FILE] [--list] [--once] [NAME...]

Prints `ok NAME`, `not ok NAME: why` or `skip NAME: reason` a test, then the counts. As
root everything runs twice, with a daemon started as root (names begin with root/) and
with one of an ordinary user (user/); system users are made for it and removed after it.
--once: as root alone, for builds in which everything takes several times as long.
"""

import argparse
import concurrent.futures
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

# pylint: disable=wrong-import-position
import clients
import commands
import crashes
import load
import logins
import options as option_tests
import paths
import start
import transfers
import walls
from ferryd_run import ROOT_ONLY, Lab
from report import Report

# Most tests wait most of their time, so several run side by side; those that make the
# machine busy, or measure, run after them and alone.
SIDE_BY_SIDE = 4
TOGETHER = (start, logins, transfers, paths, option_tests, clients, commands, walls)
ALONE = (crashes, load)


def tests_of(groups):
    for group in groups:
        for function in group.TESTS:
            yield f"{group.__name__}/{function.__name__}", function


def tests_of_options():
    """Options that belong together have one test, which is run once."""
    by_function = {}
    for name, function in option_tests.OPTIONS.items():
        by_function.setdefault(function, []).append(name)
    for function, names in by_function.items():
        yield f"option/{'+'.join(names).replace(' ', '-')}", function


def together():
    return [*tests_of(TOGETHER), *tests_of_options()]


def alone():
    return [*tests_of(ALONE)]


def run_all(report, lab):
    """A test of root's daemon was run as that: as a user's it is left out."""
    if lab.mode == "user" and os.geteuid() == 0:
        report.is_quiet_about = ROOT_ONLY
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for name, function in together():
            pool.submit(report.run, f"{lab.mode}/{name}", function, lab)
    for name, function in alone():
        report.run(f"{lab.mode}/{name}", function, lab)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--programs", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--prefix", default="run/")
    parser.add_argument("--log")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    modes = ("root", "user") if os.geteuid() == 0 else ("user",)
    if options.once:
        modes = modes[:1]
    if options.list:
        names = [name for name, _ in together() + alone()]
        print("\n".join(f"{options.prefix}{mode}/{name}" for mode in modes for name in names))
        return 0
    report = Report(options.prefix, options.names, options.log)
    with Lab(options.programs) as lab:
        for lab.mode in modes:
            run_all(report, lab)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
