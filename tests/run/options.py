"""Every option about connections, files and what is told bites: one function an option,
which fails when the option is ignored (threats F1). See also option_logins.py."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import paramiko

import proc
from ferryd_run import (ALICE, EVENT_USER, NET_USER, PASSWORD, VIRTUAL_USER, Site, ids_of,
                        need_root, read, read_text, write)
from kexinit import offers
from option_logins import OPTIONS as LOGIN_OPTIONS
from procfs import await_true, status_of
from report import Skipped, check, check_equal

MIB = 1 << 20


# ---- connections ----

def greeting(peer):
    """The server's first octets; b'' when it closes without a word."""
    with contextlib.suppress(OSError):
        return peer.recv(300)
    return b""


def let_in(site, count, sources=("127.0.0.1",)):
    """How many of `count` silent connections get an identification."""
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(site.connect(sources[i % len(sources)], seconds=5))
                 for i in range(count)]
        return sum(greeting(peer).startswith(b"SSH-2.0-") for peer in peers)


def login_grace_time(lab):
    """Up to four seconds of chance are added."""
    with Site(lab, "LoginGraceTime 2") as site, site.connect() as peer:
        begin = time.monotonic()
        while greeting(peer):
            pass
        took = time.monotonic() - begin
        check(1.5 < took < 8 * proc.slowness, f"it was kept for {took:.1f} s")


def max_startups(lab):
    with Site(lab, "MaxStartups 3:100:3") as site:
        check_equal(let_in(site, 6, [f"127.0.3.{i + 1}" for i in range(6)]), 3, "let in")


def per_source_max_startups(lab):
    with Site(lab, "PerSourceMaxStartups 2") as site:
        check_equal(let_in(site, 5), 2, "let in")
        await_true(lambda: let_in(site, 5, ("127.0.0.1", "127.0.0.2")) == 4,
                   "another source is concerned")


def per_source_net_block_size(lab):
    with Site(lab, "PerSourceMaxStartups 1\nPerSourceNetBlockSize 24:64") as site:
        check_equal(let_in(site, 4, ("127.0.5.1", "127.0.5.2", "127.0.6.1", "127.0.5.3")), 2,
                    "let in")


def max_connections(lab):
    with Site(lab, "MaxConnections 3\nPerSourceMaxStartups none") as site:
        check_equal(let_in(site, 6), 3, "let in")


def fail_login(site, source="127.0.0.1"):
    with contextlib.suppress(Exception):
        site.client("alice", password="wrong", source=source).__exit__()


def is_greeted(site, source="127.0.0.1"):
    with site.connect(source, seconds=5) as peer:
        return greeting(peer).startswith(b"SSH-2.0-")


def per_source_penalties(lab):
    with Site(lab, "PerSourcePenalties authfail:60 min:10") as site:
        site.add_user("alice")
        check(is_greeted(site), "refused before anything happened")
        fail_login(site)
        await_true(lambda: not is_greeted(site), "no penalty for a wrong password")
        check(is_greeted(site, "127.0.0.7"), "another source is concerned")


def per_source_penalty_exempt_list(lab):
    config = "PerSourcePenalties authfail:60 min:10\nPerSourcePenaltyExemptList 127.0.0.0/30"
    with Site(lab, config) as site:
        site.add_user("alice")
        fail_login(site)
        fail_login(site, "127.0.0.9")
        await_true(lambda: not is_greeted(site, "127.0.0.9"), "no penalty at all")
        check(is_greeted(site), "an exempt source is penalised")


def port(lab):
    second = proc.free_port()
    with Site(lab, f"Port {second}") as site:
        for site.port in (site.port, second):
            check(is_greeted(site), f"nobody answers on {site.port}")


def listen_address(lab):
    with Site(lab, "ListenAddress 127.0.0.5") as site:
        check(is_greeted(site), "nobody answers on 127.0.0.1")
        site.host = "127.0.0.5"
        check(is_greeted(site), "nobody answers on 127.0.0.5")
        site.host = "127.0.0.6"
        try:
            site.connect()
        except ConnectionRefusedError:
            return
        check(False, "it answers where it was not told to")


