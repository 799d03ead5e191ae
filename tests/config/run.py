#!/usr/bin/python3
"""ferryd's configuration beside sshd's: the same text means the same to both.

    run.py [--programs DIR] [--prefix TEXT] [--log FILE] [--list] [NAME...]

Prints `ok NAME`, `not ok NAME: why` or `skip NAME: reason` a test, then the counts. sshd
only reads (`sshd -T`); nothing listens anywhere. Threat ids (F5) are those of
doc/SECURITY.md.
"""

import argparse
import grp
import os
import pwd
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

# pylint: disable=wrong-import-position
import proc
from corpus import INCLUDED, TEXTS
from report import Report, Skipped, check, check_equal

SSHD = "/usr/sbin/sshd"
USERS = ("root", "nobody")
PLACES = (("10.0.0.7", "127.0.0.1", "22"), ("10.1.2.3", "10.0.0.1", "2222"),
          ("192.0.2.9", "127.0.0.1", "2222"), ("2001:db8::5", "::1", "22"))

# Keywords whose values are shown in the same way, up to normal().
COMMON = (
    "addressfamily", "allowgroups", "allowusers", "authenticationmethods",
    "authorizedkeyscommand", "authorizedkeyscommanduser", "authorizedkeysfile",
    "authorizedprincipalsfile", "banner", "channeltimeout", "chrootdirectory",
    "clientalivecountmax", "clientaliveinterval", "denygroups", "denyusers", "forcecommand",
    "kbdinteractiveauthentication", "logingracetime", "loglevel", "maxauthtries",
    "maxsessions", "maxstartups", "passwordauthentication", "permitemptypasswords",
    "permitrootlogin", "persourcemaxstartups", "persourcenetblocksize", "pidfile", "port",
    "pubkeyauthentication", "pubkeyauthoptions", "rekeylimit", "requiredrsasize",
    "revokedkeys", "subsystem", "syslogfacility", "tcpkeepalive", "trustedusercakeys",
    "unusedconnectiontimeout", "usepam", "versionaddendum")


def normal(keyword, values):
    """Two spellings of the same thing."""
    if keyword in ("subsystem", "forcecommand"):
        values = ["internal-sftp" + spell_options(value) if "sftp-server" in value
                  or "internal-sftp" in value else value for value in values]
    swaps = {"without-password": "prohibit-password", "DEBUG": "DEBUG1"}
    values = [swaps.get(value, value) for value in values]
    if keyword == "unusedconnectiontimeout":
        values = [{"none": "0"}.get(value, seconds(value)) for value in values]
    if keyword == "channeltimeout":
        values = [value.rpartition("=")[0] + "=" + seconds(value.rpartition("=")[2])
                  if "=" in value else value for value in values]
    if keyword == "rekeylimit":
        values = [" ".join({"default": "0", "none": "0"}.get(word, word)
                           for word in value.split()) for value in values]
    if keyword == "banner" or keyword == "authorizedkeysfile":
        values = [value.replace('"', "") for value in values]
    return sorted(values)


def spell_options(command):
    """The options of a command line, in one order and spelling."""
    words = command.split()
    words = words[2:] if words[0] == "sftp" else words[1:]
    pairs = []
    while words:
        word = words.pop(0)
        pairs.append((word,) if word in ("-R", "-e") else (word, words.pop(0).lstrip("0")))
    return "".join(" " + " ".join(pair) for pair in sorted(pairs))


def seconds(text):
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return str(int(text[:-1]) * units[text[-1]]) if text[-1:] in units else text


def listing(text):
    """Keyword -> values, of what -T prints."""
    found = {}
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found


