"""Who gets in, and what they can do there."""

import os
import statistics
import subprocess
import time

import proc
from daemon import Ferryd, PASSWORD, children_of
from report import Skipped, check, check_equal


def keygen(folder, name, *words):
    path = os.path.join(folder, name)
    proc.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, *words])
    return path


def password_logs_in_by_both_methods(lab):
    with Ferryd(lab) as server:
        for method in ("password", "keyboard-interactive"):
            server.sftp("ls", PreferredAuthentications=method)
            server.await_err(f"Accepted {method} for guest from 127.0.0.1 port")


def wrong_passwords_are_counted_and_end_the_connection(lab):
    with Ferryd(lab, "--max-auth-tries", "3") as server:
        result = server.sftp("ls", password="wrong", statuses=(255,),
                             NumberOfPasswordPrompts="9", LogLevel="INFO",
                             PreferredAuthentications="password")
        check("too many authentication failures" in result.err.lower(), result.err)
        check_equal(server.err().count("Failed password for guest from 127.0.0.1"), 3,
                    "failures in the log")


def unknown_user_meets_the_same_replies(lab):
    with Ferryd(lab) as server:
        told = []
        for user in ("guest", "nobody-here"):
            result = server.sftp("ls", user=user, password="wrong", statuses=(255,),
                                 NumberOfPasswordPrompts="2", LogLevel="DEBUG1")
            told.append([line for line in result.err.splitlines()
                         if "can continue" in line or "Permission denied" in line])
        told[1] = [line.replace("nobody-here", "guest") for line in told[1]]
        check_equal(told[1], told[0], "what the client saw")
        check("Failed keyboard-interactive for invalid user nobody-here" in server.err(),
              "the log has no line for it")


def unknown_user_takes_the_same_time(lab):
    try:
        import paramiko  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise Skipped("python3-paramiko is not installed") from None
    with Ferryd(lab, "--max-auth-tries", "100") as server:
        times = {"guest": [], "stranger": []}
        for user, seen in times.items():
            # A connection a user: changing the user within one ends it.
            transport = paramiko.Transport(server.connect())
            transport.start_client(timeout=20)
            for _ in range(25):
                begin = time.monotonic()
                try:
                    transport.auth_password(user, "wrong", fallback=False)
                except paramiko.AuthenticationException:
                    seen.append(time.monotonic() - begin)
            transport.close()
        known, unknown = (statistics.median(seen) for seen in times.values())
        check(abs(known - unknown) < 0.003 * proc.slowness,
              f"medians {known * 1000:.2f} and {unknown * 1000:.2f} ms")


def key_logs_in_and_another_does_not(lab):
    folder = lab.folder()
    mine, other = keygen(folder, "mine"), keygen(folder, "other")
    with Ferryd(lab, "--authorized-keys", mine + ".pub", password=None) as server:
        check("login by   publickey\n" in server.out, server.out)
        server.sftp("ls", IdentityFile=mine)
        print_of_key = proc.run(["ssh-keygen", "-lf", mine]).out.split()[1]
        server.await_err(f"ssh2: ED25519 {print_of_key}")
        server.sftp("ls", IdentityFile=other, statuses=(255,))
        server.sftp("ls", password=PASSWORD, statuses=(255,))


def options_of_authorized_keys_bite(lab):
    folder = lab.folder()
    mine, other = keygen(folder, "mine"), keygen(folder, "other")
    with open(mine + ".pub", encoding="ascii") as public:
        key = public.read()
    with open(other + ".pub", encoding="ascii") as public:
        second = public.read()
    for option, status in (('from="192.0.2.1"', 255), ('from="127.0.0.0/8"', 0),
                           ('expiry-time="20200101"', 255), ('command="/bin/date"', 255),
                           ('command="internal-sftp"', 0), ("restrict", 0), ("nonsense", 255)):
        path = os.path.join(folder, "keys")
        with open(path, "w", encoding="ascii") as out:
            out.write(f"{option} {key}{second}")
        os.chmod(path, 0o600)
        with Ferryd(lab, "--authorized-keys", path) as server:
            result = server.sftp("ls", IdentityFile=mine, password="wrong", statuses=None)
            check_equal(result.status, status, f"status with {option}")


