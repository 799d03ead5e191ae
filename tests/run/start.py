"""Starting, checking a configuration, and what is refused before anything listens."""

import os
import re
import shutil
import socket

from ferryd_run import (ALICE, NET_USER, PASSWORD, VIRTUAL_USER, Site, need_root, read_text,
                        write)
from report import check, check_equal

HERE = os.path.dirname(os.path.abspath(__file__))


def check_config(site, text, statuses=(0,)):
    """`ferryd run -t` on a configuration of these lines: what it says."""
    path = write(site.path("tried.conf"), text, 0o644)
    site.own(path)
    words = ("-o", f"StateDirectory {site.path('state')}")
    if site.is_root:
        words += ("-o", f"PreAuthUser {NET_USER}", "-o", f"VirtualUser {VIRTUAL_USER}")
    result = site.command("run", "-t", "-f", path, *words, statuses=statuses)
    return result.out + result.err


def idle(lab):
    """A site whose daemon is not needed."""
    site = Site(lab)
    site.notices = None
    return site


def unknown_words_are_named_with_line_and_neighbour(lab):
    said = check_config(idle(lab), "Port 2022\n\nPasswordAuthentification no\n", (1, 2))
    check("tried.conf:3" in said and "PasswordAuthentication" in said, said)


def promises_of_other_things_are_refused(lab):
    site = idle(lab)
    for line in ("X11Forwarding yes", "PermitTTY yes", "AllowTcpForwarding yes",
                 "ForceCommand /bin/sh", "Subsystem netconf /bin/netconf",
                 "PermitEmptyPasswords yes", "Ciphers aes128-cbc", "Port 70000",
                 "MaxAuthTries many", "Umask 999", "LoginGraceTime -1"):
        said = check_config(site, f"# one\n{line}\n", (1, 2))
        check("tried.conf:2" in said, f"{line}: {said!r}")


def sshd_config_for_sftp_works_unchanged(lab):
    """The file of an SFTP-only sshd, as its manual and its packages have it."""
    text = """
        Include /etc/ferry/none-such-*.conf
        Port 2222
        AddressFamily any
        ListenAddress 0.0.0.0
        HostKey {key}
        SyslogFacility AUTHPRIV
        LogLevel VERBOSE
        LoginGraceTime 2m
        PermitRootLogin no
        StrictModes yes
        MaxAuthTries 4
        MaxSessions 10
        PubkeyAuthentication yes
        AuthorizedKeysFile .ssh/authorized_keys
        HostbasedAuthentication no
        IgnoreRhosts yes
        PasswordAuthentication no
        PermitEmptyPasswords no
        KbdInteractiveAuthentication no
        KerberosAuthentication no
        GSSAPIAuthentication no
        UsePAM no
        AllowAgentForwarding no
        AllowTcpForwarding no
        X11Forwarding no
        PrintMotd no
        TCPKeepAlive yes
        PermitUserEnvironment no
        Compression delayed
        ClientAliveInterval 300
        ClientAliveCountMax 2
        UseDNS no
        MaxStartups 10:30:100
        PermitTunnel no
        ChrootDirectory none
        VersionAddendum none
        Banner none
        AcceptEnv LANG LC_*
        Subsystem sftp internal-sftp
        AllowGroups sftponly
        Match Group sftponly
            ChrootDirectory /srv/sftp/%u
            ForceCommand internal-sftp -u 0027
            AllowTcpForwarding no
            X11Forwarding no
            PermitTTY no
        """
    site = idle(lab)
    key = site.path("state", "ssh_host_ed25519_key")
    check_config(site, text.replace("{key}", key))


def sample_configuration_is_right(lab):
    """What the package installs, with the users of this run in place of the package's."""
    site = idle(lab)
    text = read_text(os.path.join(HERE, "..", "..", "packaging", "ferryd.conf"))
    check(text, "there is no packaging/ferryd.conf")
    # The directories and users that the package makes.
    text = text.replace("/var/log/ferry/", site.path("log") + "/")
    check_config(site, text)
    # What it suggests must be right, too.
    lines = [line[1:] if re.match(r"#[A-Z]\w+ ", line) else line for line in text.split("\n")
             if not re.match(r"#(HostKey|ListenAddress|Event|EventUser|    )", line)]
    check_config(site, "\n".join(line for line in lines if not line.startswith("Match")))


def effective_values_read_back_as_a_configuration(lab):
    site = idle(lab)
    first = site.command("run", "-T", "-f", site.config_path).out
    path = write(site.path("again.conf"), first, 0o644)
    site.own(path)
    check_equal(site.command("run", "-T", "-f", path).out, first, "-T of -T")


def options_on_the_command_line_come_first(lab):
    site = idle(lab)
    shown = site.command("run", "-T", "-f", site.config_path, "-o", "MaxAuthTries 3").out.lower()
    check("maxauthtries 3" in shown, shown)


