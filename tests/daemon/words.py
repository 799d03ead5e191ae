"""Every option does something: each test here fails when its option is ignored
(threats F1). Options that other files need are tested there."""

import os
import signal

import kexinit
import proc
from access import keygen
from daemon import Ferryd, PASSWORD, await_true
from report import check, check_equal


def algorithm_options_change_the_offer(lab):
    for words, field, offered in (
            (["--kex", "curve25519-sha256"], "kex", {"curve25519-sha256"}),
            (["--ciphers", "aes256-gcm@openssh.com,aes128-ctr"], "cipher",
             {"aes256-gcm@openssh.com", "aes128-ctr"}),
            (["--macs", "-*-512*"], "mac", {"hmac-sha2-256-etm@openssh.com"}),
            (["--compression", "yes"], "compression", {"none", "zlib@openssh.com"}),
            ([], "compression", {"none"})):
        with Ferryd(lab, *words) as server:
            names = kexinit.offers(server.port)[field]
            names = {name for name in names if not name.startswith(("ext-info", "kex-strict"))}
            check_equal(names, offered, f"what {words} offers")


def first_in_the_list_is_put_first(lab):
    with Ferryd(lab, "--ciphers", "^aes128-ctr") as server:
        ciphers = kexinit.offers(server.port)["cipher"]
        check_equal(ciphers[0], "aes128-ctr", "first cipher")
        check(len(ciphers) > 3, "the others are gone")


def profiles_differ(lab):
    with Ferryd(lab) as server:
        plain = kexinit.offers(server.port)
    key = keygen(lab.folder(), "key", "-t", "ecdsa")
    with Ferryd(lab, "--profile", "compat") as server:
        compat = kexinit.offers(server.port)
    with Ferryd(lab, "--profile", "gov", "--host-key", key) as server:
        gov = kexinit.offers(server.port)
    check(set(plain["kex"]) < set(compat["kex"]), "compat adds no key exchange")
    check(not any("group" in name for name in plain["kex"]), "finite-field groups by default")
    check(not any("25519" in name for name in gov["kex"] + gov["hostkey"]), "25519 in gov")
    check(not any("chacha" in name for name in gov["cipher"]), "chacha20 in gov")
    for offer in (plain, compat, gov):
        for name in sum(offer.values(), []):
            check(not any(word in name for word in ("sha1", "-cbc", "md5", "dss", "arcfour")),
                  f"{name} is offered")


def host_key_algorithms_narrow_the_offer(lab):
    folder = lab.folder()
    key = os.path.join(folder, "rsa")
    proc.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", key])
    with Ferryd(lab, "--host-key", key, "--host-key-algorithms", "rsa-sha2-256") as server:
        check_equal(kexinit.offers(server.port)["hostkey"], ["rsa-sha2-256"], "host keys")


def pubkey_algorithms_narrow_logins(lab):
    mine = keygen(lab.folder(), "mine")
    for algorithms, status in (("rsa-sha2-512", 255), ("+rsa-sha2-512", 0)):
        with Ferryd(lab, "--authorized-keys", mine + ".pub", "--pubkey-algorithms",
                    algorithms) as server:
            result = server.sftp("ls", IdentityFile=mine, password="wrong", statuses=None)
            check_equal(result.status, status, f"status with {algorithms}")


def quiet_and_verbose_change_the_log(lab):
    logs = []
    for words in (["-q"], [], ["-v"]):
        with Ferryd(lab, *words) as server:
            server.sftp("ls")
        logs.append(server.err())
    check("Connection from" not in logs[0] and "Connection from" in logs[1], "-q did nothing")
    check("Client is" not in logs[1] and "Client is" in logs[2], "-v did nothing")
    check("opendir" not in logs[1] and "opendir" in logs[2], "-v shows no requests")


def trace_shows_messages_and_no_secret(lab):
    for words, env in ((["--trace", "wire,sftp"], {}), ([], {"FERRY_TRACE": "wire,sftp"})):
        with Ferryd(lab, *words, env=env) as server:
            server.sftp("ls", PreferredAuthentications="password")
            server.sftp("ls", PreferredAuthentications="keyboard-interactive")
        log = server.err()
        check("trace: <- USERAUTH_REQUEST" in log, "no trace")
        check(PASSWORD not in log, "the password is in the trace")


def keepalive_finds_a_client_that_hangs(lab):
    with Ferryd(lab, "--keepalive", "1") as server, server.session() as client:
        client.ask("pwd", "/")
        group = os.getpgid(client.child.pid)
        os.killpg(group, signal.SIGSTOP)
        try:
            await_true(lambda: not server.connections(), "it was kept", seconds=15)
        finally:
            os.killpg(group, signal.SIGCONT)


def login_grace_ends_a_login_that_waits(lab):
    with Ferryd(lab, "--login-grace", "1") as server, server.connect() as peer:
        peer.sendall(b"SSH-2.0-Waiting\r\n")
        await_true(lambda: "Connection closed by 127.0.0.1" in server.err(), "it was kept",
                   seconds=10)
        peer.settimeout(5 * proc.slowness)
        while peer.recv(4096):
            pass  # until it has ended for the peer as well


TESTS = (
    algorithm_options_change_the_offer, first_in_the_list_is_put_first, profiles_differ,
    host_key_algorithms_narrow_the_offer, pubkey_algorithms_narrow_logins,
    quiet_and_verbose_change_the_log, trace_shows_messages_and_no_secret,
    keepalive_finds_a_client_that_hangs, login_grace_ends_a_login_that_waits,
)
