"""asyncssh as a client; arguments and operations: Library in ../clients.py."""

import asyncio
import sys

import asyncssh

PIECE = 1 << 20


async def resume_put(sftp, local_path, remote_path):
    have = (await sftp.stat(remote_path)).size
    with open(local_path, "rb") as local:
        local.seek(have)
        async with sftp.open(remote_path, "r+b") as remote:
            await remote.seek(have)
            while piece := local.read(PIECE):
                await remote.write(piece)


async def resume_get(sftp, remote_path, local_path):
    with open(local_path, "ab") as local:
        async with sftp.open(remote_path, "rb") as remote:
            await remote.seek(local.tell())
            while piece := await remote.read(PIECE):
                local.write(piece)


async def perform(sftp, verb, one, two=None):
    if verb == "ls":
        print("\n".join(await sftp.listdir(one)))
        return
    words = {"put": sftp.put, "get": sftp.get, "rename": sftp.rename, "rm": sftp.remove,
             "mkdir": sftp.mkdir, "rmdir": sftp.rmdir,
             "puttree": lambda *paths: sftp.put(*paths, recurse=True),
             "gettree": lambda *paths: sftp.get(*paths, recurse=True),
             "reput": lambda *paths: resume_put(sftp, *paths),
             "reget": lambda *paths: resume_get(sftp, *paths)}
    await words[verb](*(path for path in (one, two) if path is not None))


async def main(port, user, password, key, known_hosts, rekey_bytes):
    options = {"rekey_bytes": int(rekey_bytes)} if int(rekey_bytes) else {}
    async with asyncssh.connect("127.0.0.1", int(port), username=user,
                                password=password or None, config=None, agent_path=None,
                                client_keys=None if password else [key],
                                known_hosts=known_hosts, **options) as ssh:
        async with ssh.start_sftp_client() as sftp:
            for line in sys.stdin:
                await perform(sftp, *line.rstrip("\n").split("\t"))


asyncio.run(main(*sys.argv[1:]))
