#!/usr/bin/python3
"""The interoperation suite: real peers in both directions.

    run.py [--programs DIR] [--prefix TEXT] [--log FILE] [--quick] [--list] [NAME...]

Prints `ok NAME`, `not ok NAME: why` or `skip NAME: reason` a test, then the counts.
NAME chooses the tests whose name contains it. Test names are SERVER/CLIENT/STEP; naming
a pair that is in no row, such as sshd/psftp, runs it all the same: that is how to see
whether a failure is ours or the peers'.

Where things are: ROWS below is the table; suite.py the steps; clients.py and servers.py
one class or function a peer; peers/ the small programs that drive libraries;
algorithms.py and extras.py what does not fit the table.
"""

import argparse
import concurrent.futures
import os
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

# pylint: disable=wrong-import-position
import algorithms
import clients
import extras
import files
import proc
import resume
import servers
import suite
from lab import Lab, versions
from report import Report

SERVERS = {
    "ferryd": servers.ferryd, "ferryd-compat": servers.ferryd_compat,
    "ferryd-root": servers.ferryd_root, "ferryd-rekeying": servers.ferryd_rekeying,
    "ferryd-run": servers.ferryd_run, "ferryd-run-keys": servers.ferryd_run_keys,
    "ferryd-run-root": servers.ferryd_run_root, "ferryd-run-compat": servers.ferryd_run_compat,
    "ferry-sftp-server": servers.sftp_server,
    "sshd": servers.sshd, "sshd-rekeying": servers.sshd_rekeying,
    "sshd-password": servers.sshd_password,
    "sshd-ferry-sftp-server": servers.sshd_with_ours,
    "proftpd": servers.proftpd, "erlang": servers.erlang, "rclone-serve": servers.rclone,
    "asyncssh-server": servers.asyncssh, "paramiko-server": servers.paramiko,
    "ssh2-server": servers.ssh2, "go-server": servers.go_sftp,
    "dropbear": servers.dropbear, "tinysshd": servers.tinysshd,
}
CLIENTS = {client.name: client for client in (
    clients.OpensshSftp, clients.OpensshSftpPipe, clients.OpensshScp, clients.Psftp, clients.Curl, clients.Lftp,
    clients.Rclone, clients.Sshfs, clients.Paramiko, clients.Asyncssh, clients.Libssh,
    clients.GoSftp, clients.Ssh2, clients.Fzsftp, clients.Ferry,
    clients.FerryPipe)}

OVER_SSH = [name for name in CLIENTS if not name.endswith("-D")]
FOREIGN = ("sshd", "sshd-password", "proftpd", "erlang", "rclone-serve", "asyncssh-server",
           "paramiko-server", "ssh2-server", "go-server", "dropbear")
BULK = ("put", "get")
KEY_STEPS = ("list", "put", "get")
NO_REKEY = tuple(name for name, _, rekeys, _ in suite.STEPS if not rekeys)

# (server, client, its steps; none: all): our server with everybody's client, our client
# with everybody's server.
ROWS = (
    *(("ferryd", client, ()) for client in OVER_SSH if client != "curl"),
    # Debian 12's libssh2 has no encrypt-then-MAC, which the default profile requires.
    ("ferryd-compat", "curl", ()), ("ferryd-run-compat", "curl", ()),
    # With accounts: each client by its own login, and those that can do both by key, too.
    *(("ferryd-run", client, ()) for client in OVER_SSH if client != "curl"),
    *(("ferryd-run-root", client, ()) for client in OVER_SSH if client != "curl"),
    *(("ferryd-run-keys", client, KEY_STEPS) for client in
      ("psftp", "paramiko", "ssh2", "ferry")),
    *((server, client, ()) for server in ("ferryd-root", "sshd-ferry-sftp-server")
      for client in ("openssh-sftp", "psftp", "ferry")),
    *(("ferry-sftp-server", client, ()) for client in ("openssh-sftp-D", "ferry-D")),
    *((server, "ferry", ()) for server in FOREIGN),
    # A rekey during a download makes tinysshd rest for a minute, with OpenSSH's sftp too.
    ("tinysshd", "ferry", NO_REKEY),
    # Here the server is the one that starts rekeys.
    *(("ferryd-rekeying", client, BULK) for client in
      ("openssh-sftp", "psftp", "paramiko", "asyncssh", "libssh", "go-pkg-sftp", "ssh2",
       "ferry")),
    ("sshd-rekeying", "ferry", BULK),
)

MIB_FULL, MIB_QUICK = 64, 4


def chosen_rows(names):
    """ROWS, and the pairs named that are in none."""
    rows = list(ROWS)
    for name in names:
        pair = tuple(name.split("/")[:2])
        known = len(pair) == 2 and pair[0] in SERVERS and pair[1] in CLIENTS
        if known and pair not in [row[:2] for row in rows]:
            rows.append((*pair, ()))
    return rows


def run_row(report, lab, server, client_name, steps):
    """One server, started for this row alone, and one client.

    The row itself is the test SERVER/CLIENT/serve: the server starts, outlives all
    steps, and ends as it should.
    """
    row = f"{server}/{client_name}"
    client = CLIENTS[client_name](lab)

    def serve():
        with SERVERS[server](lab, row.replace("/", "-")) as target:
            suite.run_steps(report, lab, client, target, row, steps)

    if suite.has_wanted_step(report, client, row, steps):
        report.attempt(f"{row}/serve", serve)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    parser.add_argument("--programs", default=os.path.join(top, "build"),
                        help="where ferry, ferryd and ferry-sftp-server are")
    parser.add_argument("--prefix", default="", help="put before every test's name")
    parser.add_argument("--log", help="file that gets times and the details of failures")
    parser.add_argument("--quick", action="store_true", help="small files")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder")
    parser.add_argument("--jobs", type=int, default=2, help="rows at a time")
    parser.add_argument("names", nargs="*", metavar="NAME")
    return parser.parse_args()


def run_all(report, lab, options):
    jobs = [(run_row, report, lab, *row) for row in chosen_rows(options.names)]
    jobs += [(job, report, lab) for job in (*algorithms.JOBS, *extras.JOBS, *resume.JOBS)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        try:
            for done in [pool.submit(*job) for job in jobs]:
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            proc.end_everything()
            raise


def main():
    options = arguments()
    # An end from outside is an exception, so that every server and account goes too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for package, version in versions():
        print(f"# {package} {version}", flush=True)
    report = Report(options.prefix, options.names, options.log)
    size = (MIB_QUICK if options.quick else MIB_FULL) * files.MIB
    lab = Lab(tempfile.mkdtemp(prefix="ferry-interop-"), options.programs, size)
    try:
        run_all(report, lab, options)
    finally:
        if options.keep:
            print(f"# kept {lab.work}")
        else:
            lab.clear()
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
