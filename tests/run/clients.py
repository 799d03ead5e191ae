"""Real clients and `ferryd run`, as a sceptical administrator would try it."""

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import threading
import time

import paramiko
from paramiko.sftp import CMD_CLOSE

import proc
from ferryd_run import PASSWORD, Site, read, totp, write
from files import MIB, difference, read_tree, write_random
from procfs import await_true
from report import check, check_equal


# ---- put, get and names ----

def openssh_keeps_times_and_modes(lab):
    with Site(lab) as site:
        root = site.add_user("alice", key=lab.key)
        source = write(site.path("source"), b"x" * 1000, 0o640)
        os.utime(source, (1.2e9, 1.3e9))
        site.sftp(f"put -p {source} there\nget -p there {site.path('back')}", "alice")
        for path in (os.path.join(root, "there"), site.path("back")):
            status = os.stat(path)
            check_equal(int(status.st_mtime), 1300000000, f"time of {path}")
            check_equal(status.st_mode & 0o777, 0o640, f"mode of {path}")
        os.chmod(os.path.join(root, "there"), 0o604)
        plain = write(site.path("plain"), b"y", 0o644)
        site.sftp(f"put {plain} there", "alice")
        check_equal(os.stat(os.path.join(root, "there")).st_mode & 0o777, 0o604,
                    "mode of a file that was replaced")


def two_hundred_files_there_and_back(lab):
    with Site(lab) as site:
        root = site.add_user("alice", key=lab.key)
        tree = site.path("tree")
        for i in range(200):
            os.makedirs(os.path.join(tree, f"d{i % 7}"), exist_ok=True)
            write_random(os.path.join(tree, f"d{i % 7}", f"f{i}"), i * 31, seed=i)
        site.sftp(f"put -r {tree} there\nget -r there {site.path('back')}", "alice")
        for copy in (os.path.join(root, "there"), site.path("back")):
            differs = difference(read_tree(tree), read_tree(copy))
            check(not differs, f"{copy}: {differs}")


def a_reader_gets_the_old_file_whole(lab):
    with Site(lab) as site:
        site.add_user("alice", key=lab.key)
        old = write_random(site.path("old"), 3 * MIB, seed="old")
        new = write_random(site.path("new"), MIB, seed="new")
        with site.client("alice", password=PASSWORD) as client:
            client.put("file", read(old))
            with client.sftp.open("file", "rb") as reader:
                got = reader.read(MIB)
                site.sftp(f"put {new} file", "alice")
                got += reader.read()
            check(got == read(old), "the reader got a mixture")
            check(client.get("file") == read(new), "the next one got something else")


# ---- logging in ----

def ask_pass(site, *answers):
    """Environment in which OpenSSH's programs get these answers, one a question."""
    count = site.path(site.lab.fresh("asked"))
    lines = "".join(f"{i}) echo '{answer}';;\n" for i, answer in enumerate(answers, 1))
    script = write(site.path(site.lab.fresh("askpass")),
                   f"#!/bin/sh\necho \"$1\" >>{count}\n"
                   f"case $(wc -l <{count}) in\n{lines}*) exit 1;; esac\n", 0o755)
    return {"PATH": os.environ["PATH"], "HOME": site.home, "SSH_ASKPASS": script,
            "SSH_ASKPASS_REQUIRE": "force"}, count


def openssh(site, user, answers, *options, batch="ls\n", statuses=(0,)):
    """sftp(1), asked for passwords and codes; its result and what it asked."""
    env, count = ask_pass(site, *answers)
    done = proc.run(["sftp", "-q", "-F", "none", "-P", site.port,
                     "-o", f"UserKnownHostsFile={site.path('known')}",
                     "-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes",
                     "-o", "NumberOfPasswordPrompts=1",
                     *(word for option in options for word in ("-o", option)),
                     f"{user}@{site.host}"], stdin=batch, env=env, statuses=statuses)
    return done, read(count).decode() if os.path.exists(count) else ""


