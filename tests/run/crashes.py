"""kill -9 of each role at a random moment, with uploads running: what was acknowledged is
there, old files are whole, quotas are exact after the next start (threats D1, D2)."""

import contextlib
import json
import os
import random
import signal
import threading
import time

from ferryd_run import PASSWORD, Site, need_root, read
from procfs import await_true
from report import Skipped, check, check_equal

CHUNK = 32768
OLD = b"old content, whole\n" * 1000


class Uploader(threading.Thread):
    """Uploads one file after another until it is stopped or cut off; knows what was
    acknowledged: `done` names, and octets of the one in hand."""

    def __init__(self, client, prefix):
        super().__init__(daemon=True)
        self.client, self.prefix = client, prefix
        self.done, self.acknowledged, self.in_hand = [], 0, None
        self.is_stopping = False

    def run(self):
        with contextlib.suppress(Exception):
            for i in range(100000):
                if self.is_stopping:
                    return
                self._one(f"{self.prefix}{i}")

    def _one(self, name):
        self.in_hand, self.acknowledged = name, 0
        handle = self.client.open_new(name)
        for piece in range(8):
            self.client.write(handle, piece * CHUNK, content_of(name, piece))
            self.acknowledged += CHUNK
        self.client.close(handle)
        self.done.append(name)
        self.in_hand = None


def content_of(name, piece):
    return (f"{name}:{piece};".encode() * CHUNK)[:CHUNK]


def whole(name):
    return b"".join(content_of(name, piece) for piece in range(8))


@contextlib.contextmanager
def busy_site(lab, config="", words=()):
    """A site with two accounts that upload, and old files in the way."""
    with Site(lab, config) as site, contextlib.ExitStack() as stack:
        roots, uploaders = {}, []
        for user in ("alice", "bob"):
            roots[user] = site.add_user(user, *words)
            client = stack.enter_context(site.client(user, password=PASSWORD))
            client.put("old", OLD)
            uploader = Uploader(client, f"{user}-")
            uploaders.append(uploader)
        for uploader in uploaders:
            uploader.start()
        try:
            yield site, roots, uploaders
        finally:
            for uploader in uploaders:
                uploader.is_stopping = True
                uploader.client.transport.close()
                uploader.join(10)


def check_files(roots, uploaders):
    for (user, root), uploader in zip(roots.items(), uploaders):
        check_equal(read(os.path.join(root, "old")), OLD, f"the old file of {user}")
        for name in uploader.done:
            check(read(os.path.join(root, name)) == whole(name), f"{name} is not whole")
        if uploader.in_hand and os.path.exists(os.path.join(root, uploader.in_hand)):
            check(read(os.path.join(root, uploader.in_hand)) == whole(uploader.in_hand),
                  f"{uploader.in_hand} appeared in part")


def strike(site, role, seed):
    """kill -9 of one process of a role, some random moment from now."""
    dice = random.Random(seed)
    time.sleep(0.2 + dice.random() * 0.6)
    victims = {"listener": lambda: [site.child.pid],
               "session": site.session_pids}.get(role, lambda: site.role(role))()
    if not victims:
        raise Skipped(f"there is no process that calls itself {role}")
    os.kill(dice.choice(victims), signal.SIGKILL)


def recover(site):
    """Whatever is left goes on or is started again; then everybody gets in."""
    time.sleep(0.5)
    if site.child.poll() is not None:
        site.stop()
        site.start()
    await_true(lambda: gets_in(site, "alice"), "nobody gets in afterwards", seconds=20)


def gets_in(site, user):
    try:
        return not site.refuses(user, password=PASSWORD)
    except Exception:  # refused at the door while it starts anew
        return False


def survive(lab, role):
    with busy_site(lab) as (site, roots, uploaders):
        strike(site, role, seed=role)
        time.sleep(0.5)
        for uploader in uploaders:
            uploader.is_stopping = True
        recover(site)
        for uploader in uploaders:
            uploader.join(15)
        check_files(roots, uploaders)


def session_killed(lab):
    """The others go on as if nothing had happened."""
    with busy_site(lab) as (site, roots, uploaders):
        strike(site, "session", seed=1)
        before = [len(uploader.done) for uploader in uploaders]
        await_true(lambda: any(len(uploader.done) > count + 3
                               for uploader, count in zip(uploaders, before)),
                   "the other session stopped, too")
        check_files(roots, uploaders)


def spawner_killed(lab):
    survive(lab, "spawner")


def monitor_killed(lab):
    survive(lab, "monitor")


def steward_killed(lab):
    survive(lab, "steward")


def recorder_killed(lab):
    survive(lab, "recorder")


