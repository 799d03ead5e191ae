"""paramiko as a client; arguments and operations: Library in ../clients.py."""

import sys

import paramiko

PIECE = 1 << 20


def connect(port, user, password, key, known_hosts, rekey_bytes):
    ssh = paramiko.SSHClient()
    ssh.load_host_keys(known_hosts)
    ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
    pkey = None if password else paramiko.Ed25519Key.from_private_key_file(key)
    ssh.connect("127.0.0.1", int(port), user, password=password or None, pkey=pkey,
                allow_agent=False, look_for_keys=False, timeout=60, auth_timeout=60,
                banner_timeout=60)
    if int(rekey_bytes):
        ssh.get_transport().packetizer.REKEY_BYTES = int(rekey_bytes)
    return ssh


def resume(source, destination):
    """Append to destination what it still lacks of source."""
    have = destination.seek(0, 2) or destination.tell()
    source.seek(have)
    while piece := source.read(PIECE):
        destination.write(piece)


def perform(sftp, verb, one, two=None):
    if verb == "ls":
        print("\n".join(sftp.listdir(one)))
    elif verb == "reput":
        with open(one, "rb") as local, sftp.open(two, "r+") as remote:
            remote.set_pipelined(True)
            resume(local, remote)
    elif verb == "reget":
        with sftp.open(one, "rb") as remote, open(two, "r+b") as local:
            resume(remote, local)
    else:
        words = {"put": sftp.put, "get": sftp.get, "rename": sftp.rename, "rm": sftp.remove,
                 "mkdir": sftp.mkdir, "rmdir": sftp.rmdir}
        words[verb](*(path for path in (one, two) if path is not None))


with connect(*sys.argv[1:]) as ssh, ssh.open_sftp() as sftp:
    for line in sys.stdin:
        perform(sftp, *line.rstrip("\n").split("\t"))