class Lab:
    def __init__(self, root, programs):
        self.root = root
        self.show = os.path.join(programs, "tests", "config", "config_show")
        self.key = os.path.join(root, "host_key")
        self.standard = {}

    def write(self, text, name="config"):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        os.chmod(path, 0o644)
        return path

    def sshd(self, path, about):
        if not os.path.exists(SSHD):
            raise Skipped("sshd is missing")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        if not os.path.exists(self.key):
            proc.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key])
        # sshd looks for what Include names in /etc/ssh; ours beside the file.
        with open(path, encoding="utf-8", newline="") as source:
            text = source.read()
        lines = [" ".join(word if i == 0 or word.startswith("/") else
                          os.path.join(self.root, word)
                          for i, word in enumerate(line.split()))
                 if line.startswith("Include ") else line for line in text.split("\n")]
        theirs = self.write("\n".join(lines), "sshd_config")
        spec = ",".join(f"{name}={value}" for name, value in about.items())
        return listing(proc.run([SSHD, "-T", "-f", theirs, "-h", self.key, "-C",
                                 spec + ",host=" + about["addr"]]).out)

    def ferryd(self, path, about):
        groups = [f"group={name}" for name in groups_of(about["user"])]
        words = [f"{name}={value}" for name, value in about.items()]
        return listing(proc.run([self.show, path, *words, *groups]).out)

    def refusal(self, path):
        return proc.run([self.show, path], statuses=(1,)).err.strip()


def groups_of(user):
    account = pwd.getpwnam(user)
    return [grp.getgrgid(gid).gr_name
            for gid in os.getgrouplist(user, account.pw_gid) if has_name(gid)]


def has_name(gid):
    try:
        grp.getgrgid(gid)
    except KeyError:
        return False
    return True


def same_meaning(lab, text):
    """Where a text changes either side's value from the default, both are the same."""
    for name, content in INCLUDED.items():
        lab.write(content, name)
    path = lab.write(text.replace("GROUP", groups_of("root")[0]))
    empty = lab.write("", "empty")
    for user in USERS:
        for addr, laddr, lport in PLACES:
            about = {"user": user, "addr": addr, "laddr": laddr, "lport": lport}
            theirs, ours = lab.sshd(path, about), lab.ferryd(path, about)
            if not lab.standard:
                lab.standard = {"sshd": lab.sshd(empty, about), "ferryd": lab.ferryd(empty, about)}
            for keyword in COMMON:
                compare(lab, keyword, theirs, ours, about)


def compare(lab, keyword, theirs, ours, about):
    one, other = theirs.get(keyword, []), ours.get(keyword, [])
    if one == lab.standard["sshd"].get(keyword, []) and \
            other == lab.standard["ferryd"].get(keyword, []):
        return
    check(normal(keyword, one) == normal(keyword, other),
          f"{keyword} for {about}: sshd says {one}, ferryd {other}")


def each_text(name):
    def test(lab):
        same_meaning(lab, TEXTS[name])
    return test


# ---- files (F5) ----

def refuses_a_config_that_others_may_write(lab):
    path = lab.write("MaxSessions 3\n")
    os.chmod(path, 0o666)
    check("lets others write it" in lab.refusal(path), lab.refusal(path))
    os.chmod(path, 0o620)
    check("lets others write it" in lab.refusal(path), lab.refusal(path))


def refuses_a_fifo_without_waiting(lab):
    path = os.path.join(lab.root, "fifo")
    os.mkfifo(path)
    check("not a regular file" in lab.refusal(path), lab.refusal(path))


def refuses_a_gibibyte(lab):
    path = lab.write("")
    os.truncate(path, 1 << 30)
    check("larger than" in lab.refusal(path), lab.refusal(path))


def refuses_an_include_that_others_may_write(lab):
    path = lab.write("Include open.conf\n")
    os.chmod(lab.write("MaxSessions 3\n", "open.conf"), 0o666)
    check("open.conf" in lab.refusal(path), lab.refusal(path))


def refuses_a_directory_that_others_may_write(lab):
    path = lab.write("MaxSessions 3\n", "open/config")
    os.chmod(os.path.dirname(path), 0o777)
    check("others may change this directory" in lab.refusal(path), lab.refusal(path))