def enrol(site, name):
    """Secret and recovery codes of one-time codes for that account."""
    said = site.user("totp enable", name).out
    secret = re.search(r"\b([A-Z2-7]{32})\b", said.replace(" ", "")).group(1)
    return secret, said.split("Recovery codes")[1].split()


def psftp_at_a_terminal(site, user, *lines):
    """psftp with these lines typed ahead; what it shows."""
    fingerprint = proc.run(["ssh-keygen", "-lf", site.lab.host_key + ".pub"]).out.split()[1]
    ours, its = pty.openpty()
    child = proc.start(["psftp", "-P", str(site.port), "-hostkey", fingerprint,
                        f"{user}@{site.host}"], stdin=its, stdout=its, stderr=its,
                       env={"PATH": os.environ["PATH"], "HOME": site.home})
    os.close(its)
    shown = b""
    try:
        os.write(ours, "".join(line + "\n" for line in lines).encode())
        with contextlib.suppress(OSError):  # EIO: it has ended
            while not re.search(rb"Listing directory|Access denied", shown) and \
                    select.select([ours], [], [], 20 * proc.slowness)[0]:
                shown += os.read(ours, 4096)
    finally:
        proc.end_group(child, 0.1)
        os.close(ours)
    return shown.decode(errors="replace")


def putty_takes_a_one_time_code(lab):
    with Site(lab) as site:
        site.add_user("alice")
        secret, _ = enrol(site, "alice")
        for code, is_in in (("000000", False), (totp(secret), True)):
            shown = psftp_at_a_terminal(site, "alice", PASSWORD, code, "ls")
            check_equal("Listing directory /" in shown, is_in, f"let in with {code}: {shown}")


def openssh_takes_one_time_codes_once(lab):
    with Site(lab) as site:
        site.add_user("alice")
        secret, recovery = enrol(site, "alice")
        code, only = totp(secret), "PreferredAuthentications=keyboard-interactive"
        recovery_code = next(word for word in recovery if re.fullmatch(r"[A-Za-z0-9-]{8,}", word))
        for answers, is_in, what in (
                ((PASSWORD, "000000"), False, "a wrong code"),
                ((PASSWORD, code), True, "the code"),
                ((PASSWORD, code), False, "the code again"),
                ((PASSWORD, recovery_code), True, "a recovery code"),
                ((PASSWORD, recovery_code), False, "the recovery code again")):
            done, asked = openssh(site, "alice", answers, only, statuses=None)
            check_equal(done.status == 0, is_in, f"{what} logged in")
            check("code" in asked.lower(), f"what was asked: {asked!r}")


def openssh_walks_through_chains(lab):
    with Site(lab) as site:
        for name, chain in (("alice", "publickey,password"),
                            ("bob", "publickey,keyboard-interactive")):
            site.add_user(name, "--chain", chain, key=lab.key)
            key = f"IdentityFile={lab.key}"
            done, _ = openssh(site, name, (PASSWORD,), key, statuses=None)
            check(done.status == 0, f"{chain}: {done.err.strip()}", done.describe())
            for options, answers in (((key,), ("wrong",)),
                                     (("PubkeyAuthentication=no",), (PASSWORD,)),
                                     ((f"IdentityFile={lab.other_key}",), (PASSWORD,))):
                done, _ = openssh(site, name, answers, *options, statuses=None)
                check(done.status != 0, f"{chain}: let in with {options} {answers}")


# ---- rules ----

def lftp(site, user, *lines, seconds=60):
    """lftp by password; its result."""
    text = ["set net:max-retries 1", "set net:timeout 20", "set sftp:auto-confirm yes",
            "set cmd:fail-exit yes",
            f"open -u {user},{PASSWORD} sftp://{site.host}:{site.port}", *lines, "exit"]
    return proc.run(["lftp", "--norc"], stdin="\n".join(text) + "\n", statuses=None,
                    seconds=seconds, env={"HOME": site.home, "PATH": os.environ["PATH"]})