def address_family(lab):
    with Site(lab, "ListenAddress ::1", is_ipv6=False) as site:
        site.host = "::1"
        with site.connect(seconds=5) as peer:
            check(greeting(peer).startswith(b"SSH-2.0-"), "nobody answers on ::1")
    with Site(lab, "AddressFamily inet\nListenAddress localhost", ready=True) as site:
        site.host = "::1"
        with contextlib.suppress(OSError), site.connect(seconds=2):
            check(False, "it listens on IPv6")


def tcp_keep_alive(lab):
    for word, wanted in (("yes", True), ("no", False)):
        with Site(lab, f"TCPKeepAlive {word}") as site, site.connect() as peer:
            greeting(peer)
            shown = proc.run(["ss", "-tnoH", "sport", "=", f":{site.port}"]).out
            check_equal("keepalive" in shown, wanted, f"keepalive timer with {word}: {shown}")


def trusted_proxies(lab):
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes((192, 0, 2, 7, 198, 51, 100, 1)) \
        + (40000).to_bytes(2, "big") + (22).to_bytes(2, "big")
    with Site(lab, "TrustedProxies 127.0.0.9\nDenyUsers *@192.0.2.7") as site:
        site.add_user("alice")
        with site.connect("127.0.0.9", seconds=5) as peer:
            peer.sendall(b"SSH-2.0-NoHeader\r\n")
            check(not greeting(peer).startswith(b"SSH-"), "served without a header")
        with site.connect("127.0.0.1", seconds=5) as peer:
            peer.sendall(header)
            said = b""
            while more := greeting(peer):
                said += more
            check(b"SSH-2.0-Ferry" not in said or said.count(b"\n") <= 3, "header believed")
        with site.connect("127.0.0.9", seconds=5) as peer:
            peer.sendall(header)
            transport = paramiko.Transport(peer)
            try:
                transport.start_client(timeout=10)
                transport.auth_password("alice", PASSWORD, fallback=False)
                check(False, "the address in the header does not count")
            except paramiko.AuthenticationException:
                pass
            finally:
                transport.close()
        site.await_log(r"192\.0\.2\.7")


def host_key(lab):
    with Site(lab) as site:
        names = offers(site.port)["hostkey"]
        check(names and all("ed25519" in name for name in names), f"offered {names}")
    rsa = lab.make_key("hostrsa", "rsa", "-b", "3072")
    with Site(lab, "HostKey {home}/second", is_started=False) as site:
        shutil.copy(rsa, site.path("second"))
        site.own(site.home)
        site.start()
        check("rsa-sha2-512" in offers(site.port)["hostkey"], "the second key is not offered")


def host_certificate(lab):
    ca = lab.make_key("hostca")
    with Site(lab, "HostCertificate {home}/state/host-cert.pub", is_started=False) as site:
        shutil.copy(lab.host_key + ".pub", site.path("state", "host.pub"))
        proc.run(["ssh-keygen", "-q", "-s", ca, "-I", "host", "-h", "-n", "127.0.0.1",
                  site.path("state", "host.pub")])
        site.own(site.home)
        site.start()
        check("ssh-ed25519-cert-v01@openssh.com" in offers(site.port)["hostkey"], "not offered")


def offered(lab, line, field, wanted):
    with Site(lab, line) as site:
        got = [name for name in offers(site.port)[field]
               if not name.startswith(("ext-info", "kex-strict"))]
        check_equal(got, wanted, f"{field} with {line}")


def ciphers(lab):
    offered(lab, "Ciphers aes256-ctr", "cipher", ["aes256-ctr"])


def macs(lab):
    offered(lab, "MACs hmac-sha2-512-etm@openssh.com", "mac", ["hmac-sha2-512-etm@openssh.com"])