def names_file_and_line_of_an_include(lab):
    path = lab.write("\nInclude deep/*.conf\n")
    inner = lab.write("MaxSessions 3\nMaxSesions 4\n", "deep/a.conf")
    check_equal(lab.refusal(path), f'{inner}:2: unknown keyword: there is no "MaxSesions"; '
                'did you mean MaxSessions?', "refusal")


def knows_the_programs_own_words(lab):
    cases = {
        "Ciphers aes256-ctr,rot13": 'Ciphers: unknown algorithm "rot13"',
        "KexAlgorithms +curve9": 'KexAlgorithms: unknown algorithm "curve9"',
        "Permissions / list,fly": 'Permissions: unknown right among "list,fly"',
        "ForceCommand internal-sftp -P fly": 'ForceCommand: no such request among "fly"',
    }
    for text, sentence in cases.items():
        path = lab.write(text + "\n")
        check_equal(lab.refusal(path), f"{path}:1: {sentence}", text)


def takes_sshds_own_lists_of_algorithms(lab):
    """A hardened list as guides recommend it, with names that only sshd has."""
    path = lab.write("MACs umac-128-etm@openssh.com,hmac-sha2-512-etm@openssh.com\n"
                     "HostKeyAlgorithms ssh-ed25519,ssh-rsa,rsa-sha2-512\n")
    shown = listing(proc.run([lab.show, path]).out)
    check_equal(shown["macs"], ["hmac-sha2-512-etm@openssh.com"], "MACs")
    check_equal(shown["hostkeyalgorithms"], ["ssh-ed25519,rsa-sha2-512"], "HostKeyAlgorithms")


def takes_the_packaged_configuration(lab):
    """As it is, and with every suggestion that it has behind a #."""
    with open(os.path.join(HERE, "..", "..", "packaging", "ferryd.conf"), encoding="utf-8") as f:
        text = f.read()
    shown = listing(proc.run([lab.show, lab.write(text)]).out)
    check_equal(shown["accounts"], ["virtual"], "Accounts")
    # Prose has one blank behind its #, or three.
    suggested = re.sub(r"(?m)^#(?=[A-Z]|    \S)", "", text)
    check(suggested != text, "nothing is suggested")
    proc.run([lab.show, lab.write(suggested)])


def knows_every_keyword_of_sshd(lab):
    """What sshd -T shows is taken, or refused for its value."""
    about = {"user": "root", "addr": "10.0.0.7", "laddr": "127.0.0.1", "lport": "22"}
    known = lab.sshd(lab.write(""), about)
    check(len(known) > 80, f"sshd shows {len(known)} keywords only")
    for keyword, values in known.items():
        path = lab.write(f"{keyword} {values[0]}\n")
        shown = proc.run([lab.show, path], statuses=(0, 1))
        check("unknown keyword" not in shown.err, shown.err.strip())


FILES = (refuses_a_config_that_others_may_write, refuses_a_fifo_without_waiting,
         refuses_a_gibibyte, refuses_an_include_that_others_may_write,
         refuses_a_directory_that_others_may_write, names_file_and_line_of_an_include,
         knows_the_programs_own_words, takes_sshds_own_lists_of_algorithms,
         takes_the_packaged_configuration, knows_every_keyword_of_sshd)


def tests():
    for name in TEXTS:
        yield "sshd/" + name.replace(" ", "_"), each_text(name)
    for function in FILES:
        yield "files/" + function.__name__, function


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--programs", default=os.path.join(HERE, "..", "..", "build", "gcc"))
    parser.add_argument("--prefix", default="config/")
    parser.add_argument("--log")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.list:
        print("\n".join(options.prefix + name for name, _ in tests()))
        return 0
    report = Report(options.prefix, options.names, options.log)
    root = tempfile.mkdtemp(prefix="ferry-config-")
    lab = Lab(root, options.programs)
    try:
        for name, function in tests():
            report.run(name, function, lab)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
