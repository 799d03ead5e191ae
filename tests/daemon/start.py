"""Starting and stopping: options, keys on disk, the password shown once, signals."""

import os
import re
import signal
import socket
import stat
import time

import proc
from daemon import Ferryd, PASSWORD, await_true, status_of, write
from report import Skipped, check, check_equal

KEY = "ssh_host_ed25519_key"


def fingerprint(server):
    return re.search(r"SHA256:\S+", server.out).group(0)


def printed_password_logs_in_and_is_said_once(lab):
    with Ferryd(lab, password=None) as server:
        password = re.search(r"password +(\S+)", server.out).group(1)
        check(re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}", password), f"it is {password}")
        server.put("seen")
        check("seen" in server.sftp("ls", password=password).out, "no listing")
        server.sftp("ls", password=PASSWORD, statuses=(255,))
        check_equal(server.out.count(password), 1, "times on standard output")
        check(password not in server.err(), "the password is in the log")


def printed_fingerprint_is_the_host_keys(lab):
    with Ferryd(lab) as server:
        scan = proc.run(["ssh-keyscan", "-t", "ed25519", "-p", server.port, "127.0.0.1"])
        listed = proc.run(["ssh-keygen", "-lf", "-"], stdin=scan.out)
        check(fingerprint(server) in listed.out, f"{fingerprint(server)} not in {listed.out}")


def generated_key_is_private_and_kept(lab):
    with Ferryd(lab) as server:
        first = fingerprint(server)
        path = os.path.join(server.home, "state", "ferry", KEY)
        facts = os.stat(path)
        check_equal(stat.S_IMODE(facts.st_mode), 0o600, "mode of the key")
        check_equal(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700,
                    "mode of the state directory")
    with Ferryd(lab, env={"XDG_STATE_HOME": os.path.join(server.home, "state")}) as again:
        check_equal(fingerprint(again), first, "fingerprint after a restart")


def key_files_that_others_can_read_are_refused(lab):
    with Ferryd(lab) as server:
        path = os.path.join(server.home, "state", "ferry", KEY)
    for mode in (0o644, 0o640, 0o604, 0o620):
        os.chmod(path, mode)
        with Ferryd(lab, "--host-key", path, ready=False) as refused:
            check_equal(refused.wait(), 1, f"exit status with mode {mode:o}")
            check(f"mode {mode:04o}" in refused.err(), f"it said {refused.err()}")
    os.chmod(path, 0o600)
    with Ferryd(lab, "--host-key", path):
        pass


def key_files_that_are_no_files_are_refused(lab):
    folder = lab.folder()
    fifo = os.path.join(folder, "fifo")
    os.mkfifo(fifo, 0o600)
    for path in (fifo, folder, os.path.join(folder, "missing"), "/dev/zero"):
        with Ferryd(lab, "--host-key", path, ready=False) as refused:
            check_equal(refused.wait(), 1, f"exit status with {path}")


def password_file_must_be_private(lab):
    path = write(os.path.join(lab.folder(), "pw"), "secret\n", 0o644)
    with Ferryd(lab, "--password-file", path, password=None, ready=False) as refused:
        check_equal(refused.wait(), 1, "exit status")
        check("lets others read it" in refused.err(), refused.err())


def folder_that_others_may_write_to_holds_no_keys(lab):
    folder = lab.folder()
    keys = write(os.path.join(folder, "keys"), "ssh-ed25519 AAAA\n")
    os.chmod(folder, 0o777)
    with Ferryd(lab, "--authorized-keys", keys, ready=False) as refused:
        check_equal(refused.wait(), 1, "exit status")
        check("others may change this directory" in refused.err(), refused.err())


