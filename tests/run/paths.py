"""Hostile names over the wire: hundreds, twenty operations each, against a tree with a canary
beside it, while somebody keeps swapping a folder for a link (threats P1 to P3). tests/paths
does the same inside one process; here the kernel's walls and the accounts' ids take part.

Nothing of the canary may be read, seen or changed: its files have one content and one
size that are found nowhere else, and the whole tree is compared before and after.
"""

import contextlib
import ctypes
import itertools
import os
import threading

from paramiko import SFTPAttributes
from paramiko.py3compat import long as uint64
from paramiko.sftp import (CMD_CLOSE, CMD_EXTENDED, CMD_LSTAT, CMD_MKDIR, CMD_OPEN, CMD_OPENDIR,
                           CMD_READ, CMD_READDIR, CMD_READLINK, CMD_REALPATH, CMD_REMOVE,
                           CMD_RENAME, CMD_RMDIR, CMD_SETSTAT, CMD_STAT, CMD_SYMLINK)

from ferryd_run import PASSWORD, Site, write
from report import check, check_equal

MARK = b"canary-4711-never-to-be-read\n"
SIZE = 77777  # of each file of the canary
OPEN_READ, OPEN_WRITE_CREATE, OPEN_TRUNCATE = 1, 2 | 8, 2 | 8 | 16


def corpus(canary, root):
    """Names that have got out of other servers, and all their kind."""
    ups = ["/".join([".."] * n) for n in range(1, 12)]
    targets = [canary.lstrip("/") + "/secret", canary.lstrip("/"), "etc/passwd", ""]
    names = [f"{up}/{target}" for up in ups for target in targets]
    names += [f"/{name}" for name in names] + [f"d/{name}" for name in names]
    names += [f"./././{canary}/secret", f"//{canary}/secret", f"{canary}/secret", root,
              f"{root}/../../canary/secret", "....//....//canary", "..\\..\\canary\\secret",
              "%2e%2e/canary/secret", "..%2fcanary", "..;/canary", "~root/.profile", "~/../canary",
              "C:/canary", "\\\\?\\C:\\canary", "file:///etc/passwd", "-rf", "", ".", "..", "/",
              "//", "...", "d/..", "d/../..", "d//../..//canary"]
    names += [f"{link}{tail}" for link in ("out", "up", "abs", "chain", "loop", "deep/out", "flip",
                                           "flip/flip")
              for tail in ("", "/", "/secret", "/.", "/..", "/../canary/secret", "/new",
                           "/./secret", "//secret", "/sub/more")]
    names += ["/proc/self/root/etc/passwd", "/proc/self/cwd", "/proc/self/fd/3", "/dev/stdin",
              "proc/self/environ", "/sys/kernel", "/dev/fd/0"]
    names += ["d" + "/." * n + "/x" for n in (1, 50, 500)]
    names += ["x" * n for n in (255, 256, 4095, 4096, 5000)]
    names += ["/".join(["d"] * n) for n in (30, 300, 2000)]
    names += ["new\nline", "esc\x1b[2J", "tab\t", "\x7f", "sp ace ", " lead", "quote'\"`$(id)",
              "semi;colon|pipe&", "star*?[x]", "utf\u00e9\u202e", "\ufeffbom"]
    names += [f"d/n{i}/../../../{canary.lstrip('/')}/secret" for i in range(40)]
    names += [f"out/../{'../' * i}{canary.lstrip('/')}" for i in range(40)]
    raw = [name.encode() for name in names]
    raw += [b"nul\0/../canary", b"\0", b"\xff\xfe", b"\xc0\xae\xc0\xae/canary", b"d/\x80",
            b"..\0/canary/secret", b"\xe0\x80\xae./canary"]
    return list(dict.fromkeys(raw))


class Canary:
    """Beside the root, with links to it inside the root."""

    def __init__(self, site, root):
        self.path = site.path("canary")
        os.makedirs(os.path.join(self.path, "sub"))
        for name in ("secret", "sub/more"):
            write(os.path.join(self.path, name), MARK.ljust(SIZE, b"c"), 0o666)
        for folder in (self.path, os.path.join(self.path, "sub")):
            os.chmod(folder, 0o777)  # the modes of the system must not be what saves it
        self.root = root
        os.makedirs(os.path.join(root, "deep"))
        os.makedirs(os.path.join(root, "d"))
        for name, target in (("out", "../../canary"), ("abs", self.path), ("up", ".."),
                             ("chain", "out"), ("loop", "loop"), ("deep/out", self.path)):
            os.symlink(target, os.path.join(root, name))
        os.makedirs(os.path.join(root, "flip"))
        os.symlink(self.path, os.path.join(root, ".flop"))
        for folder in (root, os.path.join(root, "deep"), os.path.join(root, "d"),
                       os.path.join(root, "flip")):
            os.chmod(folder, 0o777)

    def state(self):
        found = []
        for folder, folders, names in sorted(os.walk(self.path)):
            for name in [""] + sorted(folders + names):
                path = os.path.join(folder, name)
                status = os.lstat(path)
                found.append((path, status.st_mode, status.st_uid, status.st_size,
                              status.st_nlink, status.st_mtime_ns))
        return found