def certificate_logs_in_for_its_principal_only(lab):
    folder = lab.folder()
    authority, mine = keygen(folder, "ca"), keygen(folder, "mine")
    with open(authority + ".pub", encoding="ascii") as public, \
            open(os.path.join(folder, "keys"), "w", encoding="ascii") as out:
        out.write("cert-authority " + public.read())
    os.chmod(os.path.join(folder, "keys"), 0o600)
    with Ferryd(lab, "--authorized-keys", os.path.join(folder, "keys")) as server:
        for principals, validity, status in (("guest", "+1h", 0), ("root", "+1h", 255),
                                             ("guest,root", "+1h", 0),
                                             ("guest", "20200101:20200102", 255)):
            proc.run(["ssh-keygen", "-q", "-s", authority, "-I", "id", "-n", principals,
                      "-V", validity, mine + ".pub"])
            result = server.sftp("ls", IdentityFile=mine, password="wrong", statuses=None,
                                 CertificateFile=mine + "-cert.pub")
            check_equal(result.status, status, f"status for {principals} {validity}")


def only_sftp_is_served(lab):
    with Ferryd(lab) as server:
        options, env = server.ssh_options()
        server.put("file")

        def ssh(*words):
            return proc.run(["ssh", *options, "-p", server.port, *words], env=env,
                            statuses=None, seconds=20)

        for words in (["guest@127.0.0.1", "id"], ["guest@127.0.0.1", "scp -f /file"],
                      ["guest@127.0.0.1", "sftp-server; id"], ["guest@127.0.0.1"],
                      ["-s", "guest@127.0.0.1", "netconf"],
                      ["-W", "127.0.0.1:22", "guest@127.0.0.1"]):
            result = ssh(*words)
            check(result.status != 0 and "uid=" not in result.out, f"{words}: {result.out}")
        result = proc.run(["scp", "-O", *options, "-P", server.port,
                           "guest@127.0.0.1:/file", os.path.join(server.home, "got")],
                          env=env, statuses=None)
        check(result.status != 0, "scp -O worked")
        server.await_err('refused exec "scp -f /file"')
        proc.run(["scp", *options, "-P", server.port, "guest@127.0.0.1:/file",
                  os.path.join(server.home, "got")], env=env)


def remote_forwarding_is_refused(lab):
    with Ferryd(lab) as server:
        options, env = server.ssh_options(ExitOnForwardFailure="yes")
        result = proc.run(["ssh", *options, "-p", server.port, "-N", "-R",
                           f"{proc.free_port()}:127.0.0.1:1", "guest@127.0.0.1"], env=env,
                          statuses=None, seconds=20)
        check(result.status == 255, f"status {result.status}")


def read_only_share_stays_as_it_is(lab):
    with Ferryd(lab, "--read-only") as server:
        server.put("file")
        os.mkdir(server.path("dir"))
        before = listing(server.share)
        upload = os.path.join(server.home, "upload")
        with open(upload, "wb") as out:
            out.write(b"new")
        server.sftp("get file got")
        for command in (f"put {upload} new", f"put {upload} file", "rm file", "mkdir d",
                        "rmdir dir", "rename file other", "chmod 777 file", "ln file hard",
                        "ln -s file soft", f"put -p {upload} dir/x", "copy file copied"):
            result = server.sftp(command, statuses=None)
            check(result.status != 0, f"{command} succeeded")
        check_equal(listing(server.share), before, "the tree")


def listing(root):
    found = []
    for folder, names, files in os.walk(root):
        for name in names + files:
            facts = os.lstat(os.path.join(folder, name))
            found.append((os.path.join(folder, name), facts.st_mode, facts.st_size,
                          facts.st_mtime_ns, facts.st_ino))
    return sorted(found)


