#!/usr/bin/python3
"""SFTP servers that lie, on standard input and output, for `ferry -D`.

    hostile_server.py SCENARIO

Each scenario is a class below: an honest little server (one directory "/", one file
"/file" of 100,000 octets) with one fault. Threat ids (L1, ...) are doc/SECURITY.md's.
"""

import os
import struct
import sys
import time

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR = \
    range(1, 13)
REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK = range(13, 21)
STATUS, HANDLE, DATA, NAME, ATTRS = range(101, 106)
EXTENDED = 200
OK, EOF, NO_SUCH_FILE, PERMISSION_DENIED, FAILURE, BAD_MESSAGE = range(6)
UNSUPPORTED = 8
CONTENT = bytes(range(256)) * 391  # 100,096 octets


def string(text):
    return struct.pack(">I", len(text)) + text


def attrs(mode, size):
    return struct.pack(">IQIII", 0x0d, size, mode, 1700000000, 1700000000)


class Server:
    names = [(b"file", 0o100644)]
    extensions = b""

    def __init__(self):
        self.listed = set()
        self.n_handles = 0
        self.input, self.output = sys.stdin.buffer, sys.stdout.buffer

    # ---- framing ----

    def send(self, kind, body):
        self.output.write(struct.pack(">IB", 1 + len(body), kind) + body)
        self.output.flush()

    def reply(self, kind, number, body):
        self.send(kind, struct.pack(">I", number) + body)

    def status(self, number, code, text=b"as told"):
        self.reply(STATUS, number, struct.pack(">I", code) + string(text) + string(b""))

    def run(self):
        while head := self.input.read(5):
            length, kind = struct.unpack(">IB", head)
            body = self.input.read(length - 1)
            if kind == INIT:
                self.send(VERSION, struct.pack(">I", 3) + self.extensions)
            else:
                self.request(kind, struct.unpack(">I", body[:4])[0], body[4:])

    @staticmethod
    def take_string(body):
        length = struct.unpack(">I", body[:4])[0]
        return body[4:4 + length], body[4 + length:]

    # ---- honest answers ----

    def request(self, kind, number, body):
        handler = {OPEN: self.open, READ: self.read, WRITE: self.write, STAT: self.stat,
                   LSTAT: self.stat, FSTAT: self.fstat, OPENDIR: self.opendir,
                   READDIR: self.readdir, REALPATH: self.realpath,
                   CLOSE: self.close}.get(kind)
        if handler:
            handler(number, body)
        elif kind in (SETSTAT, FSETSTAT, MKDIR, RENAME, REMOVE):
            self.status(number, OK)
        else:
            self.status(number, UNSUPPORTED)

    def open(self, number, _body):
        self.n_handles += 1
        self.reply(HANDLE, number, string(b"f%d" % self.n_handles))

    def opendir(self, number, _body):
        self.listed.discard(b"d")
        self.reply(HANDLE, number, string(b"d"))

    def close(self, number, _body):
        self.status(number, OK)

    def stat(self, number, body):
        path = self.take_string(body)[0].rstrip(b"/")
        name = path.rsplit(b"/", 1)[-1]
        modes = dict(self.names)
        if name in (b"", b".", b"dir"):
            self.reply(ATTRS, number, attrs(0o40755, 4096))
        elif name in modes:
            self.reply(ATTRS, number, attrs(modes[name], len(CONTENT)))
        else:
            self.status(number, NO_SUCH_FILE, b"No such file")

    def fstat(self, number, _body):
        self.reply(ATTRS, number, attrs(0o100644, len(CONTENT)))

    def realpath(self, number, body):
        path = self.take_string(body)[0]
        self.reply(NAME, number, struct.pack(">I", 1) + string(b"/" + path.lstrip(b"./")) +
                   string(b"") + struct.pack(">I", 0))

    def readdir(self, number, _body):
        if b"d" in self.listed:
            self.status(number, EOF)
            return
        self.listed.add(b"d")
        entries = b"".join(string(name) + string(b"\x1b[2Jlongname\nfake") +
                           attrs(mode, len(CONTENT)) for name, mode in self.names)
        self.reply(NAME, number, struct.pack(">I", len(self.names)) + entries)

    def read(self, number, body):
        offset, length = struct.unpack(">QI", self.take_string(body)[1])
        piece = CONTENT[offset:offset + length]
        if piece:
            self.reply(DATA, number, string(piece))
        else:
            self.status(number, EOF)

    def write(self, number, _body):
        self.status(number, OK)


