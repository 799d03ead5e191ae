"""Is it the right host? Prompts, records, changes, revocations, certificates."""

import os

import proc
from lab import HOST_KEY, INTERRUPTED, Sshd, read, write
from report import check, check_equal

QUESTION = "Are you sure you want to continue connecting (yes/no/[fingerprint])? "


def options(lab, port, name):
    """Options with a known_hosts file of the test's own, and that file."""
    return lab.options(port, known_hosts=name), lab.path(name)


def fingerprint(key):
    return proc.run(["/usr/bin/ssh-keygen", "-l", "-f", key + ".pub"]).out.split()[1]


def unknown_host_is_asked_about_and_recorded(lab):
    words, known = options(lab, lab.sshd.port, "kh_ask")
    shown = lab.on_terminal([*words, "ls", lab.at(lab.folder())], [(QUESTION, "yes")])
    check(fingerprint(lab.path("host_ed25519")) in shown, "no fingerprint", shown)
    check("Permanently added" in shown, "nothing said about recording", shown)
    check_equal(read(known), lab.sshd.line(lab.path("host_ed25519")), "the record")
    lab.ferry(*words, "ls", lab.at(lab.folder()))


def answer_no_refuses(lab):
    words, known = options(lab, lab.sshd.port, "kh_no")
    lab.on_terminal([*words, "ls", lab.at()], [(QUESTION, "no")], status=HOST_KEY)
    check(not os.path.exists(known), "something was recorded")


def other_answers_are_asked_again_and_a_fingerprint_will_do(lab):
    words, known = options(lab, lab.sshd.port, "kh_fingerprint")
    lab.on_terminal([*words, "ls", lab.at(lab.folder())],
                    [(QUESTION, "perhaps"), ("Please type 'yes', 'no' or the fingerprint: ",
                                             "SHA256:wrong"),
                     ("fingerprint: ", fingerprint(lab.path("host_ed25519")))])
    check(os.path.exists(known), "nothing was recorded")


def interrupted_question_is_an_interruption(lab):
    words, known = options(lab, lab.sshd.port, "kh_interrupt")
    lab.on_terminal([*words, "ls", lab.at()], [(QUESTION, "\x03")], status=INTERRUPTED)
    check(not os.path.exists(known), "something was recorded")


def without_a_terminal_unknown_is_refused(lab):
    for setting in ("ask", "yes"):
        words, known = options(lab, lab.sshd.port, "kh_silent")
        lab.ferry(*words, "-o", f"StrictHostKeyChecking={setting}", "ls", lab.at(),
                  status=HOST_KEY)
        check(not os.path.exists(known), "something was recorded")
    shown = lab.on_terminal([*words, "-o", "BatchMode=yes", "ls", lab.at()], status=HOST_KEY)
    check("Are you sure" not in shown, "BatchMode asked", shown)


def accept_new_records_hashed_names(lab):
    words, known = options(lab, lab.sshd.port, "kh_new")
    lab.ferry(*words, "-o", "StrictHostKeyChecking=accept-new", "-o", "HashKnownHosts=yes",
              "ls", lab.at(lab.folder()))
    check(read(known).startswith("|1|"), "the name is not hashed", read(known))
    lab.ferry(*words, "-o", "StrictHostKeyChecking=yes", "ls", lab.at(lab.folder()))
    found = proc.run(["/usr/bin/ssh-keygen", "-F", f"[127.0.0.1]:{lab.sshd.port}", "-f", known])
    check("found" in found.out, "ssh-keygen does not find it")


def changed_key_is_refused_with_both_fingerprints(lab):
    words, known = options(lab, lab.sshd.port, "kh_changed")
    other = lab.key("other_ed25519")
    write(known, "# a comment\n" + lab.sshd.line(other))
    for setting in ("ask", "no", "accept-new", "yes"):
        result = lab.ferry(*words, "-o", f"StrictHostKeyChecking={setting}", "ls", lab.at(),
                           status=HOST_KEY)
        for text in (fingerprint(other), fingerprint(lab.path("host_ed25519")), f"{known}:2"):
            check(text in result.err, f"{text} is missing", result.err)
    check_equal(read(known), "# a comment\n" + lab.sshd.line(other), "the file")


def revoked_key_is_refused(lab):
    words, known = options(lab, lab.sshd.port, "kh_revoked")
    line = lab.sshd.line(lab.path("host_ed25519"))
    write(known, line + "@revoked * " + line.split(" ", 1)[1])
    result = lab.ferry(*words, "-o", "StrictHostKeyChecking=no", "ls", lab.at(),
                       status=HOST_KEY)
    check("REVOKED" in result.err, "the word is missing", result.err)


def revocation_list_is_obeyed(lab):
    words = [*lab.options(lab.sshd.port), "ls", lab.at(lab.folder())]
    host, other = lab.path("host_ed25519"), lab.key("other_ed25519")
    krl = lab.path("krl")
    for listed, status in ((other, 0), (host, HOST_KEY)):
        plain = write(lab.path("revoked_keys"), read(listed + ".pub"))
        proc.run(["/usr/bin/ssh-keygen", "-q", "-k", "-f", krl, listed + ".pub"])
        for path in (plain, krl):
            lab.ferry("-o", f"RevokedHostKeys={path}", *words, status=status)
    lab.ferry("-o", f"RevokedHostKeys={lab.path('no_list')}", *words, status=HOST_KEY)


