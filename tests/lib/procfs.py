"""What /proc tells of a process: children, status, descriptors, memory, limits."""

import os
import time

import proc
from report import check


def children_of(pid):
    """Ids of a process's children, zombies excluded."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            facts = status_of(int(name))
            if facts.get("PPid") == str(pid) and not facts["State"].startswith("Z"):
                found.append(int(name))
    return found


def descendants_of(pid):
    """Children, their children and so on, zombies excluded; one look at /proc."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            facts = status_of(int(name))
            if facts and not facts["State"].startswith("Z"):
                children.setdefault(facts["PPid"], []).append(int(name))
    found, todo = [], [pid]
    while todo:
        young = children.get(str(todo.pop()), [])
        found += young
        todo += young
    return found


def status_of(pid):
    """/proc/PID/status as a dictionary; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as rows:
            return dict((part.strip() for part in row.split(":", 1)) for row in rows)
    except OSError:
        return {}


def descriptors_of(pid):
    """Descriptor -> what it is."""
    folder = f"/proc/{pid}/fd"
    return {int(fd): os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)}


def command_of(pid):
    """The words that it was started with."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as words:
            return words.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def memory_holds(pid, needles):
    """Which of these byte strings are in a process's writable memory."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        rows = maps.readlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for row in rows:
            span, mode = row.split()[:2]
            if "w" not in mode:
                continue
            begin, end = (int(x, 16) for x in span.split("-"))
            try:
                memory.seek(begin)
                image = memory.read(end - begin)
            except OSError:
                continue
            found |= {needle for needle in needles if needle in image}
    return found


def await_true(condition, what, seconds=10):
    deadline = time.monotonic() + seconds * proc.slowness
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.02)
