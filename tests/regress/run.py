#!/usr/bin/python3
"""OpenSSH's own tests of SFTP, from Debian's openssh-tests, with our programs at one end or both.

    run.py [--programs DIR] [--prefix TEXT] [--log FILE] [--list] [NAME...]

Prints `ok NAME`, `not ok NAME: why` or `skip NAME: reason` a test, then the counts. The
client is OpenSSH's, or ferry called as sftp. Those that start no sshd run an sftp-server
(`sftp -D`), ferry-sftp-server or with ferry OpenSSH's; those that start one get ferryd in
its place, through the program `sshd` beside this file.
"""

import argparse
import os
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

# pylint: disable=wrong-import-position
import proc
from report import Failed, Report, Skipped

REGRESS = "/usr/lib/openssh/regress"
OF_SFTP_SERVER = ("sftp", "sftp-cmds", "sftp-badcmds", "sftp-batch", "sftp-glob", "sftp-perm")
# sftp-cmds wants `cp`, the copy-data extension, which ferry has no command for.
OF_FERRY = ("sftp", "sftp-badcmds", "sftp-batch", "sftp-glob", "sftp-perm")
OPENSSH_SERVER = "/usr/lib/openssh/sftp-server"
OF_FERRYD = ("sftp-chroot", "sftp-uri")


class Lab:
    """A copy of the tests, which write beside themselves, and what they are to use."""

    def __init__(self, programs):
        self.programs = os.path.abspath(programs)
        self.root = tempfile.mkdtemp(prefix="ferry-regress-")
        self.folder = os.path.join(self.root, "regress")
        if os.path.isdir(REGRESS):
            shutil.copytree(REGRESS, self.folder)

    def environment(self, **more):
        return {**os.environ, "BUILDDIR": self.folder, "OBJ": self.folder, "SUDO": "",
                "TEST_SHELL": "sh", "TEST_SSH_SSH": "ssh",
                "TEST_SSH_PORT": str(proc.free_port()), "TEST_SSH_UNSAFE_PERMISSIONS": "1",
                **more}

    def run(self, name, env):
        """One of OpenSSH's scripts; its last words are the reason of a failure."""
        if not os.path.isdir(self.folder):
            raise Skipped("openssh-tests is not installed")
        script = os.path.join(self.folder, f"{name}.sh")
        result = proc.run(["sh", os.path.join(self.folder, "test-exec.sh"), self.folder, script],
                          env=env, cwd=self.folder, seconds=120, statuses=None)
        said = [line for line in result.out.splitlines() if not line.startswith("ok ")]
        if "SKIPPED:" in result.out:
            raise Skipped(next(line for line in said if "SKIPPED:" in line))
        if result.status != 0:
            raise Failed("; ".join(said[-3:]) or result.err[-200:],
                         result.describe() + self._logs())

    def _logs(self):
        text = ""
        for name in ("failed-regress.log", "failed-ssh.log", "failed-sshd.log"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as log:
                    text += f"\n-- {name}\n{log.read()[-6000:]}"
        return text


def try_sftp_server(lab, name):
    server = os.path.join(lab.programs, "ferry-sftp-server")
    lab.run(name, lab.environment(TEST_SSH_SSHD="/usr/sbin/sshd", TEST_SSH_SFTPSERVER=server))


def try_ferry(lab, name):
    sftp = os.path.join(lab.root, "sftp")
    if not os.path.lexists(sftp):
        os.symlink(os.path.join(lab.programs, "ferry"), sftp)
    lab.run(name, lab.environment(TEST_SSH_SSHD="/usr/sbin/sshd", TEST_SSH_SFTP=sftp,
                                  TEST_SSH_SFTPSERVER=OPENSSH_SERVER))


def try_ferryd(lab, name):
    if os.geteuid() != 0:
        raise Skipped("system accounts need root")
    # The framework has a look at a configuration for `sshd -i`; it must pass ferryd's eyes.
    lab.run(name, lab.environment(TEST_SSH_SSHD=os.path.join(HERE, "sshd"),
                                  TEST_SSH_SFTPSERVER="internal-sftp",
                                  FERRYD=os.path.join(lab.programs, "ferryd")))


def tests():
    for name in OF_SFTP_SERVER:
        yield f"{name}/ferry-sftp-server", try_sftp_server, name
    for name in OF_FERRY:
        yield f"{name}/ferry", try_ferry, name
    for name in OF_FERRYD:
        yield f"{name}/ferryd", try_ferryd, name


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--programs", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--prefix", default="regress/")
    parser.add_argument("--log")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(options.prefix + name for name, *_ in tests()))
        return 0
    report = Report(options.prefix, options.names, options.log)
    lab = Lab(options.programs)
    try:
        for name, function, script in tests():
            report.run(name, function, lab, script)
    finally:
        shutil.rmtree(lab.root, ignore_errors=True)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
