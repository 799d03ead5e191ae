"""Passwords, keys, one-time codes: what accounts prove themselves with."""

import base64
import os
import pty
import re
import select
import signal
import time

import proc
from lab import PASSWORD, USAGE
from report import check, check_equal


def a_password_comes_from_stdin_a_file_or_is_made_up(lab):
    lab.add("pw-stdin", "--password-stdin", stdin=PASSWORD + "\n")
    lab.add("pw-file", "--password-file", lab.write("pw", PASSWORD + "\r\nsecond line\n"))
    made = lab.json("add", "pw-made", "--root", "/x", "--generate")
    check_equal(len(made[0]["password"]), 23, "length of a made password")
    for name in ("pw-stdin", "pw-file", "pw-made"):
        check_equal(lab.show(name)["has-password"], True, name)
        stored = lab.value(f"SELECT password FROM account WHERE name = '{name}'")
        check(stored.startswith("$y$"), f"{name}: stored as {stored[:4]}")
    lab.user("passwd", "pw-file", "--remove")
    check_equal(lab.show("pw-file")["has-password"], False, "after --remove")


def a_password_is_never_an_argument(lab):
    for words in (("--password", PASSWORD), (f"--password={PASSWORD}",)):
        result = lab.refused("add", "careless", "--root", "/x", *words, status=USAGE,
                             says="could be read by others")
        check(PASSWORD not in result.err, "the password is repeated", result.err)


def weak_passwords_want_to_be_allowed(lab):
    """Threat A10 also: an empty one is never taken."""
    for password in ("short", "aaaaaaaaaaaa", "weakling"):
        lab.refused("add", "weakling", "--root", "/x", "--password-stdin", stdin=password + "\n",
                    says="--allow-weak")
    lab.refused("add", "weakling", "--root", "/x", "--password-stdin", "--allow-weak", stdin="\n",
                says="empty")
    lab.refused("add", "weakling", "--root", "/x", "--password-stdin", stdin="",
                says="no password")
    lab.add("weakling", "--password-stdin", "--allow-weak", stdin="short\n")


def passwords_of_1024_octets_and_no_more(lab):
    """Threat A6."""
    lab.add("long", "--password-stdin", stdin="ab" * 512 + "\n")
    lab.refused("passwd", "long", "--password-stdin", stdin="ab" * 512 + "c\n", says="too long")
    lab.refused("passwd", "long", "--password-stdin", stdin="x" * (1 << 20) + "\n", says="too long")


def the_terminal_is_asked_without_echo(lab):
    lab.add("typist")
    child, fd = pty.fork()
    if child == 0:
        os.execv(lab.program, [lab.program, "user", "passwd", "typist", "--database",
                               lab.database])
    seen = converse(fd, (("New password for typist:", PASSWORD), ("again:", PASSWORD)))
    for _ in range(50):  # its end of the terminal closes a moment before it is gone
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        time.sleep(0.1)
    else:
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    os.close(fd)
    check_equal(os.waitstatus_to_exitcode(status), 0, "exit status")
    check(PASSWORD not in seen, "the terminal shows the password", seen)
    check_equal(lab.show("typist")["has-password"], True, "has-password")


def converse(fd, steps, seconds=20):
    """Type each answer after its question; everything that was seen."""
    seen, deadline, steps = "", time.monotonic() + seconds * proc.slowness, list(steps)
    while time.monotonic() < deadline:
        if steps and seen.rstrip().endswith(steps[0][0]):
            os.write(fd, steps.pop(0)[1].encode() + b"\n")
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece.decode(errors="replace")
    return seen


