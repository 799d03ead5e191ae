"""Meetings that are not a row of clients and steps."""

import copy
import json
import os
import subprocess

import clients
import filezilla
import proc
import servers
from lab import need_program
from report import check, check_equal


def with_server(server, test):
    """A job that runs TEST(lab, target) with a server around it, as the test's own name."""
    name = f"{server.__name__.replace('_', '-')}/{test.__name__.replace('_', '-')}"

    def run(lab):
        with server(lab, name.replace("/", "-")) as target:
            test(lab, target)

    return lambda report, lab: report.run(name, run, lab)


def filezilla_uploads_and_downloads(lab, target):
    filezilla.transfer_both_ways(lab, target)


def ssh_audit_finds_no_failure(lab, target):
    shown = proc.run([need_program("ssh-audit", "ssh-audit"), "--level", "fail", "-n", "-p",
                      target.port, "127.0.0.1"], env=lab.env, statuses=None).out
    failures = [line for line in shown.splitlines() if "[fail]" in line]
    check("(gen)" in shown or "(kex)" in shown or not failures, "ssh-audit saw no server", shown)
    check(not failures, f"{len(failures)} failures: {failures[:2]}", shown)
    # An answer at level `fail` is empty when all is well, so make sure that it looked.
    report = json.loads(proc.run(["ssh-audit", "-j", "-p", target.port, "127.0.0.1"],
                                 env=lab.env, statuses=None).out)
    check(len(report["kex"]) >= 4, "ssh-audit saw no key exchange methods", str(report))


def openssh_logs_in_by_password(lab, target):
    """password, then keyboard-interactive, asked for through SSH_ASKPASS."""
    for method in ("password", "keyboard-interactive"):
        ask = lab.write("askpass", f"#!/bin/sh\necho '{lab.password}'\n", mode=0o700)
        env = {**lab.env, "SSH_ASKPASS": ask, "SSH_ASKPASS_REQUIRE": "force"}
        # -b would forbid asking; commands on standard input do not.
        shown = proc.run(["sftp", "-q", "-F", "none", "-P", target.port,
                          "-o", f"UserKnownHostsFile={target.known_hosts}",
                          "-o", f"PreferredAuthentications={method}",
                          "-o", "PubkeyAuthentication=no", f"{target.user}@127.0.0.1"],
                         stdin="pwd\n", env=env).out
        check("Remote working directory: /" in shown, f"no session by {method}", shown)


def ferry_takes_its_key_from_the_agent(lab, target):
    socket = lab.path("agent.sock")
    env = {**lab.env, "SSH_AUTH_SOCK": socket}
    agent = proc.start(["ssh-agent", "-D", "-a", socket], env=env, stdout=subprocess.DEVNULL)
    try:
        proc.wait_until(lambda: os.path.exists(socket), "the agent's socket")
        proc.run(["ssh-add", "-q", target.key], env=env)
        without_file = copy.copy(target)
        without_file.key = None
        shown = proc.run([lab.program("ferry"), "ls", *ferry_options(without_file),
                          f"{target.user}@127.0.0.1:{target.remote('')}"], env=env)
        check_equal(shown.status, 0, "exit status")
    finally:
        proc.end_group(agent)


def ferry_refuses_a_changed_host_key(lab, target):
    """Status 6, nothing transferred, and the known hosts file as it was."""
    changed = copy.copy(target)
    with open(f"{lab.user_key}.pub", encoding="ascii") as other:
        entry = f"[127.0.0.1]:{target.port} {other.read()}"
    changed.known_hosts = lab.write(f"changed.{target.port}", entry)
    refused = proc.run([lab.program("ferry"), "put", *ferry_options(changed), lab.user_key + ".pub",
                        f"{target.user}@127.0.0.1:{target.remote('stolen')}"],
                       env=lab.env, statuses=None)
    check_equal(refused.status, 6, "exit status")
    check(not os.path.exists(target.local("stolen")), "a file went to an unknown server")
    with open(changed.known_hosts, encoding="ascii") as now:
        check_equal(now.read(), entry, "known hosts")


def ferry_says_when_the_password_is_wrong(lab, target):
    wrong = lab.write("wrong-password", "not the password\n")
    refused = proc.run([lab.program("ferry"), "ls", "--password-file", wrong,
                        *ferry_options(target, key=None), f"{target.user}@127.0.0.1:/"],
                       env=lab.env, statuses=None)
    check_equal(refused.status, 5, "exit status")