def kex_algorithms(lab):
    offered(lab, "KexAlgorithms curve25519-sha256", "kex", ["curve25519-sha256"])


def compression(lab):
    with Site(lab, "Compression no") as site:
        check_equal(offers(site.port)["compression"], ["none"], "compression")
    with Site(lab, "Compression delayed") as site:
        check("zlib@openssh.com" in offers(site.port)["compression"], "not offered")


def profile(lab):
    for word, wanted in (("default", False), ("compat", True)):
        with Site(lab, f"Profile {word}") as site:
            check_equal("ecdh-sha2-nistp256" in offers(site.port)["kex"], wanted,
                        f"NIST curves with {word}")


def version_addendum(lab):
    with Site(lab, "VersionAddendum Night shift") as site, site.connect() as peer:
        line = greeting(peer).split(b"\r\n")[0]
        check(line.endswith(b" Night shift"), f"identification {line}")


# ---- sessions ----

def max_sessions(lab):
    with Site(lab, "MaxSessions 2") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            channels = [client.transport.open_session(timeout=10) for _ in range(2)]
            try:
                client.transport.open_session(timeout=10)
            except paramiko.ChannelException:
                del channels
                return
            check(False, "a third channel was opened")


def max_account_sessions(lab):
    with Site(lab, "MaxAccountSessions 1") as site:
        site.add_user("alice")
        site.add_user("bob")
        with site.client("alice", password=PASSWORD) as client:
            client.sftp.listdir("/")
            try:
                with site.client("alice", password=PASSWORD) as second:
                    second.sftp.listdir("/")
            except Exception:  # refused at the login or at the channel
                with site.client("bob", password=PASSWORD) as other:
                    other.sftp.listdir("/")
                return
            check(False, "a second session was let in")


