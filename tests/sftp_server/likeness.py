"""The same requests to OpenSSH's sftp-server and to ours: the same answers, but for
the differences that DIFFERENCES lists, each with its reason."""

import os
import shutil
import tempfile

import raw
from raw import string, u32, u64, NO_ATTRS
from report import Failed, Skipped

THEIRS = "/usr/lib/openssh/sftp-server"

# Question -> why ours answers otherwise. A prefix of the question's name suffices.
DIFFERENCES = {
    "stat ''": "an empty name is the start directory, as the draft says",
    "lstat ''": "the same", "readlink ''": "the same", "opendir ''": "the same",
    "open r ''": "the same: a directory, not a missing file",
    "stat file/": "a slash behind a file's name is ignored",
    "lstat file/": "the same", "readlink file/": "the same",
    "close twice": "a bad handle is FAILURE for every request",
    "write to r": "a handle without the right is PERMISSION_DENIED, not a missing file",
    "read from w": "the same", "read from a": "the same",
    "truncate r": "the same",
    "read nothing": "end of file rather than DATA without octets, which some take for an error",
    "lsetstat mode": "the system's EOPNOTSUPP is OP_UNSUPPORTED",
    "expand ~": "the account's home, not where the server was started",
    "home": "Debian 12's server answers with the wrong account's home",
    "limits": "ours has its own number of handles",
    "copy beyond": "the draft's EOF when the source is too short",
}

PATHS = ("", ".", "..", "/", "ln", "dl", "dl/..", "dl/../file", "dang", "loop", "nope",
         "nope/x", "file/x", "dir/", "dir//sub/.", "file/", "x" * 255, "x" * 256)


def _make_tree():
    root = tempfile.mkdtemp(prefix="ferry-like-")
    os.makedirs(os.path.join(root, "dir", "sub"))
    with open(os.path.join(root, "file"), "w", encoding="ascii") as out:
        out.write("hello")
    for target, name in (("file", "ln"), ("loop", "loop"), ("nowhere", "dang"), ("dir", "dl")):
        os.symlink(target, os.path.join(root, name))
    os.chmod(os.path.join(root, "file"), 0o4751)
    os.mkfifo(os.path.join(root, "fifo"))
    for i, name in enumerate(("file", "dir/sub", "dir", "ln", "loop", "dang", "fifo", "dl", ".")):
        os.utime(os.path.join(root, name), (1e9, 1.2e9 + i * 1e7), follow_symlinks=False)
    return root