def nothing_outside_the_share_can_be_reached(lab):
    outside = os.path.join(lab.folder(), "secret")
    with open(outside, "w", encoding="ascii") as out:
        out.write("top secret")
    with Ferryd(lab) as server:
        upload = server.put("upload", b"evil")
        up = "../" * 12
        os.symlink(outside, server.path("absolute"))
        os.symlink(up + outside.lstrip("/"), server.path("relative"))
        os.symlink(os.path.dirname(outside), server.path("dir"))
        os.symlink("/proc/self/root", server.path("magic"))
        names = [outside, up + outside, "absolute", "relative", "dir/secret", "dir",
                 "magic" + outside, "/proc/self/mem", "/proc/1/root" + outside,
                 "./../../" + outside]
        for name in names:
            for command in (f"get {name} got", f"put {upload} {name}", f"chmod 777 {name}",
                            f"rename upload {name}/moved", f"ls -l {name}/"):
                server.sftp("-" + command)
        got = os.path.join(server.home, "got")
        if os.path.exists(got):
            with open(got, encoding="latin-1") as text:
                check("top secret" not in text.read(), "the secret was read")
        with open(outside, encoding="ascii") as text:
            check_equal(text.read(), "top secret", "the file outside")
        check_equal(os.stat(outside).st_mode & 0o777, 0o644, "its mode")


def links_made_by_a_client_lead_nowhere(lab):
    with Ferryd(lab) as server:
        server.sftp("-ln -s / root\n-ln -s ../../../../etc up\n-get root/etc/passwd got1\n"
                    "-get up/passwd got2\n-ls root\n-cd root")
        for name in ("got1", "got2"):
            check(not os.path.exists(os.path.join(server.home, name)), f"{name} was fetched")


def own_files_inside_the_share_are_out_of_reach(lab):
    home = lab.folder()
    state = os.path.join(home, ".local", "state", "ferry")
    with Ferryd(lab, password=None, share=home,
                env={"HOME": home, "XDG_STATE_HOME": ""}) as server:
        check("kept back  .local/state/ferry" in server.out, server.out)
        password = [line.split()[1] for line in server.out.splitlines() if "password" in line][0]
        key = os.path.join(state, "ssh_host_ed25519_key")
        before = open(key, "rb").read()
        upload = server.put("upload", b"evil")
        os.symlink(state, os.path.join(home, "door"))
        os.symlink(".local/state/ferry/ssh_host_ed25519_key", os.path.join(home, "window"))
        inside = ".local/state/ferry/ssh_host_ed25519_key"
        for command in (f"get {inside} got", "get door/ssh_host_ed25519_key got",
                        "get window got", f"put {upload} {inside}", f"put {upload} window",
                        f"rm {inside}", f"rename {inside} taken", "rename .local elsewhere",
                        "rename .local/state elsewhere", f"ln {inside} hard",
                        "ls .local/state/ferry", f"chmod 644 {inside}",
                        f"rename upload {inside}", f"put {upload} .local/state/ferry/new",
                        "mkdir .local/state/ferry/d", f"copy {inside} copied"):
            result = server.sftp(command, password=password, statuses=None)
            check(result.status != 0, f"{command} succeeded")
        server.sftp(f"ls .local/state\nput {upload} fine\nrm fine", password=password)
        check(not os.path.exists(os.path.join(server.home, "got")), "the key was read")
        check_equal(open(key, "rb").read(), before, "the key")
        check_equal(os.listdir(state), ["ssh_host_ed25519_key"], "the state directory")


def sharing_the_state_directory_is_refused(lab):
    home = lab.folder()
    state = os.path.join(home, "state", "ferry")
    for share in (state, os.path.join(state, "sub")):
        with Ferryd(lab, share=share, env={"XDG_STATE_HOME": os.path.join(home, "state")},
                    ready=False) as refused:
            check_equal(refused.wait(), 1, f"exit status for {share}")
            check("share another directory" in refused.err(), refused.err())