class Flipper(threading.Thread):
    """Swaps root/flip, a folder, and root/.flop, a link to the canary, all the time."""

    def __init__(self, root):
        super().__init__(daemon=True)
        self.one, self.other = (os.path.join(root, name).encode() for name in ("flip", ".flop"))
        self.is_stopping = False
        self.count = 0

    def run(self):
        libc = ctypes.CDLL(None, use_errno=True)
        while not self.is_stopping:
            # renameat2 with RENAME_EXCHANGE: never a moment without either.
            if libc.renameat2(-100, self.one, -100, self.other, 2) == 0:
                self.count += 1


class Prober:
    """Sends the twenty operations on a name and looks at whatever comes back."""

    def __init__(self, client, links):
        self.sftp = client.sftp
        self.links = itertools.count(links)
        self.n_requests = 0

    def ask(self, *words):
        self.n_requests += 1
        with contextlib.suppress(OSError):
            return self.sftp._request(*words)  # pylint: disable=protected-access
        return None, None

    def look(self, answer, name):
        """What came back is not the canary's."""
        _, message = answer
        if message is not None:
            text = message.asbytes()
            check(MARK not in text, f"its content came back for {name!r}")
            check(SIZE.to_bytes(8, "big") not in text, f"its size came back for {name!r}")

    def opened(self, name, flags):
        kind, message = self.ask(CMD_OPEN, name, flags, SFTPAttributes())
        if kind is None:
            return
        handle = message.get_binary()
        self.look(self.ask(CMD_READ, handle, uint64(0), 4096), name)
        self.ask(CMD_CLOSE, handle)

    def listed(self, name):
        kind, message = self.ask(CMD_OPENDIR, name)
        if kind is None:
            return
        handle = message.get_binary()
        _, names = self.ask(CMD_READDIR, handle)
        if names is not None:
            check(b"secret" not in names.asbytes(), f"its names came back for {name!r}")
        self.ask(CMD_CLOSE, handle)

    def try_all(self, name):
        attributes = SFTPAttributes()
        attributes.st_mode = 0o640
        fresh = b"d/made-%d" % next(self.links)
        for command in (CMD_STAT, CMD_LSTAT, CMD_REALPATH, CMD_READLINK):
            self.look(self.ask(command, name), name)
        self.opened(name, OPEN_READ)
        self.listed(name)
        self.opened(name, OPEN_WRITE_CREATE)
        self.opened(name, OPEN_TRUNCATE)
        self.ask(CMD_SETSTAT, name, attributes)
        self.ask(CMD_MKDIR, name, attributes)
        self.ask(CMD_RENAME, name, fresh)
        self.ask(CMD_RENAME, b"d/there", name)
        self.ask(CMD_EXTENDED, "posix-rename@openssh.com", b"d/there", name)
        self.ask(CMD_EXTENDED, "hardlink@openssh.com", name, fresh + b"h")
        self.opened(fresh + b"h", OPEN_READ)
        self.ask(CMD_EXTENDED, "hardlink@openssh.com", b"d/there", name)
        self.ask(CMD_SYMLINK, name, fresh + b"s")
        self.opened(fresh + b"s", OPEN_READ)
        self.ask(CMD_SYMLINK, b"d/there", name)
        self.ask(CMD_EXTENDED, "lsetstat@openssh.com", name, attributes)
        self.ask(CMD_EXTENDED, "statvfs@openssh.com", name)
        self.ask(CMD_REMOVE, name)
        self.ask(CMD_RMDIR, name)


def hostile_paths_never_reach_the_canary(lab):
    with Site(lab) as site:
        root = site.add_user("alice")
        canary = Canary(site, root)
        names = corpus(canary.path, root)
        check(len(names) >= 300, f"only {len(names)} names")
        before = canary.state()
        flipper = Flipper(root)
        flipper.start()
        try:
            with site.client("alice", password=PASSWORD) as client:
                prober = Prober(client, 0)
                for name in names:
                    if not os.path.exists(os.path.join(root, "d", "there")):
                        client.put("d/there", b"there\n")
                    for link, target in (("out", "../../canary"), ("abs", canary.path)):
                        with contextlib.suppress(FileExistsError):
                            os.symlink(target, os.path.join(root, link))
                    os.makedirs(os.path.join(root, "d"), exist_ok=True)
                    os.chmod(os.path.join(root, "d"), 0o777)
                    prober.try_all(name)
                check(client.is_alive(), "the session ended")
                for _ in range(300):
                    prober.try_all(b"flip/secret")
        finally:
            flipper.is_stopping = True
            flipper.join(10)
        check(flipper.count > 1000, f"only {flipper.count} swaps")
        check_equal(canary.state(), before, "the canary")
        check("ended by signal" not in site.log(), "a process crashed")


TESTS = (hostile_paths_never_reach_the_canary,)
