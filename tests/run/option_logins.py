"""Every option about who may log in, and how, bites: one function an option, which
fails when the option is ignored (threats F1). See also options.py."""

import os
import shutil
import time

import paramiko

from ferryd_run import ALICE, BOB, GROUP, PASSWORD, Site, need_root, read_text, write
from kexinit import offers
from logins import lets_in
from report import check, check_equal


def outcomes(site, *users, **more):
    """Which of these users are let in."""
    return [user for user in users if not site.refuses(user, password=PASSWORD, **more)]


def with_two(site):
    site.add_user("alice", key=site.lab.key)
    site.add_user("bob", key=site.lab.key)


def allow_users(lab):
    with Site(lab, "AllowUsers al*") as site:
        with_two(site)
        check_equal(outcomes(site, "alice", "bob"), ["alice"], "let in")


def deny_users(lab):
    with Site(lab, "DenyUsers bob") as site:
        with_two(site)
        check_equal(outcomes(site, "alice", "bob"), ["alice"], "let in")


def allow_groups(lab):
    need_root(lab)
    with Site(lab, f"AllowGroups {GROUP}", accounts="system") as site:
        check_equal(outcomes(site, ALICE, BOB), [ALICE], "let in")


def deny_groups(lab):
    need_root(lab)
    with Site(lab, f"DenyGroups {GROUP}", accounts="system") as site:
        check_equal(outcomes(site, ALICE, BOB), [BOB], "let in")


def permit_root_login(lab):
    need_root(lab)
    keys = write(os.path.join(lab.root, "root-keys"), read_text(lab.key + ".pub"), 0o644)
    for word, is_in in (("no", False), ("prohibit-password", True), ("yes", True)):
        config = f"PermitRootLogin {word}\nAuthorizedKeysFile {keys}"
        with Site(lab, config, accounts="system") as site:
            check_equal(not site.refuses("root", key=lab.key), is_in, f"let in with {word}")


def authentication_methods(lab):
    with Site(lab, "AuthenticationMethods publickey") as site:
        with_two(site)
        check(site.refuses("alice", password=PASSWORD), "a password did")
        check(not site.refuses("alice", key=lab.key), "the key did not")


def password_authentication(lab):
    with Site(lab, "PasswordAuthentication no") as site:
        with_two(site)
        check(site.refuses("alice", password=PASSWORD), "a password did")
        check(not site.refuses("alice", key=lab.key), "the key did not")


def pubkey_authentication(lab):
    with Site(lab, "PubkeyAuthentication no") as site:
        with_two(site)
        check(site.refuses("alice", key=lab.key), "a key did")
        check(not site.refuses("alice", password=PASSWORD), "the password did not")


def kbd_interactive_authentication(lab):
    with Site(lab, "KbdInteractiveAuthentication no") as site:
        with_two(site)
        check(site.refuses("alice", answers=[PASSWORD]), "an answer did")
        check(not site.refuses("alice", password=PASSWORD), "the password did not")


def permit_empty_passwords(lab):
    with Site(lab, "PermitEmptyPasswords yes", ready=False) as site:
        check(site.child.wait(20) != 0, "it started with empty passwords permitted")
        check("PermitEmptyPasswords" in site.log(), site.log())


def max_auth_tries(lab):
    for limit in (1, 3):
        with Site(lab, f"MaxAuthTries {limit}") as site:
            site.add_user("alice")
            check_equal(count_tries(site), limit, "failures that were answered")


def count_tries(site):
    transport = paramiko.Transport(site.connect())
    try:
        transport.start_client(timeout=20)
        for count in range(1, 20):
            try:
                transport.auth_password("alice", "wrong", fallback=False)
            except paramiko.SSHException:  # also AuthenticationException
                if not wait_alive(transport):
                    return count
        return 20
    finally:
        transport.close()


def wait_alive(transport):
    """Whether it is still there after a moment."""
    deadline = time.monotonic() + 0.5
    while transport.is_active() and time.monotonic() < deadline:
        time.sleep(0.02)
    return transport.is_active()


def banner(lab):
    with Site(lab, "Banner {home}/state/banner", is_started=False) as site:
        write(site.path("state", "banner"), "Trespassers will be logged.\n", 0o644)
        site.own(site.home)
        site.start()
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            check_equal(client.transport.get_banner(), b"Trespassers will be logged.\n", "banner")


def authorized_keys_file(lab):
    need_root(lab)
    keys = lab.folder()
    write(os.path.join(keys, ALICE), read_text(lab.key + ".pub"), 0o644)
    with Site(lab, f"AuthorizedKeysFile {keys}/%u", accounts="system") as site:
        check(not site.refuses(ALICE, key=lab.key), "the key there was not found")
        check(site.refuses(BOB, key=lab.key), "it is somebody else's, too")