def stopped_client(site):
    """An sftp client that has logged in and then is as if its machine had gone."""
    child = proc.start(["sftp", "-F", "/dev/null", "-o", "StrictHostKeyChecking=no",
                        "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
                        "-i", site.lab.key, "-P", str(site.port), f"alice@{site.host}"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                       env={"PATH": os.environ["PATH"], "HOME": site.home})
    child.stdin.write(b"pwd\n")
    child.stdin.flush()
    said = b""
    while b"directory: /" not in said:
        line = child.stdout.readline()
        check(line, f"it did not log in: {said}")
        said += line
    os.killpg(child.pid, signal.SIGSTOP)
    return child


def client_alive(lab):
    with Site(lab, "ClientAliveInterval 1\nClientAliveCountMax 2") as site:
        site.add_user("alice", key=lab.key)
        child = stopped_client(site)
        try:
            await_true(lambda: site.session_pids(), "there is no session")
            await_true(lambda: not site.session_pids(), "the session stayed", seconds=12)
        finally:
            os.killpg(child.pid, signal.SIGCONT)
            proc.end_group(child, 0.5)


def channel_timeout(lab):
    with Site(lab, "ChannelTimeout session=2") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.sftp.listdir("/")
            channel = client.sftp.get_channel()
            await_true(lambda: channel.closed or channel.eof_received, "it stays", seconds=12)


def unused_connection_timeout(lab):
    with Site(lab, "UnusedConnectionTimeout 2") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            await_true(lambda: not client.is_alive(), "it stays", seconds=12)


def rekey_limit(lab):
    counts = []
    for line in ("", "RekeyLimit 1M"):
        with Site(lab, line) as site:
            root = site.add_user("alice", key=lab.key)
            with open(os.path.join(root, "file"), "wb") as out:
                out.write(bytes(6 * MIB))
            shown = site.sftp("get file /dev/null", "alice", words=("-v",), LogLevel="DEBUG1")
            counts.append(shown.err.count("SSH2_MSG_NEWKEYS received"))
    check(counts[0] == 1 and counts[1] >= 4, f"key exchanges {counts}")


def chroot_directory(lab):
    need_root(lab)
    with Site(lab, "ChrootDirectory {home}/jail", accounts="system") as site:
        os.makedirs(site.path("jail", "only-this"))
        with site.client(ALICE, password=PASSWORD) as client:
            check_equal(client.sftp.listdir("/"), ["only-this"], "what is in the root")


def force_command(lab):
    with Site(lab, "ForceCommand internal-sftp -R") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.refusal(client.put, "new", b"x")


def subsystem(lab):
    with Site(lab, "Subsystem sftp internal-sftp -R") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.refusal(client.put, "new", b"x")


def read_only(lab):
    with Site(lab, "ReadOnly yes") as site:
        root = site.add_user("alice")
        write(os.path.join(root, "file"), "kept\n", 0o666)
        with site.client("alice", password=PASSWORD) as client:
            check_equal(client.get("file"), b"kept\n", "a download")
            for function, words in ((client.put, ("new", b"x")), (client.put, ("file", b"x")),
                                    (client.sftp.remove, ("file",)), (client.sftp.mkdir, ("d",)),
                                    (client.sftp.chmod, ("file", 0o600))):
                client.refusal(function, *words)


def umask(lab):
    for word, wanted in (("077", 0o600), ("002", 0o664)):
        with Site(lab, f"Umask {word}") as site:
            root = site.add_user("alice")
            with site.client("alice", password=PASSWORD) as client:
                client.put("file", b"x")
            mode = os.stat(os.path.join(root, "file")).st_mode & 0o777
            check_equal(oct(mode), oct(wanted), f"mode with {word}")


def seconds_of(function, *words):
    begin = time.monotonic()
    function(*words)
    return time.monotonic() - begin


def upload_rate(lab):
    with Site(lab, "UploadRate 256K") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            took = seconds_of(client.put, "file", bytes(MIB))
            check(2 < took < 20 * proc.slowness, f"1 MiB took {took:.2f} s")


def download_rate(lab):
    with Site(lab, "DownloadRate 256K") as site:
        root = site.add_user("alice")
        write(os.path.join(root, "file"), bytes(MIB), 0o644)
        with site.client("alice", password=PASSWORD) as client:
            took = seconds_of(client.get, "file")
            check(2 < took < 20 * proc.slowness, f"1 MiB took {took:.2f} s")


def quota_size(lab):
    with Site(lab, "QuotaSize 100K") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.put("a", bytes(60 * 1024))
            client.refusal(client.put, "b", bytes(60 * 1024))


def quota_files(lab):
    with Site(lab, "QuotaFiles 2") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.put("a", b"")
            client.put("b", b"")
            client.refusal(client.put, "c", b"")


def permissions(lab):
    with Site(lab, "Permissions / read\nPermissions /drop dropbox") as site:
        root = site.add_user("alice")
        os.mkdir(os.path.join(root, "drop"))
        site.give_files(os.path.join(root, "drop"))
        with site.client("alice", password=PASSWORD) as client:
            client.refusal(client.put, "/a", b"x")
            client.put("/drop/a", b"x")
            client.refusal(client.get, "/drop/a")
            client.refusal(client.sftp.listdir, "/drop")


def refuse_names(lab):
    with Site(lab, "RefuseNames *.exe .ht*") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            for name in ("virus.exe", ".htaccess"):
                client.refusal(client.put, name, b"x")
            client.put("good.txt", b"x")
            client.refusal(client.sftp.rename, "good.txt", "bad.exe")


def atomic_uploads(lab):
    for word, is_visible in (("yes", False), ("no", True)):
        with Site(lab, f"AtomicUploads {word}") as site:
            root = site.add_user("alice")
            with site.client("alice", password=PASSWORD) as client, \
                    client.sftp.open("file", "wb") as out:
                out.write(b"x")
                out.stat()
                check_equal(os.path.exists(os.path.join(root, "file")), is_visible,
                            f"visible while it is written with {word}")


def traced(site, pids, work):
    """The system calls about durability and names that these processes make in work()."""
    log = site.path("trace")
    words = [word for pid in pids for word in ("-p", str(pid))]
    tracer = proc.start(["strace", "-f", "-o", log, "-e",
                         "trace=fsync,fdatasync,rename,renameat,renameat2,linkat", *words],
                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE)
    try:
        check(b"attached" in tracer.stderr.readline(), "strace does not attach")
        work()
        time.sleep(0.3)
    finally:
        proc.end_group(tracer, 2.0)
        tracer.stderr.close()
    return re.findall(r"^\d+ +(\w+)\(", read_text(log), re.M)


def durable_uploads(lab):
    """D4: the file, then its name, then the folder."""
    need_root(lab)
    for word in ("yes", "no"):
        with Site(lab, f"DurableUploads {word}") as site:
            site.add_user("alice")
            with site.client("alice", password=PASSWORD) as client:
                client.sftp.listdir("/")
                calls = traced(site, site.session_pids(), lambda: client.put("file", b"x"))
            names = [i for i, call in enumerate(calls) if call.startswith(("rename", "link"))]
            syncs = [i for i, call in enumerate(calls) if "sync" in call]
            check(names, f"no rename in {calls}")
            durable = bool(syncs) and syncs[0] < names[0] < syncs[-1]
            check_equal(durable, word == "yes", f"durable with {word}: {calls}")


# ---- what is told, and where things lie ----

def pid_file(lab):
    with Site(lab) as site:
        path = site.path("run", "pid")
        check_equal(read_text(path).strip(), str(site.child.pid), "pid file")
        site.stop()
        check(not os.path.exists(path), "the pid file stayed")


def log_style(lab):
    with Site(lab, "LogStyle json") as site:
        site.add_user("alice")
        check(not site.refuses("alice", password=PASSWORD), "no login")
        site.await_log("alice")
        for line in site.log().splitlines():
            json.loads(line)
    with Site(lab, "LogStyle openssh") as site:
        site.add_user("alice")
        site.refuses("alice", password="wrong")
        site.await_log(r"Failed password for alice from 127\.0\.0\.1 port \d+ ssh2")
        site.refuses("alice", password=PASSWORD)
        site.await_log(r"Accepted password for alice from 127\.0\.0\.1 port \d+ ssh2")


def fail2ban(lab):
    """Debian's own filter for sshd finds our failed logins."""
    if not os.path.exists("/usr/bin/fail2ban-regex"):
        raise Skipped("fail2ban is not installed")
    with Site(lab, "LogStyle openssh\nLogTarget {home}/log/auth.log") as site:
        site.add_user("alice")
        site.refuses("alice", password="wrong")
        site.refuses("nobody-here", password="wrong")
        path = site.path("log", "auth.log")
        await_true(lambda: read_text(path).count("ailed") >= 2, "nothing was logged")
        shown = proc.run(["fail2ban-regex", path, "sshd"], statuses=None, seconds=60).out
        found = re.search(r"Failregex: (\d+) total", shown)
        check(found and int(found.group(1)) >= 2, shown[-1500:] + read_text(path))


def log_target(lab):
    with Site(lab, "LogTarget {home}/log/ferryd.log") as site:
        path = site.path("log", "ferryd.log")
        site.add_user("alice")
        site.refuses("alice", password="wrong")
        await_true(lambda: "alice" in read_text(path), "nothing in the file")
        os.rename(path, path + ".1")
        site.signal(signal.SIGUSR1)
        await_true(lambda: os.path.exists(path), "not opened again")
        site.refuses("alice", password="wrong")
        await_true(lambda: "alice" in read_text(path), "nothing in the new file")


def log_level(lab):
    with Site(lab, "LogLevel QUIET") as site:
        site.add_user("alice")
        site.refuses("alice", password="wrong")
        time.sleep(0.3)
        check("alice" not in site.log(), "QUIET still tells of logins")


def syslog_facility(lab):
    need_root(lab)
    if os.path.exists("/dev/log"):
        raise Skipped("/dev/log is somebody's")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as system:
        system.bind("/dev/log")
        try:
            os.chmod("/dev/log", 0o666)
            system.settimeout(10)
            with Site(lab, "LogTarget syslog\nSyslogFacility LOCAL3"):
                priority = int(re.match(rb"<(\d+)>", system.recv(4096)).group(1))
                check_equal(priority >> 3, 19, "facility")
        finally:
            os.unlink("/dev/log")


def audit_log(lab):
    with Site(lab) as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.put("file", b"x" * 1000)
        row = site.await_audit(lambda row: row.get("path") == "/file", "the upload")
        check("alice" in json.dumps(row) and "127.0.0.1" in json.dumps(row), str(row))
        site.command("audit", "verify", site.path("log", "audit.log"))
        lines = read(site.path("log", "audit.log")).replace(b"/file", b"/fill")
        write(site.path("log", "changed"), lines)
        site.own(site.home)
        site.command("audit", "verify", site.path("log", "changed"), statuses=(1,))


def event_program(lab):
    """One upload, one start, with JSON on standard input, as EventUser."""
    told = os.path.join(lab.folder(mode=0o777), "told")
    program = write(os.path.join(lab.root, lab.fresh("program")),
                    f"#!/bin/sh\n{{ id -un; cat; echo; }} >>{told}\n", 0o755)
    user = f"EventUser {EVENT_USER}\n" if lab.mode == "root" else ""
    with Site(lab, f"{user}Event upload {program}") as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.put("file", b"x" * 1000)
        await_true(lambda: '"/file"' in read_text(told), "the program was not started", 20)
        who, row = read_text(told).splitlines()[:2]
        check_equal(json.loads(row)["path"], "/file", "path")
        if lab.mode == "root":
            check_equal(who, EVENT_USER, "EventUser")


def event_timeout(lab):
    begun = os.path.join(lab.folder(mode=0o777), "begun")
    program = write(os.path.join(lab.root, lab.fresh("program")),
                    f"#!/bin/sh\necho $$ >>{begun}\nexec sleep 60\n", 0o755)
    user = f"EventUser {EVENT_USER}\n" if lab.mode == "root" else ""
    with Site(lab, f"{user}EventTimeout 1\nEvent login {program}") as site:
        site.add_user("alice")
        check(not site.refuses("alice", password=PASSWORD), "no login")
        await_true(lambda: read_text(begun), "the program was not started", 20)
        pid = int(read_text(begun).split()[0])
        await_true(lambda: not status_of(pid), "it was let run", 15)


def pre_auth_user(lab):
    need_root(lab)
    with Site(lab) as site, site.connect() as peer:
        greeting(peer)
        uid = str(ids_of(NET_USER)[0])
        uids = [status_of(pid).get("Uid", "").split() for pid in site.processes()]
        check([uid] * 4 in uids, f"nobody is {NET_USER}: {uids}")


def virtual_user(lab):
    need_root(lab)
    with Site(lab) as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.sftp.listdir("/")
            uid = str(ids_of(VIRTUAL_USER)[0])
            uids = [status_of(pid).get("Uid", "").split() for pid in site.processes()]
            check([uid] * 4 in uids, f"nobody is {VIRTUAL_USER}: {uids}")


def account_database(lab):
    with Site(lab, "AccountDatabase {home}/state/other.db") as site:
        site.add_user("alice")
        check(os.path.exists(site.path("state", "other.db")), "the database is elsewhere")
        check(not site.refuses("alice", password=PASSWORD), "no login")


def state_directory(lab):
    """Without HostKey the key is made there."""
    with Site(lab, is_started=False) as site:
        text = read_text(site.config_path)
        os.unlink(site.path("state", "ssh_host_ed25519_key"))
        write(site.config_path, re.sub(r"(?m)^HostKey .*\n", "", text), 0o644)
        site.own(site.home)
        site.start()
        made = site.path("state", "ssh_host_ed25519_key")
        check(os.path.exists(made), "no host key was made")
        check_equal(oct(os.stat(made).st_mode & 0o777), "0o600", "mode of the host key")


def control_socket(lab):
    with Site(lab) as site:
        path = site.path("run", "control")
        check_equal(oct(os.stat(path).st_mode & 0o777), "0o600", "mode of the socket")
        site.command("status", "-f", site.config_path)
    with Site(lab, "ControlSocket none") as site:
        check(not os.path.exists(site.path("run", "control")), "it is there in spite of none")


def drain_time(lab):
    with Site(lab, "DrainTime 1") as site:
        site.add_user("alice", key=lab.key)
        child = stopped_client(site)
        try:
            took = seconds_of(lambda: check_equal(site.stop(), 0, "exit status"))
            check(took < 8 * proc.slowness, f"it took {took:.1f} s")
        finally:
            os.killpg(child.pid, signal.SIGCONT)
            proc.end_group(child, 0.5)


def sandbox(lab):
    with Site(lab, "Sandbox require", ready=False) as site:
        try:
            site.await_notice("READY=1")
        except Exception:  # an old kernel, or a build without a filter
            check("andbox" in site.log(), site.log())
            return
        site.add_user("alice")
        check(not site.refuses("alice", password=PASSWORD), "no login")


OPTIONS = {
    **LOGIN_OPTIONS,
    "LoginGraceTime": login_grace_time, "MaxStartups": max_startups,
    "PerSourceMaxStartups": per_source_max_startups,
    "PerSourceNetBlockSize": per_source_net_block_size, "MaxConnections": max_connections,
    "PerSourcePenalties": per_source_penalties,
    "PerSourcePenaltyExemptList": per_source_penalty_exempt_list, "Port": port,
    "ListenAddress": listen_address, "AddressFamily": address_family,
    "TCPKeepAlive": tcp_keep_alive, "TrustedProxies": trusted_proxies, "HostKey": host_key,
    "HostCertificate": host_certificate, "Ciphers": ciphers, "MACs": macs,
    "KexAlgorithms": kex_algorithms, "Compression": compression, "Profile": profile,
    "VersionAddendum": version_addendum, "MaxSessions": max_sessions,
    "MaxAccountSessions": max_account_sessions, "ClientAliveInterval": client_alive,
    "ClientAliveCountMax": client_alive, "ChannelTimeout": channel_timeout,
    "UnusedConnectionTimeout": unused_connection_timeout, "RekeyLimit": rekey_limit,
    "ChrootDirectory": chroot_directory, "ForceCommand": force_command, "Subsystem": subsystem,
    "ReadOnly": read_only, "Umask": umask, "UploadRate": upload_rate,
    "DownloadRate": download_rate, "QuotaSize": quota_size, "QuotaFiles": quota_files,
    "Permissions": permissions, "RefuseNames": refuse_names, "AtomicUploads": atomic_uploads,
    "DurableUploads": durable_uploads, "PidFile": pid_file, "LogStyle": log_style,
    "LogStyle/fail2ban": fail2ban, "LogTarget": log_target, "LogLevel": log_level,
    "SyslogFacility": syslog_facility, "AuditLog": audit_log, "Event": event_program,
    "EventUser": event_program, "EventTimeout": event_timeout, "PreAuthUser": pre_auth_user,
    "VirtualUser": virtual_user, "AccountDatabase": account_database,
    "StateDirectory": state_directory, "ControlSocket": control_socket,
    "DrainTime": drain_time, "Sandbox": sandbox,
}


def every_option_has_a_test(lab):
    """Whatever -T prints stands in the table above."""
    with Site(lab, is_started=False) as site:
        shown = site.command("run", "-T", "-f", site.config_path).out
        words = {line.split()[0].lower() for line in shown.splitlines() if line.strip()}
        tested = {name.lower() for name in OPTIONS}
        check_equal(sorted(words - tested), [], "options without a test")


TESTS = (every_option_has_a_test,)