def ferry_probe_tells_the_eight_steps(lab, target):
    shown = proc.run([lab.program("ferry"), "probe", *ferry_options(target),
                      f"{target.user}@127.0.0.1"], env=lab.env).out
    for step in range(1, 9):
        check(f"{step}" in shown, f"step {step} is missing", shown)
    check(target.fingerprint().rstrip("=") in shown, "no fingerprint", shown)


def ferry_options(target, key=True):
    words = ["-F", "none", "-q", "-P", target.port, "-o", "BatchMode=yes",
             "-o", f"UserKnownHostsFile={target.known_hosts}", "-o", "StrictHostKeyChecking=yes"]
    if key and target.key:
        words += ["-i", target.key]
    return words


def a_user_certificate_opens_ferryd(report, lab):
    """A key known only by its authority's signature, and one that has expired."""
    report.run("ferryd/a-user-certificate-opens", _user_certificate, lab)


def _user_certificate(lab):
    authority = lab.make_key("user_ca", "-t", "ed25519")
    good = lab.make_key("certified", "-t", "ed25519")
    stale = lab.make_key("stale", "-t", "ed25519")
    proc.run(["ssh-keygen", "-q", "-s", authority, "-I", "good", "-n", "guest", f"{good}.pub"])
    proc.run(["ssh-keygen", "-q", "-s", authority, "-I", "old", "-n", "guest",
              "-V", "20200101:20200102", f"{stale}.pub"])
    with open(f"{authority}.pub", encoding="ascii") as public:
        line = f'cert-authority,principals="guest" {public.read()}'
    with servers.ferryd(lab, "certificates", authorized=lab.write("authority", line)) as target:
        target.key = good
        clients.OpensshSftp(lab).perform(target, ("ls", "/"))
        target.key = stale
        refused = proc.run(["sftp", "-F", "none", "-P", target.port, "-b", "-",
                            *clients.openssh_options(target), f"{target.user}@127.0.0.1"],
                           stdin="ls\n", env=lab.env, statuses=None)
        check(refused.status != 0, "an expired certificate was accepted", refused.describe())


def a_host_certificate_satisfies_ferry(report, lab):
    report.run("sshd/a-host-certificate-satisfies-ferry", _host_certificate, lab)


def _host_certificate(lab):
    authority = lab.make_key("host_ca", "-t", "ed25519")
    host = lab.make_key("certified_host", "-t", "ed25519")
    proc.run(["ssh-keygen", "-q", "-s", authority, "-I", "host", "-h", "-n", "127.0.0.1",
              f"{host}.pub"])
    with servers.sshd(lab, "host-certificate",
                      lines=(f"HostKey {host}", f"HostCertificate {host}-cert.pub")) as target:
        with open(f"{authority}.pub", encoding="ascii") as public:
            target.known_hosts = lab.write(
                "known-authority", f"@cert-authority [127.0.0.1]:{target.port} {public.read()}")
        clients.Ferry(lab).perform(target, ("ls", target.remote("")))


def big_listing(lab, target):
    """20,000 names through ferry: many READDIR replies, none lost, none twice."""
    names = {f"name{i:05}" for i in range(20000)}
    for name in names:
        with open(target.local(name), "wb"):
            pass
    shown = clients.Ferry(lab).perform(target, ("ls", target.remote("") or "/"))
    listed = [os.path.basename(line) for line in shown.splitlines()]
    check_equal(len(listed), len(names), "names listed")
    check(set(listed) == names, "other names than on disk")


JOBS = (
    with_server(servers.ferryd, filezilla_uploads_and_downloads),
    with_server(servers.ferryd, ssh_audit_finds_no_failure),
    with_server(servers.ferryd, openssh_logs_in_by_password),
    with_server(servers.ferryd, ferry_says_when_the_password_is_wrong),
    with_server(servers.ferryd, ferry_probe_tells_the_eight_steps),
    with_server(servers.sshd, ferry_refuses_a_changed_host_key),
    with_server(servers.sshd, ferry_takes_its_key_from_the_agent),
    with_server(servers.sshd, big_listing),
    a_user_certificate_opens_ferryd,
    a_host_certificate_satisfies_ferry,
)