def several_sessions_on_one_connection(lab):
    with Ferryd(lab) as server:
        server.put("file", b"x" * 100000)
        # A socket's name must be short.
        control = os.path.join("/tmp", f"ferry-mux-{os.getpid()}-{server.port}")
        options, env = server.ssh_options(ControlPath=control)
        # pylint: disable=consider-using-with
        master = subprocess.Popen(["ssh", *options, "-M", "-N", "-p", str(server.port),
                                   "guest@127.0.0.1"], env=env, stdin=subprocess.DEVNULL,
                                  start_new_session=True)
        try:
            deadline = time.monotonic() + 20 * proc.slowness
            while not os.path.exists(control) and time.monotonic() < deadline:
                time.sleep(0.05)
            sessions = [server.session(ControlPath=control) for _ in range(5)]
            try:
                for i, client in enumerate(sessions):
                    client.ask(f"get file many{i}", "Fetching")
                for client in sessions:
                    client.ask("pwd", "Remote working directory: /")
                check_equal(len(server.connections()), 1, "processes of connections")
                for i in range(5):
                    check_equal(os.path.getsize(os.path.join(server.home, f"many{i}")), 100000,
                                "size")
            finally:
                for client in sessions:
                    client.__exit__()
        finally:
            proc.end_group(master)


def rekeying_in_the_middle_loses_nothing(lab):
    with Ferryd(lab, "--rekey-limit", "1M") as server:
        content = os.urandom(20 << 20)
        server.put("big", content)
        server.sftp("get big got\nput got back")
        with open(server.path("back"), "rb") as back:
            check(back.read() == content, "the octets differ")


def compression_is_offered_when_asked_for(lab):
    with Ferryd(lab, "--compression", "yes") as server:
        server.put("zeros", bytes(5 << 20))
        result = server.sftp("get zeros got\nput got back", LogLevel="DEBUG1", words=("-C",))
        check("compression: zlib@openssh.com" in result.err, "not negotiated")
        check_equal(os.path.getsize(server.path("back")), 5 << 20, "size")


def host_keys_of_every_type_are_served(lab):
    folder = lab.folder()
    keys = []
    for kind, words in (("rsa", ["-b", "3072"]), ("ecdsa", ["-b", "256"]),
                        ("ecdsa", ["-b", "521"]), ("ed25519", [])):
        path = os.path.join(folder, f"{kind}{len(keys)}")
        proc.run(["ssh-keygen", "-q", "-t", kind, *words, "-N", "", "-f", path])
        keys += ["--host-key", path]
    with Ferryd(lab, "--profile", "compat", *keys) as server:
        for name in ("rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256",
                     "ecdsa-sha2-nistp521", "ssh-ed25519"):
            server.sftp("ls", HostKeyAlgorithms=name,
                        UserKnownHostsFile=os.path.join(server.home, f"known-{name}"))


def killing_one_connection_leaves_the_others(lab):
    with Ferryd(lab) as server, server.session() as one:
        one.ask("pwd", "/")
        (victim,) = server.sessions()
        with server.session() as two:
            two.ask("pwd", "/")
            os.kill(victim, 9)
            server.await_err(f"process {victim} of the connection from 127.0.0.1 was ended "
                             "by signal 9")
            two.ask("ls -l", "sftp>")
            two.ask("pwd", "Remote working directory: /")
        server.sftp("ls")
        check({server.monitor(), server.spawner()} == set(children_of(server.child.pid)),
              "the monitor or the spawner is gone")


TESTS = (
    password_logs_in_by_both_methods, wrong_passwords_are_counted_and_end_the_connection,
    unknown_user_meets_the_same_replies, unknown_user_takes_the_same_time,
    key_logs_in_and_another_does_not, options_of_authorized_keys_bite,
    certificate_logs_in_for_its_principal_only, only_sftp_is_served,
    remote_forwarding_is_refused, read_only_share_stays_as_it_is,
    nothing_outside_the_share_can_be_reached, links_made_by_a_client_lead_nowhere,
    own_files_inside_the_share_are_out_of_reach, sharing_the_state_directory_is_refused,
    several_sessions_on_one_connection, rekeying_in_the_middle_loses_nothing,
    compression_is_offered_when_asked_for, host_keys_of_every_type_are_served,
    killing_one_connection_leaves_the_others,
)
