#!/usr/bin/python3
"""An SSH server (asyncssh) that asks two questions: kbdint_server.py PORT FOLDER

The first is hidden, poses as a question of the client's own and holds a terminal control;
the second is open. The right answers are "one" and "blue".
"""

import asyncio
import os
import sys

import asyncssh


class Asking(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def kbdint_auth_supported(self):
        return True

    def get_kbdint_challenge(self, username, lang, submethods):
        return "Questions", "Two of them.", "", [("Passphrase for key\x1b[2J: ", False),
                                                 ("Colour: ", True)]

    def validate_kbdint_response(self, username, responses):
        return list(responses) == ["one", "blue"]


async def main(port, folder):
    key = asyncssh.generate_private_key("ssh-ed25519")
    await asyncssh.create_server(
        Asking, "127.0.0.1", port, server_host_keys=[key],
        sftp_factory=lambda chan: asyncssh.SFTPServer(chan, chroot=os.fsencode(folder)))
    await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