def ferry_put(site, path, user, *words):
    """Our own client's upload, by key."""
    return proc.run([os.path.join(site.lab.programs, "ferry"), "put", *words, "-F", "none",
                     "-q", "-i", site.lab.key, "-P", site.port, "-o", "BatchMode=yes",
                     "-o", "StrictHostKeyChecking=no",
                     "-o", f"UserKnownHostsFile={site.path('known')}", path,
                     f"{user}@{site.host}:/by-ferry"], env={"HOME": site.home})


def drop_box_takes_and_tells_nothing(lab):
    with Site(lab) as site:
        root = site.add_user("alice", "--permissions", "/ dropbox", key=lab.key)
        source = write(site.path("source"), b"dropped\n")
        site.sftp(f"put {source} letter", "alice")
        check_equal(read(os.path.join(root, "letter")), b"dropped\n", "the letter")
        check("letter" not in site.sftp("ls -1", "alice", statuses=None).out, "it was listed")
        for command in ("get letter", "rm letter", f"put {source} letter"):
            site.sftp(command, "alice", statuses=(1,))
        for command in ("cls", "get letter", "rm letter", f"put {source} -o letter"):
            done = lftp(site, "alice", command)
            check(done.status != 0 and "refused:" in done.err, f"{command}: no rule in lftp's "
                  f"words {done.err!r}")
        done = lftp(site, "alice", f"put {source} -o by-lftp")
        check_equal(done.status, 0, f"lftp's status ({done.err})")
        env = {"HOME": site.home, "PATH": os.environ["PATH"]}
        proc.run(["scp", "-q", "-F", "none", "-o", f"UserKnownHostsFile={site.path('known')}",
                  "-o", "StrictHostKeyChecking=no", "-i", lab.key, "-P", site.port, source,
                  f"alice@{site.host}:/by-scp"], env=env)
        proc.run(["rclone", "--config", "/dev/null", "--retries", "1", "--sftp-host", site.host,
                  "--sftp-port", site.port, "--sftp-user", "alice", "--sftp-key-file", lab.key,
                  "--sftp-shell-type", "none", "copyto", source, ":sftp:/by-rclone"], env=env)
        ferry_put(site, source, "alice", "--inplace")
        for name in ("by-lftp", "by-scp", "by-rclone", "by-ferry"):
            check_equal(read(os.path.join(root, name)), b"dropped\n", name)


def usage(site, name):
    """Octets and files that the account's quota counts."""
    shown = json.loads(site.user("show", name, "--json").out)
    return shown["used-octets"], shown["used-files"]


def quota_is_told_and_comes_back(lab):
    with Site(lab) as site:
        root = site.add_user("alice", "--quota", "1M", key=lab.key)
        small = write_random(site.path("small"), 600000, seed="s")
        large = write_random(site.path("large"), 3 * MIB, seed="l")
        site.sftp(f"put {small} file", "alice")
        done = site.sftp(f"-put {large} file\n-put {large} other\nls", "alice")
        check("file" in done.out, "the session ended")  # sftp(1) shows no server's sentence
        done = lftp(site, "alice", f"put {large} -o other")
        check(done.status != 0 and "quota:" in done.err, f"lftp says {done.err!r}")
        check(read(os.path.join(root, "file")) == read(small), "the old file is gone")
        await_true(lambda: os.listdir(root) == ["file"], f"there is {os.listdir(root)}")
        check_equal(usage(site, "alice"), (600000, 1), "what the quota counts")
        site.sftp(f"rm file\nput {small} other", "alice")
        check_equal(usage(site, "alice"), (600000, 1), "what it counts of another file")


def quota_forgets_an_upload_that_was_cut_off(lab):
    """And counts what was kept of it, until it is removed."""
    with Site(lab) as site:
        root = site.add_user("alice", "--quota", "4M")
        with site.client("alice", password=PASSWORD) as client:
            out = client.sftp.open("file", "wb")
            out.write(b"x" * MIB)
            out.stat()  # answered after the write
        await_true(lambda: not site.session_pids(), "the session stayed")
        kept = sum(entry.stat().st_size for entry in os.scandir(root))
        await_true(lambda: usage(site, "alice")[0] == kept, f"it counts "
                   f"{usage(site, 'alice')} with {kept} there")
        with site.client("alice", password=PASSWORD) as client:
            client.sftp.remove("file")
        await_true(lambda: usage(site, "alice") == (0, 0), f"it counts {usage(site, 'alice')}")


