"""Every command against Debian's sshd and ferryd: what it does and how it ends."""

import os
import re
import shutil
import signal
import stat
import subprocess
import time

import files
import proc
from lab import (CONNECT, INTERRUPTED, LOCAL, LOST, NOT_FOUND, PERMISSION, SOME_FAILED,
                 UNSUPPORTED, USAGE, Ferryd, Sshd, events, read, same_trees, write)
from report import check, check_equal


# A ProxyCommand: relay.py HOST PORT [OCTETS [freeze]]; after so many it ends, or stays
# and carries nothing any more.
RELAY = """
import os, select, socket, sys, time
left = int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 60
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
while left > 0:
    ready = select.select([0, s], [], [])[0]
    for source in ready:
        data = os.read(0, 65536) if source == 0 else s.recv(65536)
        if not data:
            sys.exit()
        left -= len(data)
        s.sendall(data) if source == 0 else os.write(1, data)
if len(sys.argv) > 4:
    time.sleep(60)
"""


def put_and_get_a_tree(lab):
    work = lab.folder()
    source = files.write_tree(os.path.join(work, "source"), files.ODD_NAMES)
    os.mkdir(os.path.join(work, "remote"))
    lab.ssh("put", "-r", source, lab.at(f"{work}/remote"))
    same_trees(source, f"{work}/remote/source")
    lab.ssh("get", "-r", lab.at(f"{work}/remote/source"), f"{work}/back")
    same_trees(source, f"{work}/back")
    left = [name for _, _, names in os.walk(work) for name in names if "ferry" in name]
    check_equal(left, [], "temporary files left behind")


def get_several_files_into_a_directory(lab):
    work = lab.folder()
    for name in "abc":
        write(f"{work}/{name}", name)
    os.mkdir(f"{work}/to")
    lab.ssh("get", *(lab.at(f"{work}/{name}") for name in "abc"), f"{work}/to")
    check_equal(sorted(os.listdir(f"{work}/to")), ["a", "b", "c"], "what arrived")
    lab.ssh("get", lab.at(f"{work}/a"), lab.at(f"{work}/b"), f"{work}/nowhere", status=USAGE)


def put_several_files_needs_a_directory(lab):
    work = lab.folder()
    sources = [write(f"{work}/{name}", name) for name in "ab"]
    os.mkdir(f"{work}/to")
    lab.ssh("put", *sources, lab.at(f"{work}/to"))
    check_equal(sorted(os.listdir(f"{work}/to")), ["a", "b"], "what arrived")
    lab.ssh("put", *sources, lab.at(f"{work}/a"), status=SOME_FAILED)
    check_equal(read(f"{work}/a"), "a", "the file that was no directory")


def get_without_a_name_lands_here(lab):
    work, here = lab.folder(), lab.folder()
    write(f"{work}/a", "x")
    lab.ssh("get", lab.at(f"{work}/a"), cwd=here)
    check_equal(read(f"{here}/a"), "x", "the content")


def urls_name_hosts_and_ports(lab):
    work = lab.folder()
    write(f"{work}/a b", "x")
    options = lab.options(lab.sshd.port)
    del options[options.index("-P"):options.index("-P") + 2]
    result = lab.ferry(*options, "cat", f"sftp://127.0.0.1:{lab.sshd.port}{work}/a%20b")
    check_equal(result.out, "x", "the content")


def preserve_keeps_times_and_modes(lab):
    work = lab.folder()
    source = write(f"{work}/a", "x", 0o751)
    os.utime(source, (1000000000, 1100000000))
    lab.ssh("put", "-p", source, lab.at(f"{work}/up"))
    lab.ssh("get", "-p", lab.at(source), f"{work}/down")
    for name in ("up", "down"):
        st = os.stat(f"{work}/{name}")
        check_equal((stat.S_IMODE(st.st_mode), int(st.st_mtime)), (0o751, 1100000000), name)