class Interview:
    """One server's answers, its own directory's name taken out."""

    def __init__(self, argv):
        self.root = _make_tree()
        self.answers = {}
        try:
            with raw.Client(argv, self.root) as self.client:
                for part in (self.paths, self.listing, self.files, self.attributes,
                             self.names, self.links, self.extensions, self.copies):
                    part()
                self.answers["exit status"] = self.client.end()
        finally:
            shutil.rmtree(self.root)

    def note(self, question, reply, cut=None):
        kind, what = reply.summary()
        if isinstance(what, bytes):
            what = what.replace(self.root.encode(), b"@")[:cut]
        if kind == raw.HANDLE:
            what = None
        self.answers[question] = (kind, what)
        return reply

    def paths(self):
        ask = self.client.ask
        for path in PATHS:
            shown = path[:20] or "''"
            self.note(f"realpath {shown}", ask(raw.REALPATH, string(path)))
            # Flags, size and owner; modes and times follow below.
            self.note(f"stat {shown}", ask(raw.STAT, string(path)), cut=24)
            self.note(f"lstat {shown}", ask(raw.LSTAT, string(path)), cut=24)
            self.note(f"readlink {shown}", ask(raw.READLINK, string(path)))
            self.note(f"opendir {shown}", ask(raw.OPENDIR, string(path)))
        for path in ("nope", "nope/x", "file/x", "dir", "loop/x"):
            self.note(f"remove {path}", ask(raw.REMOVE, string(path)))
        for path in ("nope", "nope/x", "file", "ln", "dir"):
            self.note(f"rmdir {path}", ask(raw.RMDIR, string(path)))
        for path in ("dir", "file", "nope/x", "dang", "/"):
            self.note(f"mkdir {path}", ask(raw.MKDIR, string(path) + NO_ATTRS))

    def listing(self):
        for name, longname, attrs in self.client.names("."):
            if name != b"..":
                self.answers[f"entry {name}"] = (longname, attrs[:24] + attrs[-4:])

    def files(self):
        client = self.client
        for flags, word, path in ((1, "r", "file"), (1, "r", "nope"), (1, "r", "dang"),
                                  (0x2a, "x", "file"), (0x1a, "w", "new"), (0, "r0", "file"),
                                  (0xa, "w", "nope/x"), (6, "a", "new"), (1, "r", "loop"),
                                  (1, "r", "")):
            question = f"open {word} {path or repr('')}"
            reply = self.note(question, client.ask(raw.OPEN, string(path) + u32(flags) + NO_ATTRS))
            if reply.type == raw.HANDLE:
                self._use(reply.data, word)

    def _use(self, handle, word):
        client, body = self.client, string(handle)
        self.note(f"write to {word}", client.write(handle, 3, b"abc"))
        self.note(f"read from {word}", client.read(handle, 0, 100))
        self.note(f"read nothing {word}", client.read(handle, 0, 0))
        self.note(f"read from {word} far", client.read(handle, 1 << 40, 10))
        self.note(f"truncate {word}", client.ask(raw.FSETSTAT, body + u32(1) + u64(2)))
        self.note(f"fchmod {word}", client.ask(raw.FSETSTAT, body + u32(4) + u32(0o640)))
        self.note(f"fstat {word}", client.ask(raw.FSTAT, body), cut=24)
        self.note(f"fsync {word}", client.extended("fsync@openssh.com", body))
        self.note(f"readdir {word}", client.ask(raw.READDIR, body))
        self.note(f"close {word}", client.ask(raw.CLOSE, body))
        self.note(f"close twice {word}", client.ask(raw.CLOSE, body))
        self.note(f"use after close {word}", client.read(handle, 0, 10))

    def attributes(self):
        ask = self.client.ask
        some = u32(0xd) + u64(4) + u32(0o600) + u32(5) + u32(6)
        self.note("setstat", ask(raw.SETSTAT, string("file") + some))
        self.note("what setstat did", ask(raw.STAT, string("file")))
        self.note("setstat size of dir", ask(raw.SETSTAT, string("dir") + u32(1) + u64(4)))
        self.note("setstat of nope", ask(raw.SETSTAT, string("nope") + u32(4) + u32(0o600)))
        link = string("ln")
        for what, attrs in (("times", u32(8) + u32(5) + u32(6)), ("size", u32(1) + u64(5)),
                            ("mode", u32(4) + u32(0o600))):
            self.note(f"lsetstat {what}",
                      self.client.extended("lsetstat@openssh.com", link + attrs))

    def names(self):
        for old, new in (("file", "ln"), ("nope", "zz"), ("file", "file2"), ("dir/sub", "dl"),
                         ("dir", "dir/sub/x")):
            self.note(f"rename {old} {new}", self.client.ask(raw.RENAME, string(old) + string(new)))
        for old, new in (("file2", "ln"), ("ln", "dir")):
            self.note(f"posix-rename {old} {new}", self.client.extended(
                "posix-rename@openssh.com", string(old) + string(new)))

    def links(self):
        for target, name in (("../t", "sy"), ("../t", "sy"), ("", "sy2")):
            self.note(f"symlink {target} {name}",
                      self.client.ask(raw.SYMLINK, string(target) + string(name)))
        self.note("readlink sy", self.client.ask(raw.READLINK, string("sy")))
        for old, new in (("ln", "hl"), ("ln", "hl"), ("dir", "hl2"), ("nope", "hl3")):
            self.note(f"hardlink {old} {new}", self.client.extended(
                "hardlink@openssh.com", string(old) + string(new)))

    def extensions(self):
        extended = self.client.extended
        for path in ("~", "~/x", "~nosuchuser", "~daemon/y", "dl"):
            self.note(f"expand {path}", extended("expand-path@openssh.com", string(path)))
        for user in ("", "root", "daemon"):
            self.note(f"home {user}", extended("home-directory", string(user)))
        ids = string(u32(0) + u32(1) + u32(99999)) + string(u32(0) + u32(99998) + u32(2))
        self.note("users-groups", extended("users-groups-by-id@openssh.com", ids))
        self.note("limits", extended("limits@openssh.com"))
        self.note("statvfs", extended("statvfs@openssh.com", string(".")), cut=16)
        self.note("unknown extension", extended("foo@example.com"))

    def copies(self):
        client = self.client
        source = string(client.open("ln", raw.O_READ))
        target = string(client.open("cp", raw.O_WRITE | raw.O_CREAT))

        def copy(start, length, to):
            return client.extended("copy-data", source + u64(start) + u64(length) + to + u64(1))
        self.note("copy all", copy(0, 0, target))
        self.note("copy some", copy(1, 2, target))
        self.note("copy beyond", copy(0, 100, target))
        self.note("copy itself", copy(0, 0, source))
        self.note("copied", client.ask(raw.STAT, string("cp")), cut=12)


def _is_expected(question):
    return any(question.startswith(prefix) for prefix in DIFFERENCES)


def answers_as_openssh_does(lab):
    if not os.path.exists(THEIRS):
        raise Skipped(f"{THEIRS} is not installed")
    theirs, ours = Interview([THEIRS]).answers, Interview([lab.program]).answers
    found = [question for question in theirs | ours
             if theirs.get(question) != ours.get(question)]
    surprises = [q for q in found if not _is_expected(q)]
    if surprises:
        raise Failed(f"{len(surprises)} answers differ: {', '.join(surprises[:5])}", "\n".join(
            f"{q}\n  theirs {theirs.get(q)}\n  ours   {ours.get(q)}" for q in surprises))


TESTS = (answers_as_openssh_does,)