def quota_is_counted_anew_after_a_session_was_killed(lab):
    with Site(lab) as site:
        root = site.add_user("alice", "--quota", "10M")
        with site.client("alice", password=PASSWORD) as client:
            client.put("a", b"x" * 100000)
            out = client.sftp.open("b", "wb")
            out.write(b"y" * 500000)
            out.stat()  # answered after the write
            for pid in site.session_pids():
                os.kill(pid, signal.SIGKILL)
        await_true(lambda: not site.session_pids(), "the session stayed")
        with site.client("alice", password=PASSWORD) as client:
            client.put("c", b"z")
        sizes = [entry.stat().st_size for entry in os.scandir(root)]
        await_true(lambda: usage(site, "alice") == (sum(sizes), len(sizes)),
                   f"it counts {usage(site, 'alice')} and there are {sizes}")


# ---- rates and the administrator's commands ----

def upload_rate_holds(lab):
    with Site(lab) as site:
        site.add_user("alice", "--upload-rate", "2M", key=lab.key)
        large = write_random(site.path("large"), 12 * MIB, seed="l")
        begin = time.monotonic()
        site.sftp(f"put {large} file", "alice")
        seconds = time.monotonic() - begin
        check(3 < seconds < 12 + 6 * proc.slowness, f"12 MiB at 2 MiB/s took {seconds:.1f} s")


def rate_holds_from_the_first_octet(lab):
    """A client that is faster than the listener shares out rates."""
    with Site(lab) as site:
        site.add_user("alice", "--upload-rate", "1M", key=lab.key)
        large = write_random(site.path("large"), 8 * MIB, seed="l")
        begin = time.monotonic()
        ferry_put(site, large, "alice")
        seconds = time.monotonic() - begin
        check(seconds > 4, f"8 MiB at 1 MiB/s took {seconds:.1f} s")


