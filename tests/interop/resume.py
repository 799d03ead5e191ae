"""Uploads that are cut off halfway and gone on with, by each client that can, against
`ferryd run` with atomic uploads: the client is killed, or the server's session process.
"""

import contextlib
import json
import os
import signal
import subprocess

import clients
import files
import proc
import servers
from procfs import descendants_of, status_of
from report import check, check_equal

SIZE = 16 * files.MIB
RATE = "4M"  # slow enough to be met halfway, fast enough to wait for
OLD = b"the old content\n"


class MirrorLftp(clients.Lftp):
    """lftp mirror -R -c, which goes on with files that are there in part."""

    name = "lftp-mirror"
    words = {**clients.Lftp.words, "put": "mirror -R --overwrite -f {0} -O {1}",
             "reput": "mirror -R -c --overwrite -f {0} -O {1}"}

    def perform(self, target, *operations, rekey=False):
        # A mirror is told the folder where the file goes.
        return super().perform(target, *((verb, one, os.path.dirname(two))
                                         for verb, one, two in operations))


class PutAppend(clients.OpensshSftp):
    """put -a of OpenSSH."""

    name = "openssh-put-a"
    words = {**clients.OpensshSftp.words, "reput": "put -a {0} {1}"}


def hidden_size(target):
    """Octets of the upload under way; 0 if there is none."""
    sizes = [0]
    for entry in os.scandir(target.root):
        if entry.name.startswith(".ferry-upload."):
            with contextlib.suppress(FileNotFoundError):
                sizes.append(entry.stat().st_size)
    return max(sizes)


def session_pids(target):
    return [pid for pid in descendants_of(target.pid)
            if status_of(pid).get("Name") == "ferryd-session"]


def octets_written(target):
    """In the last upload that was closed, as the audit trail tells."""
    with open(target.audit, encoding="utf-8") as rows:
        uploads = [row for row in map(json.loads, rows) if row["t"] == "upload"]
    return uploads[-1]["written"]


def perform_until(client, target, operation, is_time, cut):
    """Start the operation and cut it off once is_time(); whatever the client says to it."""
    def run(argv, *, stdin="", env=None, **_):
        child = proc.start([str(word) for word in argv], stdin=subprocess.PIPE,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env=env or clients.node_env(client.lab))
        with contextlib.suppress(BrokenPipeError), child.stdin:
            child.stdin.write(stdin.encode())
        try:
            proc.wait_until(is_time, "half of the upload", 30)
            cut(child)
        finally:
            proc.end_group(child)
        return proc.Result(argv, child.returncode, "", "")
    client.run = run
    try:
        client.perform(target, operation)
    finally:
        del client.run


def kill_client(target, child):
    os.killpg(child.pid, signal.SIGKILL)
    child.wait(timeout=10)
    proc.wait_until(lambda: not session_pids(target), "the session's end", 20)


def kill_session(target, child):
    for pid in session_pids(target):
        os.kill(pid, signal.SIGKILL)
    proc.wait_until(lambda: not session_pids(target), "the session's end", 20)


def _write_old(target, name):
    with open(target.local(name), "wb") as old:
        old.write(OLD)
    os.utime(target.local(name), (1e9, 1e9))
    target.give(target.local(name))


def goes_on(lab, client, target, cut, *, is_continued):
    """Half an upload, a cut, the rest: the file is whole and the old one was intact.

    is_continued: the server kept what had come. Otherwise there is no old file either,
    which a client that resumes would take for the beginning of the new one; and who
    cannot resume what is not there begins anew.
    """
    big = files.write_random(lab.path(f"resumed-{client.name}"), SIZE, seed=client.name)
    name = os.path.basename(big)
    if is_continued:
        _write_old(target, name)
    perform_until(client, target, ("put", big, target.remote(name)),
                  lambda: hidden_size(target) > SIZE // 2,
                  lambda child: cut(target, child))
    if is_continued:
        with open(target.local(name), "rb") as now:
            check_equal(now.read(), OLD, "the old file after the cut")
        kept = hidden_size(target)
        check(kept > SIZE // 3, f"only {kept} octets were kept")
    verb = "reput" if is_continued or type(client) in RESUME_NOTHING else "put"
    client.perform(target, (verb, big, target.remote(name)))
    check_equal(files.sha256(target.local(name)), files.sha256(big), "the resumed file")
    if is_continued:
        written = octets_written(target)
        check_equal(written, SIZE - kept, "octets that came in the second try")


def one_client(client_class, cut, *, is_continued):
    name = f"{client_class.name}/goes-on-after-{cut.__name__.replace('_', '-')}"

    def run(lab):
        compat = "Profile compat" if client_class is clients.Curl else ""
        with servers.ferryd_run(lab, name.replace("/", "-"), config=compat,
                                words=["--upload-rate", RATE]) as target:
            goes_on(lab, client_class(lab), target, cut, is_continued=is_continued)

    return lambda report, lab: report.run(f"ferryd-run/{name}", run, lab)


CAN_RESUME = (clients.OpensshSftp, PutAppend, clients.Psftp, clients.Curl, clients.Lftp,
              clients.Paramiko, clients.Asyncssh, clients.Ssh2, clients.Libssh,
              clients.GoSftp, clients.Ferry)
RESUME_NOTHING = (clients.Curl, clients.Lftp, MirrorLftp, clients.Ferry)

JOBS = (*(one_client(client, kill_client, is_continued=True) for client in CAN_RESUME),
        # It goes by the listing, where what came so far is not.
        one_client(MirrorLftp, kill_client, is_continued=False),
        # The session's process had no time to say what is whole: the upload begins anew.
        *(one_client(client, kill_session, is_continued=False)
          for client in (clients.OpensshSftp, *RESUME_NOTHING)))
