#!/usr/bin/python3
"""meson_results.py BUILD_DIR PREFIX [NAME...]: run meson's tests of a build and print
their results the way all tests here are printed. NAME: as for every test program.
"""

import json
import os
import subprocess
import sys

from report import Failed, Report, Skipped


def list_tests(build):
    """Name as printed -> name for meson's command line, which is without the suite."""
    shown = subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--list"], check=True,
                           capture_output=True, text=True).stdout
    for line in shown.splitlines():
        suite, parted, name = line.partition(" / ")
        if parted:
            yield f"{suite.split(':')[-1]}/{name}", name


def run(build, names):
    subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--timeout-multiplier", "3",
                    *names], check=False, stdin=subprocess.DEVNULL, capture_output=True)
    path = os.path.join(build, "meson-logs", "testlog.json")
    with open(path, encoding="utf-8") as log:
        return {entry["name"].split(" / ")[-1]: entry for entry in map(json.loads, log)}


def judge(entry):
    if entry is None:
        raise Failed("meson did not run it")
    if entry["result"] == "SKIP":
        raise Skipped("the test says so")
    if entry["result"] != "OK":
        said = [line for line in (entry["stdout"] + entry.get("stderr", "")).splitlines()
                if any(word in line for word in ("ERROR", "FAILED", "Failure", "error:"))]
        raise Failed(f"{entry['result']}: {said[0] if said else 'see meson-logs/testlog.txt'}")


def main():
    build, prefix, *only = sys.argv[1:]
    report = Report(prefix, only)
    chosen = {shown: name for shown, name in list_tests(build) if report.wants(shown)}
    if chosen:
        entries = run(build, chosen.values())
        for shown, name in chosen.items():
            report.run(shown, judge, entries.get(name))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
