"""The database through kill -9, a full disk, and several writers at once."""

import os
import random
import signal
import threading
import time

import proc
from lab import SmallDisk
from report import check, check_equal

ROUNDS = 60


def change(lab, database, i, wait):
    """One change in a process that is killed after `wait` seconds unless it ended by then; whether
    it was acknowledged."""
    child = proc.start([lab.program, "user", "set", "victim", "--quota", str(i), "--database",
                        database], stdout=-1, stderr=-3)
    timer = threading.Timer(wait, lambda: child.poll() is None and os.kill(child.pid,
                                                                           signal.SIGKILL))
    timer.start()
    out = child.communicate(timeout=60)[0]
    timer.cancel()
    return child.returncode == 0 and b"changed" in out


def no_acknowledged_change_is_lost_by_kill_9(lab):
    database = os.path.join(lab.root, "killed.db")
    lab.user("add", "victim", "--root", "/x", "--quota", "1", database=database)
    begin = time.monotonic()
    lab.user("set", "victim", "--quota", "2", database=database)
    whole = time.monotonic() - begin
    dice, acknowledged, n_killed = random.Random(1), 2, 0
    for i in range(3, 3 + ROUNDS):
        if change(lab, database, i, dice.uniform(0, 1.2 * whole)):
            acknowledged = i
            continue
        n_killed += 1
        lab.check_sound(database)
        quota = lab.show("victim", database=database)["quota"]
        # What was under way may be there or not; what was before it must be.
        check(quota in (acknowledged, i), f"quota is {quota}: lost {acknowledged}")
        acknowledged = quota
    check(n_killed >= ROUNDS // 6, f"only {n_killed} of {ROUNDS} were killed in time")


def a_killed_import_is_in_or_out_as_a_whole(lab):
    database = os.path.join(lab.root, "imported.db")
    lab.user("group", "add", "all", "--root", "/x", database=database)
    path = lab.write("many.conf", "".join(f"many{i}::{2000 + i}\n" for i in range(500)))
    argv = [lab.program, "user", "import", path, "--group", "all", "--database", database]
    dice = random.Random(2)
    for _ in range(15):
        child = proc.start(argv, stdout=-3, stderr=-3)
        time.sleep(dice.uniform(0, 0.15))
        if child.poll() is None:
            os.kill(child.pid, signal.SIGKILL)
        child.wait(timeout=60)
        lab.check_sound(database)
        n = lab.value("SELECT count(*) FROM account WHERE is_group = 0", database)
        check(n in (0, 500), f"{n} of 500 accounts are there")
        if n:
            return


def a_full_disk_is_told_and_changes_nothing(lab):
    with SmallDisk(lab, "small", 512) as disk:
        database = os.path.join(disk.path, "accounts.db")
        lab.user("add", "kept", "--root", "/x", "--quota", "7", database=database)
        disk.fill()
        long_root = "/" + "r" * 3000
        for i in range(4):
            lab.refused("add", f"more{i}", "--root", long_root, database=database,
                        says="No space left")
        disk.empty()
        lab.check_sound(database)
        check_equal(lab.show("kept", database=database)["quota"], 7, "quota")
        check_equal(len(lab.json("list", database=database)), 1, "accounts")
        lab.user("add", "more", "--root", long_root, database=database)


def a_full_disk_in_the_middle_of_an_import(lab):
    with SmallDisk(lab, "tiny", 256) as disk:
        database = os.path.join(disk.path, "accounts.db")
        lab.user("add", "kept", "--root", "/x", database=database)
        path = lab.write("wide.conf", "".join(f"wide{i}::\n" for i in range(300)))
        lab.refused("import", path, "--root", "/" + "r" * 3000, database=database,
                    says="No space left")
        lab.check_sound(database)
        check_equal(len(lab.json("list", database=database)), 1, "accounts")


def writers_at_once_lose_nothing(lab):
    database = os.path.join(lab.root, "crowd.db")
    lab.user("group", "add", "crowd", "--root", "/x", database=database)
    failures = []

    def add(i):
        try:
            for j in range(5):
                lab.user("add", f"u{i}-{j}", "--group", "crowd", database=database)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(str(error))

    threads = [threading.Thread(target=add, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, "; ".join(failures[:3]))
    check_equal(len(lab.json("list", database=database)), 30, "accounts")


def creators_at_once_make_one_database(lab):
    database = os.path.join(lab.root, "born", "accounts.db")
    children = [proc.start([lab.program, "user", "add", f"born{i}", "--root", "/x", "--database",
                            database], stdout=-3, stderr=-1) for i in range(8)]
    for child in children:
        error = child.communicate(timeout=60)[1]
        check_equal(child.returncode, 0, f"status ({error.decode()})")
    check_equal(len(lab.json("list", database=database)), 8, "accounts")


TESTS = (no_acknowledged_change_is_lost_by_kill_9, a_killed_import_is_in_or_out_as_a_whole,
         a_full_disk_is_told_and_changes_nothing, a_full_disk_in_the_middle_of_an_import,
         writers_at_once_lose_nothing, creators_at_once_make_one_database)
