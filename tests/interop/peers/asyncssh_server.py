"""asyncssh as a server; arguments: _peer in ../servers.py."""

import asyncio
import sys

import asyncssh


class PasswordServer(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == (user, expected)


async def main():
    await asyncssh.create_server(
        PasswordServer, "127.0.0.1", int(port), server_host_keys=[host_key],
        authorized_client_keys=authorized_keys, rekey_bytes=16 << 20,
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=share))
    await asyncio.get_running_loop().create_future()


port, share, host_key, user, expected, authorized_keys = sys.argv[1:]
asyncio.run(main())
