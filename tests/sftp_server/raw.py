"""A client that says exactly what a test tells it to, over a server program's pipes."""

import os
import select
import signal
import struct
import subprocess

import proc
from report import Failed

INIT, VERSION, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT = 1, 2, 3, 4, 5, 6, 7, 8
SETSTAT, FSETSTAT, OPENDIR, READDIR, REMOVE, MKDIR, RMDIR = 9, 10, 11, 12, 13, 14, 15
REALPATH, STAT, RENAME, READLINK, SYMLINK = 16, 17, 18, 19, 20
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED, EXTENDED_REPLY = 101, 102, 103, 104, 105, 200, 201

OK, EOF, NO_SUCH_FILE, DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8

O_READ, O_WRITE, O_APPEND, O_CREAT, O_TRUNC, O_EXCL = 1, 2, 4, 8, 16, 32


def u32(number):
    return struct.pack(">I", number)


def u64(number):
    return struct.pack(">Q", number)


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return u32(len(data)) + data


NO_ATTRS = u32(0)


class Reply:
    """type 0: the server closed its output instead of answering."""

    def __init__(self, payload):
        self.type = payload[0] if payload else 0
        self.id = struct.unpack(">I", payload[1:5])[0] if payload else None
        self.body = payload[5:] if payload else b""
        self.code = struct.unpack(">I", self.body[:4])[0] if self.type == STATUS else None

    @property
    def data(self):
        """The one string of HANDLE and DATA; the message of STATUS."""
        at = 4 if self.type == STATUS else 0
        length, = struct.unpack(">I", self.body[at:at + 4])
        return self.body[at + 4:at + 4 + length]

    def summary(self):
        return (STATUS, self.code) if self.type == STATUS else (self.type, self.body)


class Client:
    """A server program under test, from `with` to its end."""

    def __init__(self, argv, cwd, *, starts=True, seconds=20, **popen):
        self.seconds = seconds * proc.slowness
        self.child = proc.start([str(word) for word in argv], cwd=cwd, bufsize=0,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, **popen)
        self.count = 0
        self.buffer = b""
        self.version = self.payload(bytes([INIT]) + u32(3)) if starts else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pipe in (self.child.stdin, self.child.stdout):
            pipe.close()
        proc.end_group(self.child)

    def send(self, octets):
        self.child.stdin.write(octets)

    def receive(self):
        while len(self.buffer) < 4 or len(self.buffer) < 4 + self._length():
            ready, _, _ = select.select([self.child.stdout], [], [], self.seconds)
            if not ready:
                raise Failed("the server did not answer in time")
            piece = os.read(self.child.stdout.fileno(), 1 << 18)
            if not piece:
                return Reply(b"")
            self.buffer += piece
        end = 4 + self._length()
        payload, self.buffer = self.buffer[4:end], self.buffer[end:]
        return Reply(payload)

    def _length(self):
        return struct.unpack(">I", self.buffer[:4])[0]

    def payload(self, payload):
        self.send(u32(len(payload)) + payload)
        return self.receive()

    def frame(self, kind, fields):
        """A request, not sent yet."""
        self.count += 1
        return string(bytes([kind]) + u32(self.count) + fields)

    def ask(self, kind, fields):
        self.send(self.frame(kind, fields))
        reply = self.receive()
        if reply.type and reply.id != self.count:
            raise Failed(f"reply {reply.id} to request {self.count}")
        return reply

    def extended(self, name, fields=b""):
        return self.ask(EXTENDED, string(name) + fields)

    def open(self, path, flags, attrs=NO_ATTRS):
        reply = self.ask(OPEN, string(path) + u32(flags) + attrs)
        if reply.type != HANDLE:
            raise Failed(f"OPEN {path}: {reply.data.decode(errors='replace')}")
        return reply.data

    def write(self, handle, offset, data):
        return self.ask(WRITE, string(handle) + u64(offset) + string(data))

    def read(self, handle, offset, length):
        return self.ask(READ, string(handle) + u64(offset) + u32(length))

    def names(self, path):
        """[(filename, longname, attributes' octets)], to the end."""
        reply = self.ask(OPENDIR, string(path))
        handle, found = reply.data, []
        while True:
            reply = self.ask(READDIR, string(handle))
            if reply.type != NAME:
                self.ask(CLOSE, string(handle))
                return found
            found += list(_entries(reply.body))

    def end(self):
        """Close the input as a client that leaves; the exit status."""
        self.child.stdin.close()
        return self.child.wait(timeout=self.seconds)

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(timeout=self.seconds)

    def memory(self, field="VmRSS"):
        """In KiB."""
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(field))


def _entries(body):
    count, = struct.unpack(">I", body[:4])
    at = 4
    for _ in range(count):
        words = []
        for _ in range(2):
            length, = struct.unpack(">I", body[at:at + 4])
            words.append(body[at + 4:at + 4 + length])
            at += 4 + length
        yield (*words, body[at:at + 32])
        at += 32
