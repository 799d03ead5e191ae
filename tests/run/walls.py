"""What stands around each process, read back from the kernel (threats S1 to S8). The table
ROLES is that of doc/SECURITY.md."""

import contextlib
import os
import re
import subprocess
import time

import proc
from ferryd_run import (ALICE, NET_USER, PASSWORD, VIRTUAL_USER, Site, ids_of, need_root, read,
                        read_text)
from options import greeting
from procfs import (await_true, command_of, descendants_of, descriptors_of, memory_holds,
                    status_of)
from report import Skipped, check, check_equal

CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID",
                "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST",
                "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
                "SYS_CHROOT", "SYS_PTRACE")


def capabilities_of(pid):
    """Names of the effective ones that matter here; the others as numbers."""
    bits = int(status_of(pid)["CapEff"], 16)
    return {CAPABILITIES[i] if i < len(CAPABILITIES) else str(i)
            for i in range(64) if bits >> i & 1}


class Standing:
    """A busy site: one connection before its login, one session, and everybody else."""

    def __init__(self, lab, config="", accounts="virtual", user="alice"):
        self.stack = contextlib.ExitStack()
        self.site = self.stack.enter_context(Site(lab, config, accounts=accounts))
        if user == "alice":
            self.site.add_user("alice")
        self.client = self.stack.enter_context(self.site.client(user, password=PASSWORD))
        self.client.sftp.listdir("/")
        self.silent = self.stack.enter_context(self.site.connect())
        greeting(self.silent)
        rows = self.site.sessions()
        self.session = next(row["pid"] for row in rows if row["authenticated"])
        self.preauth = next(row["pid"] for row in rows if not row["authenticated"])

    def __enter__(self):
        return self

    def __exit__(self, *words):
        return self.stack.__exit__(*words)

    def facing_peers(self):
        return {"session": self.session, "preauth": self.preauth}


def has_filter(site):
    return "missing: seccomp" not in site.log() and "no seccomp" not in site.log()


def no_new_privileges_and_filters_stand(lab):
    with Standing(lab) as standing:
        for role, pid in standing.facing_peers().items():
            facts = status_of(pid)
            check_equal(facts["NoNewPrivs"], "1", f"NoNewPrivs of the {role}")
            if has_filter(standing.site):
                check_equal(facts["Seccomp"], "2", f"Seccomp of the {role}")
        for pid in standing.site.role("monitor"):
            check_equal(status_of(pid)["NoNewPrivs"], "1", "NoNewPrivs of the monitor")
            if has_filter(standing.site):
                check_equal(status_of(pid)["Seccomp"], "2", "Seccomp of the monitor")


def before_login_nobody_and_nowhere(lab):
    """A uid of its own, an empty root that is root's, no capability."""
    need_root(lab)
    with Standing(lab) as standing:
        facts = status_of(standing.preauth)
        uid, gid = ids_of(NET_USER)
        check_equal(facts["Uid"].split(), [str(uid)] * 4, "uids")
        check_equal(facts["Gid"].split(), [str(gid)] * 4, "gids")
        check(set(facts["Groups"].split()) <= {str(gid)}, f"further groups {facts['Groups']}")
        check_equal(capabilities_of(standing.preauth), set(), "capabilities")
        check_equal(int(facts["CapPrm"], 16), 0, "permitted capabilities")
        root = f"/proc/{standing.preauth}/root"
        check(os.readlink(root) != "/", "its root is /")
        check_equal(os.listdir(root), [], "files in its root")
        check_equal((os.stat(root).st_uid, os.stat(root).st_mode & 0o022), (0, 0),
                    "owner of its root, and who else may write")


def session_is_its_account(lab):
    need_root(lab)
    with Standing(lab, accounts="system", user=ALICE) as standing:
        facts = status_of(standing.session)
        uid, gid = ids_of(ALICE)
        check_equal(facts["Uid"].split(), [str(uid)] * 4, "uids")
        check_equal(facts["Gid"].split(), [str(gid)] * 4, "gids")
        groups = {str(number) for number in os.getgrouplist(ALICE, gid)}
        check_equal(set(facts["Groups"].split()), groups, "groups")
        check_equal(capabilities_of(standing.session), set(), "capabilities")
    with Standing(lab) as standing:
        uid, gid = ids_of(VIRTUAL_USER)
        check_equal(status_of(standing.session)["Uid"].split(), [str(uid)] * 4, "uids")
        check_equal(capabilities_of(standing.session), set(), "capabilities")