def resume_continues_a_partial_file(lab):
    work = lab.folder()
    source = files.write_random(f"{work}/source", 8 * files.MIB, seed=1)
    for verb, words in (("get", [lab.at(source), f"{work}/get"]),
                        ("put", [source, lab.at(f"{work}/put")])):
        child = proc.start([lab.ferry_program, *map(str, lab.options(lab.sshd.port)),
                            "--limit-rate", "1M", verb, *words], env=lab.env,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(2.5)
            child.send_signal(signal.SIGINT)
            check_equal(child.wait(timeout=20 * proc.slowness), INTERRUPTED, "the status")
        finally:
            proc.end_group(child)
        check(not os.path.exists(f"{work}/{verb}"), "half a file has the final name")
        result = lab.ssh("--json", verb, "-a", *words)
        moved = events(result)[-1]["bytes_moved"]
        check(moved < 8 * files.MIB, f"{verb}: all {moved} octets were sent again")
        check_equal(files.sha256(f"{work}/{verb}"), files.sha256(source), f"{verb}: content")


def inplace_writes_under_the_final_name(lab):
    work = lab.folder()
    source = write(f"{work}/source", "new")
    target = write(f"{work}/target", "old and longer")
    inode = os.stat(target).st_ino
    lab.ssh("put", "--inplace", source, lab.at(target))
    check_equal((read(target), os.stat(target).st_ino), ("new", inode), "content and inode")
    lab.ssh("put", "--fsync", source, lab.at(target))
    check(os.stat(target).st_ino != inode, "no temporary name was used")


def rate_limit_holds(lab):
    work = lab.folder()
    source = files.write_random(f"{work}/source", 1 * files.MIB, seed=2)
    begin = time.monotonic()
    lab.ssh("--limit-rate", "512K", "get", lab.at(source), f"{work}/a")
    check(time.monotonic() - begin > 1.2, "1 MiB came faster than 512 KiB a second")
    begin = time.monotonic()
    lab.ssh("-l", "4096", "put", source, lab.at(f"{work}/b"))
    check(time.monotonic() - begin > 1.2, "1 MiB went faster than 4096 Kbit a second")


def list_shows_names_and_attributes(lab):
    work = lab.folder()
    write(f"{work}/small", "x")
    write(f"{work}/large", "x" * 5000)
    write(f"{work}/.hidden", "")
    os.mkdir(f"{work}/dir")
    os.utime(f"{work}/small", (1, 1))
    at = lab.at(work)
    check_equal(lab.ssh("ls", at).out.split(), ["dir", "large", "small"], "ls")
    check(".hidden" in lab.ssh("ls", "-a", at).out.split(), "ls -a hides")
    check_equal(lab.ssh("ls", "-t", at).out.split()[-1], "small", "ls -t: the last")
    check_equal(lab.ssh("ls", "-r", at).out.split(), ["small", "large", "dir"], "ls -r")
    long = lab.ssh("ls", "-l", at).out
    check(re.search(r"^-rw------- \d+ +\d+ +5000 \w{3} +\d+ \S+ large$", long, re.M),
          "ls -l shows another line", long)
    check(re.search(r" 4\.9K ", lab.ssh("ls", "-lh", at).out), "ls -lh shows no unit")
    check_equal(lab.ssh("ls", lab.at(f"{work}/small")).out.split()[-1].split("/")[-1],
                "small", "ls of a file")
    found = events(lab.ssh("--json", "ls", at))
    check_equal(found[-1]["t"], "summary", "the last of --json")
    names = {one["name"]: one for one in found[:-1]}
    check_equal(names["large"]["size"], 5000, "--json: size")
    check_equal(names["dir"]["type"], "directory", "--json: type")


def names_that_are_no_utf8_survive_in_json(lab):
    work = lab.folder()
    with open(os.path.join(os.fsencode(work), b"\xff\xfe"), "wb"):
        pass
    entry = events(lab.ssh("--json", "ls", lab.at(work)))[0]
    check_equal(entry["name_b64"], "//4=", "the name")


def cat_writes_files_in_order(lab):
    work = lab.folder()
    for name in "ab":
        write(f"{work}/{name}", name * 100000)
    result = lab.ssh("cat", lab.at(f"{work}/a"), lab.at(f"{work}/b"))
    check(result.out == "a" * 100000 + "b" * 100000, "the contents are mixed")


def cat_into_a_full_device_fails(lab):
    work = lab.folder()
    write(f"{work}/a", "x" * 300000)
    with open("/dev/full", "wb") as full:
        child = proc.start([lab.ferry_program, *map(str, lab.options(lab.sshd.port)), "cat",
                            lab.at(f"{work}/a")], env=lab.env, stdout=full,
                           stderr=subprocess.DEVNULL)
        try:
            status = child.wait(timeout=20 * proc.slowness)
        finally:
            proc.end_group(child)
    check_equal(status, LOCAL, "the status")


def remove_takes_files_and_trees(lab):
    work = lab.folder()
    os.makedirs(f"{work}/tree/a/b")
    write(f"{work}/tree/a/file", "x")
    write(f"{work}/keep", "x")
    os.symlink(f"{work}/keep", f"{work}/tree/link")
    lab.ssh("rm", lab.at(f"{work}/tree"), status=SOME_FAILED)
    lab.ssh("rm", "-r", lab.at(f"{work}/tree"))
    check_equal(os.listdir(work), ["keep"], "what is left")
    lab.ssh("rm", lab.at(f"{work}/none"), status=NOT_FOUND)
    lab.ssh("rm", "-f", lab.at(f"{work}/none"))
    lab.ssh("rm", lab.at(f"{work}/keep"), lab.at(f"{work}/none"), status=SOME_FAILED)


def directories_are_made_and_removed(lab):
    work = lab.folder()
    lab.ssh("mkdir", lab.at(f"{work}/a"))
    lab.ssh("mkdir", lab.at(f"{work}/a"), status=SOME_FAILED)
    lab.ssh("mkdir", "-p", lab.at(f"{work}/a/b/c"))
    lab.ssh("mkdir", "-p", lab.at(f"{work}/a/b/c"))
    check(os.path.isdir(f"{work}/a/b/c"), "mkdir -p made nothing")
    lab.ssh("rmdir", lab.at(f"{work}/a/b"), status=SOME_FAILED)
    lab.ssh("rmdir", lab.at(f"{work}/a/b/c"))
    check_equal(os.listdir(f"{work}/a/b"), [], "what is left")


def rename_link_and_chmod(lab):
    work = lab.folder()
    write(f"{work}/a", "a")
    write(f"{work}/b", "b")
    lab.ssh("mv", lab.at(f"{work}/a"), f"{work}/b")
    check_equal((os.listdir(work), read(f"{work}/b")), (["b"], "a"), "after mv")
    lab.ssh("mv", lab.at(f"{work}/b"), lab.at(f"{work}/c"))
    lab.ssh("mv", lab.at(f"{work}/c"), "other:x", status=USAGE)
    lab.ssh("ln", "-s", lab.at("c"), f"{work}/soft")
    lab.ssh("ln", lab.at(f"{work}/c"), f"{work}/hard")
    check_equal(os.readlink(f"{work}/soft"), "c", "the link's text")
    check_equal(os.stat(f"{work}/hard").st_nlink, 2, "names of the file")
    lab.ssh("chmod", "640", lab.at(f"{work}/c"))
    check_equal(stat.S_IMODE(os.stat(f"{work}/c").st_mode), 0o640, "the mode")
    lab.ssh("chmod", "u+x", lab.at(f"{work}/c"), status=USAGE)


def stat_and_df_show_numbers(lab):
    work = lab.folder()
    write(f"{work}/a", "12345")
    os.symlink("a", f"{work}/link")
    check("size: 5\n" in lab.ssh("stat", lab.at(f"{work}/link")).out, "stat of a link's target")
    check("symbolic link" in lab.ssh("stat", "-P", lab.at(f"{work}/link")).out, "stat -P")
    space = events(lab.ssh("--json", "df", lab.at(work)))[0]
    total = shutil.disk_usage(work).total
    check(abs(space["total"] - total) < total / 100, f"df: {space['total']}, not {total}")
    check("inodes" in lab.ssh("df", "-i", lab.at(work)).out, "df -i")


def json_tells_start_file_and_summary(lab):
    work = lab.folder()
    source = files.write_random(f"{work}/source", 3 * files.MIB, seed=3)
    found = events(lab.ssh("--json", "put", source, lab.at(f"{work}/target")))
    kinds = [one["t"] for one in found]
    check_equal((kinds[0], kinds[-2:]), ("start", ["file", "summary"]), "the kinds")
    check_equal(found[-1]["bytes"], 3 * files.MIB, "the summary's octets")
    failed = lab.ssh("--json", "get", lab.at(f"{work}/none"), f"{work}/x", status=NOT_FOUND)
    found = events(failed)
    check_equal([one["t"] for one in found], ["error", "summary"], "the kinds of a failure")
    check_equal(found[-1]["result"], "not-found", "the result")


def statuses_tell_what_went_wrong(lab):
    work = lab.folder()
    source = write(f"{work}/source", "x")
    lab.ssh("get", lab.at(f"{work}/none"), f"{work}/x", status=NOT_FOUND)
    lab.ssh("get", lab.at(source), f"{work}/no/such/dir/x", status=LOCAL)
    lab.ssh("put", f"{work}/none", lab.at(f"{work}/x"), status=NOT_FOUND)
    lab.ssh("get", lab.at(source), lab.at(f"{work}/none"), work, status=SOME_FAILED)
    lab.ssh("get", lab.at(work), f"{work}/x", status=SOME_FAILED)
    lab.ferry(*lab.options(proc.free_port()), "ls", lab.at(), status=CONNECT)
    lab.ferry(*lab.options(22), "ls", "no.such.host.invalid:", status=CONNECT)
    for words in ([], ["frob"], ["get"], ["ls", "-Q", "h:"], ["ls", "--color", "x", "h:"],
                  ["-l", "x", "ls", "h:"], ["-o", "Frob=1", "ls", "h:"], ["get", "a", "b"],
                  ["-c", "rot13", "ls", "h:"], ["--json", "cat", "h:a"], ["put", "a", "b"], ["-F", "/none", "ls", "h:"]):
        lab.ferry(*words, status=USAGE)


def server_without_sftp_is_unsupported(lab):
    with Sshd(lab, "sshd_without", subsystem=False) as sshd:
        write(lab.path("known_without"), sshd.line(lab.path("host_ed25519")))
        lab.ferry(*lab.options(sshd.port, known_hosts="known_without"), "ls", lab.at(),
                  status=UNSUPPORTED)


def silent_server_times_out(lab):
    import socket  # pylint: disable=import-outside-toplevel
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        begin = time.monotonic()
        lab.ferry(*lab.options(listener.getsockname()[1]), "-o", "ConnectTimeout=2", "ls",
                  lab.at(), status=CONNECT)
        check(time.monotonic() - begin < 10, "it took longer than the timeout")


def read_only_ferryd_denies_permission(lab):
    work = lab.folder()
    source = write(f"{work}/source", "x")
    with Ferryd(lab, "--read-only") as server:
        write(os.path.join(server.share, "a"), "content")
        options = lab.options(server.port, key=None, known_hosts="known_ferryd")
        options += ["-o", "StrictHostKeyChecking=accept-new", "--password-file",
                    os.path.join(server.home, "password")]
        check_equal(lab.ferry(*options, "cat", "guest@127.0.0.1:/a").out, "content", "cat")
        lab.ferry(*options, "put", source, "guest@127.0.0.1:/b", status=PERMISSION)
        lab.ferry(*options, "rm", "guest@127.0.0.1:/a", status=PERMISSION)


def ferryd_and_ferry_exchange_a_tree(lab):
    work = lab.folder()
    source = files.write_tree(os.path.join(work, "source"), files.ODD_NAMES)
    with Ferryd(lab) as server:
        options = lab.options(server.port, key=None, known_hosts="known_ferryd2")
        options += ["-o", "StrictHostKeyChecking=accept-new", "--password-file",
                    os.path.join(server.home, "password")]
        lab.ferry(*options, "put", "-r", source, "guest@127.0.0.1:/")
        lab.ferry(*options, "get", "-r", "guest@127.0.0.1:/source", f"{work}/back")
        same_trees(source, f"{work}/back")


def rekeys_and_compression_keep_the_octets(lab):
    work = lab.folder()
    source = files.write_random(f"{work}/source", 20 * files.MIB, seed=4)
    for option in ("RekeyLimit=1M", "Compression=yes", "Ciphers=aes128-gcm@openssh.com",
                   "KexAlgorithms=diffie-hellman-group-exchange-sha256"):
        lab.ssh("-o", option, "get", lab.at(source), f"{work}/down")
        lab.ssh("-o", option, "put", source, lab.at(f"{work}/up"))
        for name in ("down", "up"):
            check_equal(files.sha256(f"{work}/{name}"), files.sha256(source), option + name)


def config_file_names_hosts(lab):
    work = lab.folder()
    write(f"{work}/a", "x")
    config = write(f"{work}/config",
                   f"Host other\n  Port 1\nHost box\n  HostName 127.0.0.1\n"
                   f"  Port {lab.sshd.port}\n  IdentityFile {lab.path('id_ed25519')}\n"
                   f"  UserKnownHostsFile {lab.path('known_hosts')}\nForwardX11 yes\n")
    check_equal(lab.ferry("-F", config, "cat", f"box:{work}/a").out, "x", "cat")
    write(config, "Host box\nFrobnicate yes\n")
    result = lab.ferry("-F", config, "ls", "box:", status=USAGE)
    check(f"{config} line 2" in result.err, "no file and line", result.err)


def proxy_command_carries_the_connection(lab):
    work = lab.folder()
    write(f"{work}/a", "x")
    relay = write(f"{work}/relay.py", RELAY)
    result = lab.ssh("-o", f"ProxyCommand=/usr/bin/python3 {relay} %h %p", "cat",
                     lab.at(f"{work}/a"))
    check_equal(result.out, "x", "cat")
    lab.ssh("-o", "ProxyJump=other", "ls", lab.at(), status=USAGE)


def cut_connection_is_lost_and_resumable(lab):
    work = lab.folder()
    source = files.write_random(f"{work}/source", 8 * files.MIB, seed=6)
    relay = write(f"{work}/relay.py", RELAY)
    for verb, words in (("get", [lab.at(source), f"{work}/get"]),
                        ("put", [source, lab.at(f"{work}/put")])):
        proxy = f"ProxyCommand=/usr/bin/python3 {relay} %h %p {4 * files.MIB}"
        result = lab.ssh("-o", proxy, verb, *words, status=LOST)
        check(result.err.count("\n") <= 2, "one cause, many lines", result.err)
        check(not os.path.exists(f"{work}/{verb}"), "half a file has the final name")
        moved = events(lab.ssh("--json", verb, "-a", *words))[-1]["bytes_moved"]
        check(moved < 8 * files.MIB, f"{verb}: all {moved} octets were sent again")
        check_equal(files.sha256(f"{work}/{verb}"), files.sha256(source), f"{verb}: content")


def silence_is_noticed_by_keepalives(lab):
    work = lab.folder()
    source = files.write_random(f"{work}/source", 4 * files.MIB, seed=7)
    relay = write(f"{work}/relay.py", RELAY)
    begin = time.monotonic()
    lab.ssh("-o", f"ProxyCommand=/usr/bin/python3 {relay} %h %p 1000000 freeze",
            "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2",
            "get", lab.at(source), f"{work}/a", status=LOST)
    check(time.monotonic() - begin < 20 * proc.slowness, "it took too long")


def progress_is_for_terminals_only(lab):
    work = lab.folder()
    source = files.write_random(f"{work}/source", 2 * files.MIB, seed=5)
    words = [*lab.options(lab.sshd.port), "get", lab.at(source)]
    check_equal(lab.ferry(*words, f"{work}/a").err, "", "standard error without a terminal")
    shown = lab.on_terminal([*words, f"{work}/b"])
    check(re.search(r"source +100% 2048KB +[\d.]+[KMG]B/s +\d\d:\d\d", shown),
          "no progress line", repr(shown))
    check_equal(lab.on_terminal(["-q", *words, f"{work}/c"]).strip(), "", "what -q shows")


def totals_are_shown_for_several_files(lab):
    work = lab.folder()
    files.write_tree(f"{work}/tree", ())
    shown = lab.on_terminal([*lab.options(lab.sshd.port), "get", "-r", lab.at(f"{work}/tree"),
                             f"{work}/back"])
    check(re.search(r"total  40/40 files  100%  [\d.]+\w+", shown), "no totals", repr(shown))


def columns_fill_a_terminal(lab):
    work = lab.folder()
    for i in range(30):
        write(f"{work}/name{i:02}", "")
    shown = lab.on_terminal([*lab.options(lab.sshd.port), "ls", lab.at(work)])
    rows = shown.strip().splitlines()
    check(1 < len(rows) < 10 and "name00" in rows[0] and len(rows[0]) <= 80, "no columns",
          repr(shown))


def trace_shows_messages_but_no_secrets(lab):
    with Ferryd(lab) as server:
        options = lab.options(server.port, key=None, known_hosts="known_ferryd3")
        options += ["-o", "StrictHostKeyChecking=accept-new", "--password-file",
                    os.path.join(server.home, "password")]
        result = lab.ferry(*options, "ls", "guest@127.0.0.1:/",
                           env={"FERRY_TRACE": "wire,kex,chan,sftp"})
    for word in ("KEXINIT", "USERAUTH_REQUEST", "CHANNEL_OPEN", "OPENDIR"):
        check(word in result.err, f"{word} is missing from the trace")
    check(read(os.path.join(server.home, "password")).strip() not in result.err,
          "the password is in the trace")


def help_and_version_succeed(lab):
    check("usage: ferry" in lab.ferry("help").out, "help")
    check("usage: ferry get" in lab.ferry("get", "--help").out, "get --help")
    check(lab.ferry("-V").out.startswith("ferry "), "-V")


def manual_knows_every_command_and_option(lab):
    overview = lab.ferry("help").out
    manual = read(os.path.join(os.path.dirname(__file__), "..", "..", "doc", "ferry.1"))
    commands = overview.split("commands:")[1].split("options:")[0]
    for command in re.findall(r"^  (\w+) +\S", commands, re.M):
        check(f".It Cm {command}" in manual, f"the manual has no command {command}")
        for text in (overview, lab.ferry(command, "--help").out):
            for word in re.findall(r"--([\w-]+)", text):
                check(f"Fl -{word}" in manual, f"the manual has no --{word}")
            for letter in re.findall(r"^  -(\w)\b", text, re.M):
                check(f"Fl {letter}" in manual, f"the manual has no -{letter}")


TESTS = tuple(one for one in list(globals().values())
              if callable(one) and getattr(one, "__module__", "") == __name__)