def authorized_keys_command(lab):
    need_root(lab)
    program = write(os.path.join(lab.root, lab.fresh("find-keys")),
                    f"#!/bin/sh\n[ \"$1\" = {BOB} ] && cat {lab.key}.pub\n"
                    f"id -un >{lab.root}/find-keys-ran-as\n", 0o755)
    shown = os.path.join(lab.root, "find-keys-ran-as")
    write(shown, "", 0o666)
    config = f"AuthorizedKeysCommand {program} %u\nAuthorizedKeysCommandUser {ALICE}"
    with Site(lab, config, accounts="system") as site:
        check(not site.refuses(BOB, key=lab.key), "the key that it printed was not taken")
        check(site.refuses(BOB, key=lab.other_key), "another key was taken")
        check_equal(read_text(shown).strip(), ALICE, "AuthorizedKeysCommandUser")


def authorized_principals_file(lab):
    need_root(lab)
    ca = lab.make_key("ca")
    folder = lab.folder(lab.fresh("principals"), 0o755)
    write(os.path.join(folder, ALICE), "deploy\n", 0o644)
    trusted = os.path.join(folder, "ca")
    shutil.copy(ca + ".pub", trusted)
    os.chmod(trusted, 0o644)
    config = f"""TrustedUserCAKeys {trusted}
        AuthorizedKeysFile none
        AuthorizedPrincipalsFile {folder}/%u"""
    with Site(lab, config, accounts="system") as site:
        deploy = lab.make_certificate(ca, "deploy", "-n", "deploy")
        own_name = lab.make_certificate(ca, "name", "-n", ALICE)
        check(lets_in(site, ALICE, deploy), "the principal of the file was refused")
        check(not lets_in(site, ALICE, own_name), "her name did, though the file lacks it")


def ca_signature_algorithms(lab):
    ca = lab.make_key("ca")
    trusted = write(os.path.join(lab.root, lab.fresh("trusted")), read_text(ca + ".pub"), 0o644)
    certificate = lab.make_certificate(ca, "c", "-n", "alice")
    for line, is_in in (("", True), ("CASignatureAlgorithms rsa-sha2-512", False)):
        with Site(lab, f"TrustedUserCAKeys {trusted}\n{line}") as site:
            site.own(site.home)
            site.add_user("alice", password=None)
            check_equal(lets_in(site, "alice", certificate), is_in, f"let in with {line!r}")


def pubkey_accepted_algorithms(lab):
    with Site(lab, "PubkeyAcceptedAlgorithms rsa-sha2-512,rsa-sha2-256") as site:
        rsa = lab.make_key("rsa", "rsa", "-b", "3072")
        site.add_user("alice", key=lab.key)
        site.user("key add", "alice", stdin=read_text(rsa + ".pub"))
        check_equal(site.sftp("ls", "alice", key=lab.key, statuses=None).status == 0, False,
                    "let in with Ed25519")
        site.sftp("ls", "alice", key=rsa)


def required_rsa_size(lab):
    rsa = lab.make_key("rsa", "rsa", "-b", "2048")
    for bits, is_in in ((2048, True), (3072, False)):
        with Site(lab, f"RequiredRSASize {bits}") as site:
            site.add_user("alice", password=None, key=rsa)
            check_equal(site.sftp("ls", "alice", key=rsa, statuses=None).status == 0, is_in,
                        f"2,048 bits let in with {bits}")


def match(lab, criterion, is_in, is_out, users=("alice",)):
    """PasswordAuthentication is off in a block that applies to is_out, not to is_in."""
    with Site(lab, f"Match {criterion}\nPasswordAuthentication no") as site:
        for user in users:
            site.add_user(user)
        check(not site.refuses(**is_in), f"{is_in} was refused by Match {criterion}")
        check(site.refuses(**is_out), f"{is_out} was let in in spite of Match {criterion}")


def match_user(lab):
    match(lab, "User bob", {"user": "alice", "password": PASSWORD},
          {"user": "bob", "password": PASSWORD}, users=("alice", "bob"))


def match_address(lab):
    match(lab, "Address 127.0.0.8/29",
          {"user": "alice", "password": PASSWORD, "source": "127.0.0.1"},
          {"user": "alice", "password": PASSWORD, "source": "127.0.0.9"})


def match_group(lab):
    need_root(lab)
    with Site(lab, f"Match Group {GROUP}\nPasswordAuthentication no", accounts="system") as site:
        check_equal(outcomes(site, ALICE, BOB), [BOB], "let in")


