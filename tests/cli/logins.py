"""Every way in: keys, passphrases, the agent, certificates, passwords, questions."""

import os

import proc
from lab import (AUTH, HERE, INTERRUPTED, PASSPHRASE, PASSWORD, USER, Agent, Ferryd, Sshd, read, write)
from report import Skipped, check


def every_key_type_logs_in(lab):
    for key in ("id_ed25519", "id_rsa", "id_ecdsa"):
        lab.ferry(*lab.options(lab.sshd.port, key=key), "ls", lab.at(lab.folder()))


def default_key_files_are_tried(lab):
    key = os.path.join(lab.home, ".ssh", "id_ed25519")
    write(key, read(lab.path("id_ed25519")))
    try:
        words = lab.options(lab.sshd.port, key=None)
        del words[-2:]
        lab.ferry(*words, "ls", lab.at(lab.folder()))
    finally:
        os.unlink(key)


def passphrase_is_asked_for_and_may_be_wrong_twice(lab):
    locked = lab.path("id_locked")
    words = [*lab.options(lab.sshd.port, key="id_locked"), "-o",
             "PreferredAuthentications=publickey", "ls", lab.at(lab.folder())]
    question = f"Enter passphrase for key '{locked}': "
    shown = lab.on_terminal(words, [(question, "wrong"), (question, "also wrong"),
                                    (question, PASSPHRASE)])
    check(PASSPHRASE not in shown, "the passphrase was echoed")
    lab.on_terminal(words, [(question, "wrong")] * 3, status=AUTH)


def passphrase_may_come_from_askpass(lab):
    words = [*lab.options(lab.sshd.port, key="id_locked"), "ls", lab.at(lab.folder())]
    program = write(lab.path("askpass"), f"#!/bin/sh\necho '{PASSPHRASE}'\n", 0o700)
    env = {"SSH_ASKPASS": program}
    lab.ferry(*words, env={**env, "SSH_ASKPASS_REQUIRE": "force"})
    lab.ferry(*words, env={**env, "DISPLAY": ":9"})
    lab.ferry(*words, env={**env, "SSH_ASKPASS_REQUIRE": "never", "DISPLAY": ":9"}, status=AUTH)
    lab.ferry(*words, env=env, status=AUTH)


def open_key_file_is_ignored(lab):
    key = write(lab.path("id_open"), read(lab.path("id_ed25519")), 0o644)
    result = lab.ferry(*lab.options(lab.sshd.port, key="id_open"), "ls", lab.at(), status=AUTH)
    check("0644" in result.err and key in result.err, "no word about the permissions")


def agent_signs_with_its_keys(lab):
    words = [*lab.options(lab.sshd.port, key=None), "ls", lab.at(lab.folder())]
    for key in ("id_ed25519", "id_rsa", "id_ecdsa"):
        with Agent(lab, lab.path(key)) as agent:
            lab.ferry(*words, env=agent.env)
            named = ["-o", f"IdentityAgent={agent.socket}"]
            lab.ferry(*named, *words)
            lab.ferry("-o", "IdentityAgent=none", *words, env=agent.env, status=AUTH)


def identities_only_keeps_the_agent_to_named_keys(lab):
    stranger = lab.key("stranger_ed25519")
    with Agent(lab, lab.path("id_ed25519")) as agent:
        words = [*lab.options(lab.sshd.port, key=stranger), "ls", lab.at(lab.folder())]
        lab.ferry(*words, env=agent.env, status=AUTH)
        # With only the public half on disk, the agent is what signs.
        public = write(lab.path("half_ed25519.pub"), read(lab.path("id_ed25519.pub")))
        words = [*lab.options(lab.sshd.port, key=public[:-4]), "ls", lab.at(lab.folder())]
        lab.ferry(*words, env=agent.env)


def many_agent_keys_do_not_use_up_the_tries_of_the_named_one(lab):
    strangers = [lab.key(f"stranger{i}_ed25519") for i in range(8)]
    with Sshd(lab, "sshd_few_tries", "MaxAuthTries 3") as sshd:
        write(lab.path("kh_few"), sshd.line(lab.path("host_ed25519")))
        with Agent(lab, *strangers, lab.path("id_ed25519")) as agent:
            words = lab.options(sshd.port, known_hosts="kh_few")
            words = [word for word in words if word != "IdentitiesOnly=yes"][:-1]
            lab.ferry(*words, "ls", lab.at(lab.folder()), env=agent.env)


def user_certificates_log_in(lab):
    ca, key = lab.key("userca_ed25519"), lab.key("certuser_ed25519")
    with Sshd(lab, "sshd_user_ca", f"TrustedUserCAKeys {ca}.pub") as sshd:
        write(lab.path("kh_user_ca"), sshd.line(lab.path("host_ed25519")))
        words = lab.options(sshd.port, key="certuser_ed25519", known_hosts="kh_user_ca")
        lab.ferry(*words, "ls", lab.at(), status=AUTH)
        proc.run(["/usr/bin/ssh-keygen", "-q", "-s", ca, "-I", "me", "-n", USER, key + ".pub"])
        lab.ferry(*words, "ls", lab.at(lab.folder()))
        moved = write(lab.path("elsewhere-cert.pub"), read(key + "-cert.pub"))
        os.unlink(key + "-cert.pub")
        lab.ferry(*words, "-o", f"CertificateFile={moved}", "ls", lab.at(lab.folder()))