def privileged_processes_keep_few_capabilities(lab):
    need_root(lab)
    few = {"SETUID", "SETGID", "SYS_CHROOT", "DAC_READ_SEARCH", "KILL", "NET_BIND_SERVICE",
           "CHOWN", "FOWNER", "DAC_OVERRIDE"}
    with Standing(lab) as standing:
        for pid in standing.site.role("monitor"):
            got = capabilities_of(pid)
            check(got <= few, f"the monitor has {sorted(got - few)}")


def rlimits_before_login(lab):
    need_root(lab)
    with Standing(lab) as standing:
        text = read_text(f"/proc/{standing.preauth}/limits")
        for pattern in (r"core file size +0 +0", r"processes +0 +0", r"file size +0 +0"):
            check(re.search(pattern, text), f"{pattern} not in {text}")
        files = int(re.search(r"open files +(\d+)", text).group(1))
        check(files <= 64, f"it may open {files} files")


def descriptors_are_few_and_known(lab):
    """S4: the peer's socket, the monitor's, the log's; a session has its root besides."""
    need_root(lab)
    with Standing(lab) as standing:
        for role, pid in standing.facing_peers().items():
            held = {fd: what for fd, what in descriptors_of(pid).items() if fd > 2}
            odd = [what for what in held.values()
                   if not what.startswith(("socket:", "anon_inode:", "pipe:", "/memfd:",
                                           "/dev/null", standing.site.home))]
            check_equal(odd, [], f"descriptors of the {role}")
            check(len(held) <= 10, f"the {role} holds {held}")
            names = " ".join(held.values())
            for secret in ("ssh_host", "accounts.db", "audit.log", "shadow"):
                check(secret not in names, f"the {role} holds {secret}")
        files = [what for what in descriptors_of(standing.preauth).values()
                 if what.startswith("/") and what != "/dev/null" and "memfd" not in what]
        # The log is standard error, here a file; it can be written to, and that is all.
        check_equal(set(files) - {standing.site.path("err")}, set(), "files before login")


def only_the_monitor_holds_host_keys(lab):
    """K8: neither the processes that meet peers nor the listener have them in memory."""
    need_root(lab)
    # pylint: disable=import-outside-toplevel
    import base64
    with Standing(lab) as standing:
        if proc.is_sanitized(lab.ferryd):
            raise Skipped("a sanitizer's shadow memory is too large to search")
        lines = read_text(lab.host_key).split("\n")
        blob = base64.b64decode("".join(lines[1:-2]))
        public = blob[blob.index(b"ssh-ed25519") + 15:][:32]
        secret = blob[blob.rindex(public) - 32:blob.rindex(public)]
        needles = {secret[:16], PASSWORD.encode()}
        held = {role: memory_holds(pid, needles)
                for role, pid in {**standing.facing_peers(),
                                  "listener": standing.site.child.pid}.items()}
        check_equal({role: found for role, found in held.items() if found}, {}, "secrets")
        monitors = standing.site.role("monitor")
        if monitors:
            check(any(secret[:16] in memory_holds(pid, needles) for pid in monitors),
                  "the test does not find the key where it must be")


def sessions_have_no_other_sessions_secrets(lab):
    """Two sessions of two accounts: neither holds the other's password or path."""
    need_root(lab)
    with Site(lab) as site:
        if proc.is_sanitized(lab.ferryd):
            raise Skipped("a sanitizer's shadow memory is too large to search")
        site.add_user("alice", password="zebra-Quagga-77-one")
        other = site.add_user("bob", password="okapi-Giraffe-88-two")
        with site.client("bob", password="okapi-Giraffe-88-two") as two, \
                site.client("alice", password="zebra-Quagga-77-one") as one:
            one.sftp.listdir("/")
            two.sftp.listdir("/")
            (pid,) = site.session_pids("alice")
            check_equal(memory_holds(pid, {b"okapi-Giraffe-88-two", other.encode()}), set(),
                        "of another account")


def listener_and_monitor_read_no_octet_of_a_peer(lab):
    """S1: under strace no call of theirs reads from an inet socket."""
    need_root(lab)
    with Site(lab) as site:
        site.add_user("alice")
        pids = [site.child.pid, *site.role("monitor"), *site.role("spawner"),
                *site.role("steward")]
        log = site.path("trace")
        words = [word for pid in pids for word in ("-p", str(pid))]
        tracer = proc.start(["strace", "-f", "-yy", "-o", log, "-e",
                             "trace=read,readv,recvfrom,recvmsg,pread64", *words],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)
        try:
            check(b"attached" in tracer.stderr.readline(), "strace does not attach")
            time.sleep(0.3)
            traced = set(pids)
            with site.client("alice", password=PASSWORD) as client:
                client.put("file", b"x" * 100000)
            site.refuses("alice", password="wrong")
        finally:
            proc.end_group(tracer, 2.0)
            tracer.stderr.close()
        lines = [line for line in read_text(log).splitlines()
                 if line.split(" ", 1)[0].isdigit() and int(line.split(" ", 1)[0]) in traced]
        check(lines, "strace saw nothing of them")
        check_equal([line for line in lines if re.search(r"\(\d+<TCP", line)], [],
                    "reads of a peer")


