"""What an SSH server offers: its first KEXINIT, read with nothing but a socket."""

import os
import socket

FIELDS = ("kex", "hostkey", "cipher", "cipher_back", "mac", "mac_back",
          "compression", "compression_back")
MSG_KEXINIT = 20


def offers(port, seconds=20):
    """Field name -> list of algorithm names (RFC 4253 7.1)."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as peer:
        stream = peer.makefile("rb")
        peer.sendall(b"SSH-2.0-FerryTest\r\n")
        while not stream.readline(8192).startswith(b"SSH-2.0-"):
            pass
        payload = _read_packet(stream)
        # Closing without a KEXINIT of our own may cost this source a penalty point.
        peer.sendall(_packet(b"\x01" + (11).to_bytes(4, "big") + b"\0" * 8))
    if payload[0] != MSG_KEXINIT:
        raise ValueError(f"message {payload[0]} where KEXINIT was due")
    return dict(zip(FIELDS, _name_lists(payload[17:], len(FIELDS))))


def _read_packet(stream):
    length = int.from_bytes(stream.read(4), "big")
    body = stream.read(length)
    return body[1:length - body[0]]


def _packet(payload):
    padding = 8 - (len(payload) + 5) % 8 + 8
    head = (len(payload) + padding + 1).to_bytes(4, "big") + bytes([padding])
    return head + payload + os.urandom(padding)


def _name_lists(data, count):
    for _ in range(count):
        length = int.from_bytes(data[:4], "big")
        yield data[4:4 + length].decode("ascii").split(",") if length else []
        data = data[4 + length:]