def match_local_port(lab):
    import proc  # pylint: disable=import-outside-toplevel
    second = proc.free_port()
    config = f"Port {second}\nMatch LocalPort {second}\nPasswordAuthentication no"
    with Site(lab, config) as site:
        site.add_user("alice")
        check(not site.refuses("alice", password=PASSWORD), "refused on the first port")
        site.port = second
        check(site.refuses("alice", password=PASSWORD), "let in on the second port")


def accounts(lab):
    with Site(lab, accounts="virtual") as site:
        site.add_user("alice")
        check(not site.refuses("alice", password=PASSWORD), "a virtual account was refused")
    need_root(lab)
    with Site(lab, accounts="system") as site:
        site.add_user("alice")
        check(site.refuses("alice", password=PASSWORD), "a virtual account was let in")


def use_pam(lab):
    """With a service that denies everybody nobody comes in, with one that permits, all."""
    need_root(lab)
    service = "/etc/pam.d/ferrytest"
    with Site(lab, "UsePAM yes\nPAMServiceName ferrytest", accounts="system") as site:
        try:
            for module, is_in in (("pam_deny.so", False), ("pam_permit.so", True)):
                write(service, f"auth required {module}\naccount required {module}\n", 0o644)
                check_equal(not site.refuses(ALICE, password="anything"), is_in,
                            f"let in with {module}")
        finally:
            os.unlink(service)


def pubkey_auth_options(lab):
    """Keys that need a touch are tried in key/; here only that the words are read."""
    with Site(lab, "PubkeyAuthOptions verify-required") as site:
        said = site.command("run", "-T", "-f", site.config_path).out.lower()
        check("pubkeyauthoptions verify-required" in said, said)


def revoked_keys(lab):
    listed = write(os.path.join(lab.root, lab.fresh("revoked")), read_text(lab.key + ".pub"),
                   0o644)
    with Site(lab, f"RevokedKeys {listed}") as site:
        with_two(site)
        check(site.refuses("alice", key=lab.key), "a revoked key logged in")


def trusted_user_ca_keys(lab):
    ca = lab.make_key("ca")
    certificate = lab.make_certificate(ca, "c", "-n", "alice")
    trusted = write(os.path.join(lab.root, lab.fresh("trusted")), read_text(ca + ".pub"), 0o644)
    for line, is_in in (("", False), (f"TrustedUserCAKeys {trusted}", True)):
        with Site(lab, line) as site:
            site.add_user("alice", password=None)
            check_equal(lets_in(site, "alice", certificate), is_in, f"let in with {line!r}")


def host_key_algorithms(lab):
    rsa = lab.make_key("hostrsa", "rsa", "-b", "3072")
    config = "HostKey {home}/rsa\nHostKeyAlgorithms rsa-sha2-512"
    with Site(lab, config, is_started=False) as site:
        shutil.copy(rsa, site.path("rsa"))
        site.own(site.home)
        site.start()
        check_equal([name for name in offers(site.port)["hostkey"] if "ext-info" not in name],
                    ["rsa-sha2-512"], "host key algorithms")


OPTIONS = {
    "AllowUsers": allow_users, "DenyUsers": deny_users, "AllowGroups": allow_groups,
    "DenyGroups": deny_groups, "PermitRootLogin": permit_root_login,
    "AuthenticationMethods": authentication_methods,
    "PasswordAuthentication": password_authentication,
    "PubkeyAuthentication": pubkey_authentication,
    "KbdInteractiveAuthentication": kbd_interactive_authentication,
    "PermitEmptyPasswords": permit_empty_passwords, "MaxAuthTries": max_auth_tries,
    "Banner": banner, "AuthorizedKeysFile": authorized_keys_file,
    "AuthorizedKeysCommand": authorized_keys_command,
    "AuthorizedKeysCommandUser": authorized_keys_command,
    "AuthorizedPrincipalsFile": authorized_principals_file,
    "CASignatureAlgorithms": ca_signature_algorithms,
    "PubkeyAcceptedAlgorithms": pubkey_accepted_algorithms,
    "RequiredRSASize": required_rsa_size, "Accounts": accounts, "UsePAM": use_pam,
    "PAMServiceName": use_pam, "PubkeyAuthOptions": pubkey_auth_options,
    "RevokedKeys": revoked_keys, "TrustedUserCAKeys": trusted_user_ca_keys,
    "HostKeyAlgorithms": host_key_algorithms, "Match User": match_user,
    "Match Address": match_address, "Match Group": match_group,
    "Match LocalPort": match_local_port,
}