def usage_errors_exit_2_with_a_sentence(lab):
    for words, sentence in (
            (["--nonsense"], "unknown option"), (["--listen"], "needs ADDR:PORT"),
            (["--listen", "example.org:22"], "numeric address"), (["--kex", "rot13"], "rot13"),
            (["--max-auth-tries", "0"], "not a value"), (["--rekey-limit", "1X"], "not a value"),
            (["--user", "../x"], "1 to 64"), (["a", "b"], "one directory only"),
            (["--read-only=1"], "takes no value"), (["--macs", "-*"], "no algorithm is left")):
        result = proc.run([lab.ferryd, "serve", *words], statuses=(2,), cwd=lab.folder(),
                          env={"HOME": lab.folder()})
        check(sentence in result.err, f"{words}: {result.err}")


def help_and_version_go_to_standard_output(lab):
    shown = proc.run([lab.ferryd, "serve", "--help"])
    check("--authorized-keys FILE" in shown.out and not shown.err, shown.out)
    check(proc.run([lab.ferryd, "--version"]).out.startswith("ferryd "), "no version")
    check_equal(proc.run([lab.ferryd], statuses=None).status, 2, "status without a command")


def section_of_manual(name):
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "doc", "ferryd.1")
    with open(page, encoding="utf-8") as text:
        return re.split(r"^\.S[hs] ", text.read().split(f"\n.S{name}\n")[1], flags=re.M)[0]


def manual_tells_of_every_option(lab):
    for command in ("serve", "run"):
        shown = proc.run([lab.ferryd, command, "--help"]).out
        told = re.findall(r"^\.It Fl (?:[a-zA-Z] , Fl )?(\S+)",
                          section_of_manual(f"s ferryd {command}"), re.M)
        known = re.findall(r"^ +(?:-\w, )?-(\S+)", shown, re.M)
        check(known, f"no options in {command} --help")
        check_equal(set(told), set(known), f"options of {command} in doc/ferryd.1 and --help")


def manual_tells_of_every_command(lab):
    shown = proc.run([lab.ferryd, "help"]).out
    told = re.findall(r"^\.It Cm (.+)", section_of_manual("h DESCRIPTION"), re.M)
    check_equal({word for line in told for word in line.split(" , ")},
                set(re.findall(r"^  (\w+) ", shown, re.M)) | {"help"},
                "commands in doc/ferryd.1 and in ferryd help")


def sigterm_and_sigint_exit_0(lab):
    for number in (signal.SIGTERM, signal.SIGINT):
        with Ferryd(lab) as server, server.session() as client:
            client.ask("pwd", "/")
            server.child.send_signal(number)
            check_equal(server.wait(), 0, f"status after {number.name}")
            check("the server is stopping" in server.err(), "the client was told nothing")


def living(pids):
    return [pid for pid in pids if status_of(pid).get("State", "Z")[0] != "Z"]


def sigterm_ends_those_who_have_not_logged_in_at_once(lab):
    with Ferryd(lab) as server, server.connect() as silent, server.connect() as talker:
        silent.recv(100)
        talker.sendall(b"SSH-2.0-Talker\r\n")
        talker.recv(100)
        begin = time.monotonic()
        server.child.send_signal(signal.SIGTERM)
        check_equal(server.wait(), 0, "exit status")
        check(time.monotonic() - begin < 3 * proc.slowness, "it took too long")
        check("had to be cut off" not in server.err(), "a connection did not end by itself")


def sigterm_under_load_drains_and_exits_0(lab):
    with Ferryd(lab) as server:
        with open(server.path("big"), "wb") as big:
            big.truncate(8 << 30)
        clients = [server.session() for _ in range(4)]
        try:
            for i, client in enumerate(clients):
                client.child.stdin.write(f"get big got{i}\n".encode())
                client.child.stdin.flush()
            await_true(lambda: all(os.path.exists(os.path.join(server.home, f"got{i}")) and
                                   os.path.getsize(os.path.join(server.home, f"got{i}")) > 0
                                   for i in range(4)), "the downloads did not start")
            begin, left = time.monotonic(), server.processes()
            server.child.send_signal(signal.SIGTERM)
            check_equal(server.wait(), 0, "exit status")
            check(time.monotonic() - begin < 10 * proc.slowness, "it took too long")
            check(not living(left), "processes were left behind")
            check("had to be cut off" not in server.err(), "a connection did not drain")
            for i in range(4):
                with open(os.path.join(server.home, f"got{i}"), "rb") as got:
                    check(not got.read(1 << 20).strip(b"\0"), "wrong octets arrived")
        finally:
            for client in clients:
                client.__exit__()
            for i in range(4):
                if os.path.exists(os.path.join(server.home, f"got{i}")):
                    os.unlink(os.path.join(server.home, f"got{i}"))