def required_rsa_size_counts_for_hosts(lab):
    with Sshd(lab, "sshd_rsa", host_keys=("rsa",)) as sshd:
        words, known = options(lab, sshd.port, "kh_rsa_size")
        write(known, sshd.line(lab.path("host_rsa")))
        lab.ferry(*words, "-o", "RequiredRSASize=2048", "ls", lab.at(lab.folder()))
        lab.ferry(*words, "-o", "RequiredRSASize=3072", "ls", lab.at(), status=HOST_KEY)


def fingerprint_hash_is_obeyed(lab):
    words, _ = options(lab, lab.sshd.port, "kh_md5")
    shown = lab.on_terminal([*words, "-o", "FingerprintHash=md5", "ls", lab.at()],
                            [(QUESTION, "no")], status=HOST_KEY)
    check("MD5:" in shown and "SHA256:" not in shown, "another form was shown", shown)
    shown = lab.on_terminal([*words, "-o", "VisualHostKey=yes", "ls", lab.at()],
                            [(QUESTION, "no")], status=HOST_KEY)
    check("+--[ED25519 256]--+" in shown, "no picture", shown)


def known_types_are_asked_for_first(lab):
    with Sshd(lab, "sshd_two", host_keys=("ed25519", "rsa", "ecdsa")) as sshd:
        for kind in ("rsa", "ecdsa", "ed25519"):
            words, known = options(lab, sshd.port, f"kh_{kind}")
            write(known, sshd.line(lab.path(f"host_{kind}")))
            lab.ferry(*words, "-o", "StrictHostKeyChecking=yes", "ls", lab.at(lab.folder()))


def proven_keys_are_added(lab):
    with Sshd(lab, "sshd_rotate", host_keys=("ed25519", "ecdsa")) as sshd:
        words, known = options(lab, sshd.port, "kh_rotate")
        write(known, sshd.line(lab.path("host_ed25519")))
        lab.ferry(*words, "ls", "-l", lab.at("/usr/bin"))
        check("ecdsa-sha2-nistp256" in read(known), "the other key is not there", read(known))


def host_certificates_are_judged_by_their_ca(lab):
    key, ca = lab.key("certified_ed25519"), lab.key("ca_ed25519")
    for name, principal, status in (("good", "127.0.0.1", 0), ("bad", "elsewhere", HOST_KEY)):
        proc.run(["/usr/bin/ssh-keygen", "-q", "-s", ca, "-I", name, "-h", "-n", principal,
                  key + ".pub"])
        with Sshd(lab, f"sshd_cert_{name}", f"HostCertificate {key}-cert.pub",
                  host_keys=()) as sshd:
            words, known = options(lab, sshd.port, f"kh_cert_{name}")
            write(known, "@cert-authority * " + " ".join(read(ca + ".pub").split()[:2]) + "\n")
            lab.ferry(*words, "-o", "StrictHostKeyChecking=yes", "ls", lab.at(lab.folder()),
                      status=status)


def alias_stands_for_the_name(lab):
    words, known = options(lab, lab.sshd.port, "kh_alias")
    write(known, "box " + lab.sshd.line(lab.path("host_ed25519")).split(" ", 1)[1])
    lab.ferry(*words, "-o", "HostKeyAlias=box", "-o", "StrictHostKeyChecking=yes", "ls",
              lab.at(lab.folder()))


def unreadable_known_hosts_refuses(lab):
    words, known = options(lab, lab.sshd.port, "kh_dir")
    os.mkdir(known)
    lab.ferry(*words, "-o", "StrictHostKeyChecking=no", "ls", lab.at(), status=HOST_KEY)


def askpass_answers_the_question(lab):
    words, known = options(lab, lab.sshd.port, "kh_askpass")
    program = write(lab.path("askpass_yes"),
                    '#!/bin/sh\n[ "$SSH_ASKPASS_PROMPT" = confirm ] && echo yes\n', 0o700)
    env = {"SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force"}
    lab.ferry(*words, "ls", lab.at(lab.folder()), env=env)
    check(os.path.exists(known), "nothing was recorded")


def new_file_and_directory_are_private(lab):
    words = lab.options(lab.sshd.port)
    where = os.path.join(lab.folder(), "new", "known")
    words = [word.replace(lab.path("known_hosts"), where) for word in map(str, words)]
    lab.ferry(*words, "-o", "StrictHostKeyChecking=accept-new", "ls", lab.at(lab.folder()))
    check_equal(os.stat(where).st_mode & 0o777, 0o600, "the file's mode")
    check_equal(os.stat(os.path.dirname(where)).st_mode & 0o777, 0o700, "the directory's mode")


TESTS = tuple(one for one in list(globals().values())
              if callable(one) and getattr(one, "__module__", "") == __name__
              and one not in (options, fingerprint))