def keys_are_taken_in_every_form(lab):
    line, other = lab.key("-t", "ed25519"), lab.key("-t", "ecdsa")
    rfc4716 = proc.run(["/usr/bin/ssh-keygen", "-e", "-f", lab.key("-t", "rsa", "-b", "2048")]).out
    lab.add("keyed", "--key", line)
    lab.user("key", "add", "keyed", lab.write("crlf.pub", open(other, encoding="ascii").read()
                                              .replace("\n", "\r\n")))
    lab.user("key", "add", "keyed", stdin=rfc4716)
    rows = lab.json("key", "list", "keyed")
    check_equal([row["line"].split()[0] for row in rows],
                ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"], "types")
    wanted = proc.run(["/usr/bin/ssh-keygen", "-lf", line]).out.split()[1]
    check_equal(rows[0]["fingerprint"], wanted, "fingerprint")
    check(all("\r" not in row["line"] for row in rows), "a CR is stored")
    lab.refused("key", "add", "keyed", line, says="there already")
    lab.user("key", "del", "keyed", "2")
    lab.user("key", "del", "keyed", wanted)
    check_equal([row["index"] for row in lab.json("key", "list", "keyed")], [1], "what is left")
    lab.refused("key", "del", "keyed", wanted, says="there is no key")


def keys_that_cannot_log_in_are_refused(lab):
    """Threat A8."""
    good = open(lab.key("-t", "ed25519"), encoding="ascii").read()
    weak = lab.key("-t", "rsa", "-b", "1024")
    lab.add("picky")
    for text, says in (("command=\"/bin/sh\" " + good, "internal-sftp"),
                       ("unknown-option " + good, "line 1"), ("hello\n", "line 1"), ("", "no key"),
                       (open(weak, encoding="ascii").read(), "weak"),
                       (open(weak[:-4], encoding="ascii").read(), "private key"),
                       ("x" * 102400 + " " + good, "longer")):
        lab.refused("key", "add", "picky", stdin=text, says=says)
    fifo = os.path.join(lab.root, "fifo")
    os.mkfifo(fifo)
    lab.refused("key", "add", "picky", fifo, says="fifo", seconds=10)
    lab.refused("key", "add", "picky", "/dev/zero", says="/dev/zero", seconds=10)
    # All of a file or nothing of it.
    lab.refused("key", "add", "picky", stdin=good + "hello\n", says="line 2")
    check_equal(lab.json("key", "list", "picky"), [], "keys")
    lab.user("key", "add", "picky", stdin='from="192.0.2.0/24",restrict ' + good)


def keys_of_a_group(lab):
    lab.user("group", "add", "keygroup", "--root", "/x")
    lab.user("key", "add", "keygroup", lab.key("-t", "ed25519"), "--of-group")
    check_equal(len(lab.json("key", "list", "keygroup", "--of-group")), 1, "keys of the group")
    lab.refused("key", "list", "keygroup", says="there is no account keygroup")


def one_time_codes_are_set_up_for_an_app(lab):
    lab.add("second")
    lab.refused("recovery", "second", says="totp enable")
    totp, recovery = lab.json("totp", "enable", "second")
    check_equal(len(base64.b32decode(totp["secret"])), 20, "octets of the secret")
    check(totp["uri"].startswith("otpauth://totp/Ferry:second?secret=" + totp["secret"]),
          totp["uri"])
    codes = recovery["codes"].split(",")
    check_equal(len(set(codes)), 10, "recovery codes")
    check(all(re.fullmatch("[a-z2-9]{10}", code) for code in codes), f"codes {codes}")
    dump = lab.value("SELECT group_concat(hash) FROM recovery")
    check_equal(dump.count("$y$"), 10, "hashes")
    check(not any(code in dump for code in codes), "recovery codes are stored as they are")
    fresh = lab.json("recovery", "second")[0]["codes"].split(",")
    check(not set(fresh) & set(codes), "the old codes are there again")
    lab.user("totp", "disable", "second")
    check_equal(lab.show("second")["has-totp"], False, "has-totp")
    check_equal(lab.value("SELECT count(*) FROM recovery"), 0, "recovery codes left")


TESTS = (a_password_comes_from_stdin_a_file_or_is_made_up, a_password_is_never_an_argument,
         weak_passwords_want_to_be_allowed, passwords_of_1024_octets_and_no_more,
         the_terminal_is_asked_without_echo, keys_are_taken_in_every_form,
         keys_that_cannot_log_in_are_refused, keys_of_a_group,
         one_time_codes_are_set_up_for_an_app)