@contextlib.contextmanager
def slow_upload(site, user, size=40 * MIB):
    """A session of OpenSSH's that uploads for long; the process."""
    large = write_random(site.path("large"), size, seed="l")
    child = proc.start(["sftp", "-q", "-F", "none", "-b", "-", "-P", str(site.port),
                        "-o", f"UserKnownHostsFile={site.path('known')}", "-o",
                        "StrictHostKeyChecking=no", "-i", site.lab.key,
                        f"{user}@{site.host}"], stdin=subprocess.PIPE,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with child.stdin:
        child.stdin.write(f"put {large} slow\n".encode())
    try:
        proc.wait_until(lambda: site.session_pids(user), "the session")
        yield child
    finally:
        proc.end_group(child, 0.1)


def administrator_sees_a_transfer_and_ends_it(lab):
    with Site(lab) as site:
        site.add_user("alice", "--upload-rate", "1M", key=lab.key)
        with slow_upload(site, "alice") as child:
            proc.wait_until(lambda: "/slow" in site.command(
                "session", "list", "-f", site.config_path).out, "the file in the list")
            shown = site.command("top", "--once", "-f", site.config_path).out
            check("alice" in shown and "/slow" in shown, f"top shows {shown!r}")
            [row] = site.sessions()
            check_equal((row["account"], row["file"]), ("alice", "/slow"), "who does what")
            site.command("session", "kill", str(row["id"]), "-f", site.config_path)
            check(child.wait(timeout=20 * proc.slowness) != 0, "the client believes all is well")
            proc.wait_until(lambda: not site.sessions(), "the session's end")
        told = site.command("audit", "tail", site.path("log", "audit.log")).out
        check("alice" in told and "/slow" in told, f"the audit trail tells {told!r}")


# ---- trying to break it ----

def two_clients_put_one_name(lab):
    with Site(lab) as site:
        root = site.add_user("alice", key=lab.key)
        one = write_random(site.path("one"), 5 * MIB, seed="1")
        other = write_random(site.path("other"), 5 * MIB, seed="2")
        threads = [threading.Thread(target=site.sftp, args=(f"put {path} file", "alice"))
                   for path in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(read(os.path.join(root, "file")) in (read(one), read(other)), "a mixture")
        check_equal(os.listdir(root), ["file"], "what is left")


def close(client, file):
    """What CLOSE is answered with; paramiko's own close says nothing. None: success."""
    try:
        client.sftp._request(CMD_CLOSE, file.handle)  # pylint: disable=protected-access
    except OSError as error:
        return str(error)
    finally:
        file._closed = True  # pylint: disable=protected-access
    return None


def directory_renamed_under_an_upload(lab):
    """The upload is lost, which its client is told, and nothing else."""
    with Site(lab) as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.sftp.mkdir("a")
            out = client.sftp.open("a/file", "wb")
            out.write(b"x" * 1000)
            client.sftp.rename("a", "b")
            told = close(client, out)
            there = client.sftp.listdir("b")
            check(there == ["file"] if told is None else there == [],
                  f"CLOSE says {told!r}, and there is {there}")
            client.put("b/other", b"y")
            check_equal(client.get("b/other"), b"y", "the next upload")


def directory_removed_under_an_upload(lab):
    with Site(lab) as site:
        root = site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.sftp.mkdir("a")
            out = client.sftp.open("a/file", "wb")
            out.write(b"x" * 1000)
            client.refusal(client.sftp.rmdir, "a")
            shutil.rmtree(os.path.join(root, "a"))
            check(close(client, out) is not None, "CLOSE says that all is well")
            client.put("other", b"y")
            check_equal(os.listdir(root), ["other"], "what is left")


def account_changes_while_logged_in(lab):
    """Who is in stays in, as the manual says, until `session kill`."""
    with Site(lab) as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            for verb in ("disable", "del"):
                site.user(verb, "alice")
                client.put("file", verb.encode())
                check_equal(client.get("file"), verb.encode(), f"a file after {verb}")
                check(site.refuses("alice", password=PASSWORD), f"a new login after {verb}")
            site.command("session", "kill", "--user", "alice", "-f", site.config_path)
            await_true(lambda: not client.is_alive(), "it was not ended")


def quota_of_a_deleted_account_takes_no_more(lab):
    with Site(lab) as site:
        site.add_user("alice", "--quota", "1M")
        with site.client("alice", password=PASSWORD) as client:
            client.put("file", b"x")
            site.user("del", "alice")
            said = client.refusal(client.put, "other", b"x")
            check("quota" in said and "more wanted" not in said, f"the words are {said!r}")
            check_equal(client.get("file"), b"x", "what was there before")


def missing_root_is_refused_with_a_reason_in_the_log(lab):
    with Site(lab) as site:
        root = site.add_user("alice")
        os.rmdir(root)
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError), \
                site.client("alice", password=PASSWORD) as client:
            check(not client.sftp.listdir("/"), "something else is served")
        site.await_log(f'cannot be served: the account\'s directory "{re.escape(root)}"')
        os.mkdir(root)
        site.give_files(root)
        with site.client("alice", password=PASSWORD) as client:
            check_equal(client.sftp.listdir("/"), [], "names")


TESTS = (
    openssh_keeps_times_and_modes, two_hundred_files_there_and_back,
    a_reader_gets_the_old_file_whole, putty_takes_a_one_time_code,
    openssh_takes_one_time_codes_once, openssh_walks_through_chains,
    drop_box_takes_and_tells_nothing, quota_is_told_and_comes_back,
    quota_forgets_an_upload_that_was_cut_off,
    quota_is_counted_anew_after_a_session_was_killed, upload_rate_holds,
    rate_holds_from_the_first_octet, administrator_sees_a_transfer_and_ends_it,
    two_clients_put_one_name, directory_renamed_under_an_upload,
    directory_removed_under_an_upload, account_changes_while_logged_in,
    quota_of_a_deleted_account_takes_no_more,
    missing_root_is_refused_with_a_reason_in_the_log,
)