def password(lab, server, *words):
    return [*lab.options(server.port, key=None, known_hosts=f"kh_password{server.port}"), "-o",
            "StrictHostKeyChecking=no", *words, "ls", "guest@127.0.0.1:/"]


def password_is_asked_for_and_may_be_wrong_twice(lab):
    question = "guest@127.0.0.1's password: "
    by_password = ["-o", "PreferredAuthentications=password"]
    with Ferryd(lab) as server:
        words = password(lab, server, *by_password)
        shown = lab.on_terminal(words, [(question, "wrong"), (question, "wrong again"),
                                        (question, PASSWORD)])
        check(PASSWORD not in shown, "the password was echoed")
        check("please try again" in shown, "nothing said about trying again", shown)
        # The same account's password, asked for in the server's own words.
        lab.on_terminal(password(lab, server), [("(guest@127.0.0.1) Password: ", PASSWORD)])
    with Ferryd(lab) as server:
        words = password(lab, server, *by_password)
        lab.on_terminal(words, [(question, "wrong")] * 3, status=AUTH)
        lab.ferry(*words, status=AUTH)  # nobody to ask


def interrupted_password_leaves_the_echo_on(lab):
    script = "stty -a | grep -o -e '-\\?echo ' | head -1; echo status $status"
    with Ferryd(lab) as server:
        words = password(lab, server, "-o", "PreferredAuthentications=password")
        command = f"{lab.ferry_program} {' '.join(map(str, words))}; status=$?; {script}"
        shell = write(lab.path("shell"), f"#!/bin/sh\ntrap : INT\n{command}\n", 0o700)
        shown = lab.on_terminal([], [("'s password: ", "\x03")], program=shell)
        check(f"status {INTERRUPTED}" in shown, "another status", shown)
        check("-echo" not in shown and "echo" in shown, "the echo stayed off", shown)


def password_file_is_tried_once(lab):
    wrong = write(lab.path("wrong_password"), "wrong\n")
    with Ferryd(lab) as server:
        right = os.path.join(server.home, "password")
        lab.ferry(*password(lab, server, "--password-file", right))
        lab.ferry(*password(lab, server, "--password-file", wrong), status=AUTH)
        lab.ferry(*password(lab, server, "--password-file", lab.path("none")), status=AUTH)


def password_file_may_be_a_pipe(lab):
    with Ferryd(lab) as server:
        words = password(lab, server, "--password-file", "/dev/fd/0")
        lab.ferry(*words, stdin=PASSWORD + "\n")


def batch_mode_asks_nothing(lab):
    with Ferryd(lab) as server:
        shown = lab.on_terminal(password(lab, server, "-o", "BatchMode=yes"), status=AUTH)
        check("password: " not in shown, "it asked", shown)


def preferred_authentications_decide(lab):
    words = lab.options(lab.sshd.port)
    lab.ferry(*words, "-o", "PreferredAuthentications=password", "ls", lab.at(), status=AUTH)
    lab.ferry(*words, "-o", "PubkeyAuthentication=no", "ls", lab.at(), status=AUTH)


def banner_is_shown_escaped(lab):
    banner = write(lab.path("banner"), "Authorised\x1b[31m use only\n")
    with Sshd(lab, "sshd_banner", f"Banner {banner}") as sshd:
        write(lab.path("kh_banner"), sshd.line(lab.path("host_ed25519")))
        words = [*lab.options(sshd.port, known_hosts="kh_banner"), "ls", lab.at(lab.folder())]
        result = lab.ferry(*words)
        check("Authorised" in result.err and "\x1b" not in result.err, "the banner", result.err)
        check("Authorised" not in lab.ferry("-q", *words).err, "-q shows the banner")


def questions_are_marked_as_the_server_s(lab):
    server = proc.Server(lambda port: ["/usr/bin/python3", os.path.join(HERE, "kbdint_server.py"),
                                       port, lab.folder()], lab.path("kbdint.log"))
    try:
        proc.run(["/usr/bin/python3", "-c", "import asyncssh"])
    except Exception:
        raise Skipped("python3-asyncssh is not installed") from None
    with server:
        words = [*lab.options(server.port, key=None, known_hosts="kh_kbdint"), "-o",
                 "StrictHostKeyChecking=no", "ls", "me@127.0.0.1:/"]
        dialogue = [("(me@127.0.0.1) Passphrase for key\\x1b[2J: ", "one"),
                    ("(me@127.0.0.1) Colour: ", "blue")]
        shown = lab.on_terminal(words, dialogue)
        check("one" not in shown.replace("None", ""), "the hidden answer was echoed", shown)
        check("blue" in shown, "the open answer was not echoed", shown)
        check("\x1b[2J" not in shown, "a control reached the terminal", repr(shown))
        lab.on_terminal(words, [(dialogue[0][0], "x"), (dialogue[1][0], "y")] * 3, status=AUTH)


TESTS = tuple(one for one in list(globals().values())
              if callable(one) and getattr(one, "__module__", "") == __name__
              and one is not password)
