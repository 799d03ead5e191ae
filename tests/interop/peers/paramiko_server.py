"""paramiko as a server; arguments: _peer in ../servers.py. Paths are the disk's own."""

import os
import socket
import sys
import threading

import paramiko
from paramiko import SFTPAttributes, SFTPServer


class Login(paramiko.ServerInterface):
    def get_allowed_auths(self, username):
        return "password,publickey"

    def check_auth_password(self, username, password):
        good = (username, password) == (user, expected)
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username, key):
        good = username == user and key.get_base64() == authorized
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED


class Handle(paramiko.SFTPHandle):
    def __init__(self, file, flags):
        super().__init__(flags)
        self.readfile = self.writefile = file

    def stat(self):
        return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

    def chattr(self, attr):
        SFTPServer.set_file_attr(self.readfile.name, attr)
        return paramiko.SFTP_OK


def answering(function):
    """Turn an OSError into the status that says so."""
    def wrapped(self, *arguments):
        try:
            result = function(self, *arguments)
            return paramiko.SFTP_OK if result is None else result
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)
    return wrapped


class Disk(paramiko.SFTPServerInterface):
    @answering
    def list_folder(self, path):
        return [SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name)
                for entry in os.scandir(path)]

    @answering
    def stat(self, path):
        return SFTPAttributes.from_stat(os.stat(path))

    @answering
    def lstat(self, path):
        return SFTPAttributes.from_stat(os.lstat(path))

    @answering
    def open(self, path, flags, attr):
        mode = attr.st_mode if attr.st_mode is not None else 0o666
        fd = os.open(path, flags, mode)
        kind = {os.O_RDONLY: "rb", os.O_WRONLY: "wb", os.O_RDWR: "r+b"}[flags & os.O_ACCMODE]
        return Handle(os.fdopen(fd, kind), flags)

    @answering
    def remove(self, path):
        os.remove(path)

    @answering
    def rename(self, old, new):
        if os.path.lexists(new):
            return paramiko.SFTP_FAILURE
        return os.rename(old, new)

    @answering
    def posix_rename(self, old, new):
        os.replace(old, new)

    @answering
    def mkdir(self, path, attr):
        os.mkdir(path)

    @answering
    def rmdir(self, path):
        os.rmdir(path)

    @answering
    def chattr(self, path, attr):
        SFTPServer.set_file_attr(path, attr)


def serve(connection):
    transport = paramiko.Transport(connection)
    transport.add_server_key(key)
    transport.set_subsystem_handler("sftp", SFTPServer, Disk)
    transport.start_server(server=Login())


port, share, host_key, user, expected, authorized_keys = sys.argv[1:]
key = paramiko.Ed25519Key.from_private_key_file(host_key)
with open(authorized_keys, encoding="ascii") as public:
    authorized = public.read().split()[1]
with socket.create_server(("127.0.0.1", int(port))) as listener:
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