def listener_killed(lab):
    survive(lab, "listener")


def everything_killed_at_once(lab):
    for seed in range(3):
        with busy_site(lab) as (site, roots, uploaders):
            time.sleep(0.3 + random.Random(seed).random() * 0.5)
            site.kill_all()
            for uploader in uploaders:
                uploader.join(15)
            check_files(roots, uploaders)
            site.start()
            check(gets_in(site, "alice"), "nobody gets in after the next start")


def acknowledged_octets_are_there(lab):
    """D1, with direct uploads: every octet that got its OK is in the file."""
    for seed in range(3):
        with busy_site(lab, "AtomicUploads no") as (site, roots, uploaders):
            time.sleep(0.2 + random.Random(seed).random() * 0.5)
            site.kill_all()
            for (_, root), uploader in zip(roots.items(), uploaders):
                uploader.join(15)
                if uploader.acknowledged:
                    got = read(os.path.join(root, uploader.in_hand))
                    wanted = whole(uploader.in_hand)[:uploader.acknowledged]
                    check(got[:len(wanted)] == wanted, f"{uploader.in_hand} lost octets")


def usage_of(site, name):
    shown = json.loads(site.user("show", name, "--json").out)
    return shown["used-octets"], shown["used-files"]


def quota_is_exact_after_a_crash(lab):
    for seed in range(2):
        with busy_site(lab, words=("--quota", "1G")) as (site, roots, uploaders):
            time.sleep(0.3 + random.Random(seed).random() * 0.5)
            site.kill_all()
            for uploader in uploaders:
                uploader.join(15)
            site.start()
            for user, root in roots.items():
                with site.client(user, password=PASSWORD) as client:
                    client.put("after", b"x" * 1234)
                await_true(lambda user=user, root=root: usage_of(site, user) == tree_use(root),
                           f"{user}: {usage_of(site, user)} counted, {tree_use(root)} there")


def tree_use(root):
    octets = files = 0
    for folder, _, names in os.walk(root):
        for name in names:
            files += 1
            octets += os.lstat(os.path.join(folder, name)).st_size
    return octets, files


def temporaries_of_a_crash_are_few_and_hidden(lab):
    """D2: one an upload, in no listing, in nobody's way. That old ones are removed is
    shown in vfs/atomic_test: no test can turn a file's change time back."""
    with busy_site(lab) as (site, roots, uploaders):
        time.sleep(0.4)
        site.kill_all()
        for uploader in uploaders:
            uploader.join(15)
        for root in roots.values():
            hidden = [name for name in os.listdir(root) if name.startswith(".")]
            check(len(hidden) <= 1, f"more than one temporary: {hidden}")
        site.start()
        for (user, root), uploader in zip(roots.items(), uploaders):
            with site.client(user, password=PASSWORD) as client:
                check(not any(name.startswith(".") for name in client.sftp.listdir("/")),
                      "a temporary is listed")
                name = uploader.in_hand or "another"
                client.put(name, b"anew")
                check_equal(read(os.path.join(root, name)), b"anew", "the upload, once more")


def events_are_told_at_least_once(lab):
    """Each acknowledged upload gets its event, also when the daemon is killed before."""
    need_root(lab)
    from ferryd_run import EVENT_USER, read_text, write  # pylint: disable=import-outside-toplevel
    told = os.path.join(lab.folder(mode=0o777), "told")
    program = write(os.path.join(lab.root, lab.fresh("teller")),
                    f"#!/bin/sh\nsleep 0.05\n{{ cat; echo; }} >>{told}\n", 0o755)
    config = f"EventUser {EVENT_USER}\nEvent upload {program}"
    with busy_site(lab, config) as (site, _, uploaders):
        time.sleep(0.8)
        site.kill_all()
        for uploader in uploaders:
            uploader.join(15)
        site.start()
        done = {"/" + name for uploader in uploaders for name in uploader.done}
        begun = {"/" + uploader.in_hand for uploader in uploaders if uploader.in_hand}

        def paths():
            return {json.loads(line)["path"] for line in read_text(told).splitlines() if line}
        await_true(lambda: done <= paths(), "an upload was never told", seconds=30)
        partial = {path for path in paths() - done - {"/old"} if path not in begun}
        check_equal(partial, set(), "told without having happened")


TESTS = (
    session_killed, spawner_killed, monitor_killed, steward_killed, recorder_killed,
    listener_killed, everything_killed_at_once, acknowledged_octets_are_there,
    quota_is_exact_after_a_crash, temporaries_of_a_crash_are_few_and_hidden,
    events_are_told_at_least_once,
)