def connections_end_when_the_listener_is_killed(lab):
    with Ferryd(lab) as server, server.session() as client, server.connect() as peer:
        client.ask("pwd", "/")
        peer.recv(100)
        left = server.processes()
        check_equal(len(left), 4, "processes but the listener")
        os.kill(server.child.pid, signal.SIGKILL)
        server.child.wait()
        await_true(lambda: not living(left), "processes outlived the listener")


def environment_of_the_caller_changes_nothing(lab):
    conf = write(os.path.join(lab.folder(), "openssl.cnf"), "openssl_conf = broken\n[x\n")
    hostile = {"OPENSSL_CONF": conf, "OPENSSL_MODULES": "/nonexistent", "LC_ALL": "xx_YY",
               "MALLOC_CHECK_": "9", "TZ": "Nowhere/Land"}
    with Ferryd(lab, env=hostile) as server:
        server.sftp("ls -l")
        with open(f"/proc/{server.monitor()}/status", encoding="ascii"):
            pass


def every_kind_of_address_is_listened_on(lab):
    if not os.path.exists("/proc/net/if_inet6"):
        raise Skipped("no IPv6 here")
    for listen, shown, targets in (("[::1]:0", r"\[::1\]:\d+", ("::1",)),
                                   ("*:0", r"\[::\]:\d+", ("::1", "127.0.0.1")),
                                   ("0.0.0.0:0", r"0\.0\.0\.0:\d+", ("127.0.0.1",))):
        with Ferryd(lab, listen=listen) as server:
            check(re.search("address +" + shown, server.out), server.out)
            for target in targets:
                with socket.create_connection((target, server.port), timeout=10) as peer:
                    check(peer.recv(8) == b"SSH-2.0-", f"no greeting from {target}")
            server.await_err("Connection from " + targets[-1])


def address_in_use_is_told(lab):
    with Ferryd(lab) as one:
        with Ferryd(lab, listen=f"127.0.0.1:{one.port}", ready=False) as other:
            check_equal(other.wait(), 1, "exit status")
            check("Address already in use" in other.err(), other.err())


def two_starts_at_once_agree_on_one_key(lab):
    state = os.path.join(lab.folder(), "state")
    with Ferryd(lab, env={"XDG_STATE_HOME": state}, ready=False) as one, \
            Ferryd(lab, env={"XDG_STATE_HOME": state}, ready=False) as two:
        one._await_ready()  # pylint: disable=protected-access
        two._await_ready()  # pylint: disable=protected-access
        check_equal(fingerprint(one), fingerprint(two), "fingerprints")
        check_equal(os.listdir(os.path.join(state, "ferry")), [KEY], "what was left")


TESTS = (
    printed_password_logs_in_and_is_said_once, printed_fingerprint_is_the_host_keys,
    generated_key_is_private_and_kept, key_files_that_others_can_read_are_refused,
    key_files_that_are_no_files_are_refused, password_file_must_be_private,
    folder_that_others_may_write_to_holds_no_keys, usage_errors_exit_2_with_a_sentence,
    help_and_version_go_to_standard_output, manual_tells_of_every_option,
    manual_tells_of_every_command,
    sigterm_and_sigint_exit_0, sigterm_ends_those_who_have_not_logged_in_at_once,
    sigterm_under_load_drains_and_exits_0, connections_end_when_the_listener_is_killed,
    environment_of_the_caller_changes_nothing, every_kind_of_address_is_listened_on,
    address_in_use_is_told, two_starts_at_once_agree_on_one_key,
)