def nothing_listens_beside_ssh(lab):
    """S8: no other port, TCP or UDP, in the daemon's family."""
    need_root(lab)
    with Standing(lab) as standing:
        site = standing.site
        family = {site.child.pid, *descendants_of(site.child.pid)}
        shown = proc.run(["ss", "-tulnpH"]).out
        rows = [line for line in shown.splitlines()
                if family & {int(pid) for pid in re.findall(r"pid=(\d+)", line)}]
        check_equal(len(rows), 1, f"listening sockets: {rows}")
        check(f":{site.port}" in rows[0], rows[0])


def one_process_a_session_and_no_shared_ones(lab):
    with Site(lab) as site:
        site.add_user("alice")
        site.add_user("bob")
        base = len(site.processes())
        with site.client("alice", password=PASSWORD) as one, \
                site.client("bob", password=PASSWORD) as two:
            one.sftp.listdir("/")
            two.sftp.listdir("/")
            await_true(lambda: len(site.processes()) <= base + 2,
                       f"{len(site.processes()) - base} processes for two sessions")
            check_equal(len(set(site.session_pids())), 2, "processes of two sessions")


def crashed_session_costs_nobody_else_anything(lab):
    """A process that is ended by a signal: logged, counted, and the spawner starts anew."""
    if proc.is_sanitized(lab.ferryd):
        raise Skipped("a sanitizer takes crashes its own way")
    with Standing(lab) as standing:
        site = standing.site
        site.add_user("bob")
        with site.client("bob", password=PASSWORD) as other:
            os.kill(standing.session, 11)
            await_true(lambda: not standing.client.is_alive(), "its client is still there")
            other.sftp.listdir("/")
            check(not site.refuses("bob", password=PASSWORD), "no login afterwards")


def processes_do_not_say_secrets_in_ps(lab):
    with Standing(lab) as standing:
        for pid in [standing.site.child.pid, *standing.site.processes()]:
            shown = " ".join(command_of(pid))
            check(PASSWORD not in shown, f"{shown}")


def no_secret_in_any_log(lab):
    """G2: at the highest level, with right and wrong secrets."""
    with Site(lab, "LogLevel DEBUG3") as site:
        site.add_user("alice", password="tell-Nobody-4711")
        site.refuses("alice", password="tell-Nobody-4711")
        site.refuses("alice", password="guessed-Wrongly-0815")
        site.refuses("alice", answers=["guessed-Wrongly-0815"])
        text = site.log() + read_text(site.path("log", "audit.log"))
        for secret in ("tell-Nobody-4711", "guessed-Wrongly-0815"):
            check(secret not in text, f"{secret} was logged")


def hostile_names_reach_logs_encoded(lab):
    """G1: newline, escape and bidirectional controls in user names and paths."""
    with Site(lab) as site:
        site.add_user("alice")
        for name in ("a\nAccepted password for root", "x\x1b[31m", "\u202eevil"):
            with contextlib.suppress(Exception):
                site.refuses(name, password="wrong")
        with site.client("alice", password=PASSWORD) as client:
            client.put("new\nline\x1b[2J", b"x")
            client.sftp.remove("new\nline\x1b[2J")
        site.await_audit(lambda row: "line" in row.get("path", ""), "the upload")
        raw = site.log().encode() + read(site.path("log", "audit.log"))
        check(b"\x1b" not in raw, "an escape reached a log")
        check(b"\nAccepted password for root" not in raw, "a forged line reached a log")
        check("\u202e".encode() not in raw, "a bidirectional control reached a log")


TESTS = (
    no_new_privileges_and_filters_stand, before_login_nobody_and_nowhere, session_is_its_account,
    privileged_processes_keep_few_capabilities, rlimits_before_login,
    descriptors_are_few_and_known, only_the_monitor_holds_host_keys,
    sessions_have_no_other_sessions_secrets, listener_and_monitor_read_no_octet_of_a_peer,
    nothing_listens_beside_ssh, one_process_a_session_and_no_shared_ones,
    crashed_session_costs_nobody_else_anything, processes_do_not_say_secrets_in_ps,
    no_secret_in_any_log, hostile_names_reach_logs_encoded,
)