class Honest(Server):
    """The server without any fault: what the other scenarios are compared with."""


class Names(Server):
    """L1: listed names that choose local paths."""
    names = [(name, 0o100644) for name in (
        b"", b".", b"..", b"../up", b"/etc/evil", b"a/b", b"..\\w", b"x\0y", b"dir/../../up",
        b"good", b"n" * 300)] + [(b"../tree", 0o40755)]


class Escapes(Server):
    """L3: names with terminal controls."""
    names = [(b"red\x1b[31m\x1b]0;title\x07", 0o100644), (b"new\nline", 0o100644),
             ("rlo\u202egnp".encode(), 0o100644), (b"\xff\xfe", 0o100644)]


class Refuses(Server):
    """L3: a status text with terminal controls."""

    def stat(self, number, body):
        self.status(number, FAILURE, b"no\x1b[2J\nferry: everything is fine")

    def open(self, number, _body):
        self.status(number, FAILURE, b"no\x1b[2J\nferry: everything is fine")


class Short(Server):
    """L6: a file that ends before its size."""

    def read(self, number, body):
        offset, length = struct.unpack(">QI", self.take_string(body)[1])
        if offset + length > 50000:
            self.status(number, EOF)
        else:
            super().read(number, body)


class ShortPieces(Server):
    """Many servers give less than was asked: no fault."""

    def read(self, number, body):
        offset, length = struct.unpack(">QI", self.take_string(body)[1])
        piece = CONTENT[offset:offset + min(length, 1000)]
        if piece:
            self.reply(DATA, number, string(piece))
        else:
            self.status(number, EOF)


class EmptyData(Server):
    """L5: DATA without octets, for ever."""

    def read(self, number, _body):
        self.reply(DATA, number, string(b""))


class WrongId(Server):
    """L5: an answer to nobody's question."""

    def read(self, number, _body):
        self.reply(DATA, number + 7777, string(b"x"))


class HugeFrame(Server):
    """A length that no message may have."""

    def read(self, number, _body):
        self.output.write(struct.pack(">IB", 0xfffffff0, DATA))
        self.output.flush()


class HugeCount(Server):
    """R4: a count that promises more entries than there are octets."""

    def readdir(self, number, _body):
        self.reply(NAME, number, struct.pack(">I", 0xffffffff))


class Noise(Server):
    """A login script that prints into the protocol."""

    def run(self):
        self.output.write(b"Welcome to the machine!\n")
        self.output.flush()
        super().run()


class Dies(Server):
    """The connection breaks in the middle of a file."""

    def read(self, number, body):
        offset = struct.unpack(">QI", self.take_string(body)[1])[0]
        if offset >= 32768:
            os._exit(1)
        super().read(number, body)


class LateFailure(Server):
    """L6: one failed WRITE among many that succeed."""
    count = 0

    def write(self, number, _body):
        self.count += 1
        self.status(number, FAILURE if self.count == 3 else OK, b"disk on fire")


class Endless(Server):
    """L1: a tree without a bottom."""
    names = [(b"dir", 0o40755), (b"file", 0o100644)]

    def stat(self, number, body):
        path = self.take_string(body)[0]
        mode = 0o100644 if path.endswith(b"file") else 0o40755
        self.reply(ATTRS, number, attrs(mode, len(CONTENT)))


class Setuid(Server):
    """L10: modes that nobody should take over."""
    names = [(b"file", 0o106755)]

    def fstat(self, number, _body):
        self.reply(ATTRS, number, attrs(0o106755, len(CONTENT)))


class Slow(Server):
    """An answer that takes its time."""

    def read(self, number, body):
        time.sleep(0.2)
        super().read(number, body)


class Silent(Server):
    """Nothing at all after the greeting."""

    def request(self, kind, number, body):
        pass


SCENARIOS = {one.__name__: one for one in Server.__subclasses__()}

if __name__ == "__main__":
    try:
        SCENARIOS[sys.argv[1]]().run()
    except (BrokenPipeError, struct.error):
        pass