def included_files_count(lab):
    site = idle(lab)
    os.mkdir(site.path("conf.d"))
    write(site.path("conf.d", "10.conf"), "MaxAuthTries 2\n", 0o644)
    write(site.path("conf.d", "20.conf"), "MaxAuthTries 5\n", 0o644)
    text = read_text(site.config_path)
    write(site.config_path, f"Include {site.home}/conf.d/*.conf\n" + text, 0o644)
    site.own(site.home)
    shown = site.command("run", "-T", "-f", site.config_path).out.lower()
    check("maxauthtries 2" in shown, shown)


def refuses_to_start(site, words):
    site.ready = False
    with site:
        check(site.child.wait(20) != 0, f"it started: {words}")
        check(any(word in site.log() for word in words), site.log())


def host_keys_that_others_can_read_are_refused(lab):
    site = Site(lab)
    os.chmod(site.path("state", "ssh_host_ed25519_key"), 0o644)
    refuses_to_start(site, ("ssh_host_ed25519_key",))


def configuration_that_others_can_write_is_refused(lab):
    site = Site(lab)
    os.chmod(site.config_path, 0o666)
    refuses_to_start(site, ("ferryd.conf",))


def port_in_use_is_told(lab):
    site = Site(lab)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", site.port))
        taken.listen()
        refuses_to_start(site, ("ddress already in use", str(site.port)))


def second_daemon_on_the_same_state_is_told_or_harmless(lab):
    """Two daemons never share a control socket unawares."""
    with Site(lab) as site:
        before = os.stat(site.path("run", "control")).st_ino
        other = Site(lab)
        shutil.copy(site.config_path, other.config_path)
        text = read_text(site.config_path).replace(str(site.port), str(other.port))
        write(other.config_path, text, 0o644)
        other.own(other.config_path)
        refuses_to_start(other, ("control", "running"))
        check_equal(os.stat(site.path("run", "control")).st_ino, before, "the control socket")
        site.command("status", "-f", site.config_path)


def hostile_environment_changes_nothing(lab):
    with Site(lab, is_started=False) as site:
        environment = site.environment()
        hostile = {"OPENSSL_CONF": "/nonexistent", "SSLKEYLOGFILE": site.path("keylog"),
                   "LD_BIND_NOW": "1", "MALLOC_CHECK_": "3", "IFS": "x", "PATH": "/nonexistent",
                   "TMPDIR": "/nonexistent", "SQLITE_TMPDIR": "/nonexistent",
                   "LISTEN_FDS": "3", "LISTEN_PID": "1"}
        site.environment = lambda: {**environment, **hostile}
        site.start()
        site.environment = lambda: environment
        site.add_user("alice")
        check(not site.refuses("alice", password=PASSWORD), "no login")
        check(not os.path.exists(site.path("keylog")), "session keys were written")


def steward_and_listener_load_no_library_too_many(lab):
    """S7: what meets peers links libc, libcrypto, zlib and libseccomp, and nothing else."""
    # pylint: disable=import-outside-toplevel
    import proc
    shown = proc.run(["ldd", lab.ferryd]).out
    is_sanitized = proc.is_sanitized(lab.ferryd)
    names = {re.match(r"\s*(?:\S*/)?([\w+-]+)\.so", line).group(1)
             for line in shown.splitlines() if ".so" in line}
    allowed = {"libc", "libcrypto", "libz", "libseccomp", "linux-vdso", "ld-linux-x86-64",
               "libasan", "libubsan", "libm", "libgcc_s", "libstdc++", "libresolv", "libdl",
               "libpthread", "librt"} if is_sanitized else \
        {"libc", "libcrypto", "libz", "libseccomp", "linux-vdso", "ld-linux-x86-64"}
    check_equal(sorted(names - allowed), [], "libraries of ferryd")


def unprivileged_daemon_refuses_system_accounts(lab):
    if lab.mode == "root":
        return
    site = Site(lab, accounts="system virtual")
    site.ready = False
    with site:
        try:
            site.await_notice("READY=1")
        except Exception:  # it may refuse to start ...
            check("ccounts" in site.log(), site.log())
            return
        check(site.refuses(ALICE, password=PASSWORD), "a system account logged in")  # ... or them


def root_daemon_without_its_users_refuses_to_start(lab):
    need_root(lab)
    site = Site(lab)
    text = read_text(site.config_path)
    write(site.config_path, "PreAuthUser ferrytest-nobody-has-this-name\n" + text, 0o644)
    refuses_to_start(site, ("ferrytest-nobody-has-this-name", "PreAuthUser"))


TESTS = (
    unknown_words_are_named_with_line_and_neighbour, promises_of_other_things_are_refused,
    sshd_config_for_sftp_works_unchanged, sample_configuration_is_right,
    effective_values_read_back_as_a_configuration, options_on_the_command_line_come_first,
    included_files_count, host_keys_that_others_can_read_are_refused,
    configuration_that_others_can_write_is_refused, port_in_use_is_told,
    second_daemon_on_the_same_state_is_told_or_harmless, hostile_environment_changes_nothing,
    steward_and_listener_load_no_library_too_many, unprivileged_daemon_refuses_system_accounts,
    root_daemon_without_its_users_refuses_to_start,
)
