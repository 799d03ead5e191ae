"""Logging in: every factor, every chain, and what is not let in."""

import os
import time

from ferryd_run import ALICE, PASSWORD, Site, need_root, read_text, totp, write
from report import check, check_equal


def password_logs_in(lab):
    with Site(lab) as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            check_equal(client.sftp.listdir("/"), [], "a new account's files")
        check(site.refuses("alice", password="wrong"), "a wrong password logged in")
        check(site.refuses("alice", password=""), "an empty password logged in")
        check(site.refuses("nobody-here", password=PASSWORD), "an unknown user logged in")


def key_logs_in(lab):
    with Site(lab) as site:
        site.add_user("alice", password=None, key=lab.key)
        with site.client("alice", key=lab.key) as client:
            client.sftp.listdir("/")
        check(site.refuses("alice", key=lab.other_key), "another key logged in")
        check(site.refuses("alice", password=PASSWORD), "an account without a password has one")


def several_keys_log_in_and_a_deleted_one_does_not(lab):
    rsa = lab.make_key("rsa", "rsa", "-b", "3072")
    with Site(lab) as site:
        site.add_user("alice", password=None, key=lab.key)
        for path in (lab.other_key, rsa):
            # As editors on other systems leave it.
            site.user("key add", "alice", stdin=read_text(path + ".pub").replace("\n", "\r\n"))
        for path in (lab.key, lab.other_key, rsa):
            with site.client("alice", key=path):
                pass
        fingerprint = read_text(lab.other_key + ".pub").split()[1]
        listed = site.user("key list", "alice").out
        check_equal(len(listed.strip().splitlines()), 3, f"lines of keys in {listed!r}")
        site.user("key del", "alice", key_name(lab.other_key))
        check(site.refuses("alice", key=lab.other_key), f"{fingerprint} still logs in")
        check(not site.refuses("alice", key=rsa), "another key went with it")


def key_name(path):
    """A key's fingerprint as OpenSSH shows it."""
    # pylint: disable=import-outside-toplevel
    import base64
    import hashlib
    blob = base64.b64decode(read_text(path + ".pub").split()[1])
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def chain_wants_every_factor(lab):
    with Site(lab, "AuthenticationMethods publickey,password") as site:
        site.add_user("alice", key=lab.key)
        check(site.refuses("alice", password=PASSWORD), "the password alone did")
        check(site.refuses("alice", key=lab.key), "the key alone did")
        check(site.refuses("alice", key=lab.key, password="wrong"), "a wrong password did")
        check(site.refuses("alice", key=lab.other_key, password=PASSWORD), "a wrong key did")
        check(site.refuses("alice", key=lab.key, password=PASSWORD, chain=("password", "key")),
              "the other order did")
        with site.client("alice", key=lab.key, password=PASSWORD) as client:
            client.sftp.listdir("/")


def account_may_ask_for_more_than_the_configuration(lab):
    with Site(lab) as site:
        site.add_user("alice", "--chain", "publickey,password", key=lab.key)
        site.add_user("bob")
        check(site.refuses("alice", password=PASSWORD), "the password alone did")
        with site.client("alice", key=lab.key, password=PASSWORD):
            pass
        with site.client("bob", password=PASSWORD):
            pass


def keyboard_interactive_asks_for_the_password(lab):
    with Site(lab) as site:
        site.add_user("alice")
        with site.client("alice", answers=[PASSWORD]) as client:
            client.sftp.listdir("/")
            check(any("assword" in text for text in client.prompts), str(client.prompts))
        check(site.refuses("alice", answers=["wrong"]), "a wrong answer logged in")


def enrol(site, name):
    """Give an account a second factor: its secret and recovery codes."""
    said = site.user("totp enable", name).out
    secret = next(word.split("secret=")[1].split("&")[0]
                  for word in said.split() if "secret=" in word)
    return secret, said


def recovery_code_replaces_the_app_once(lab):
    with Site(lab) as site:
        site.add_user("alice")
        _, said = enrol(site, "alice")
        code = said.split("Recovery codes")[1].split()[-1]
        with site.client("alice", answers=[PASSWORD, code]):
            pass
        check(site.refuses("alice", answers=[PASSWORD, code]), "a recovery code worked twice")


def one_time_code_is_a_second_factor(lab):
    with Site(lab) as site:
        site.add_user("alice")
        secret, _ = enrol(site, "alice")
        check(site.refuses("alice", password=PASSWORD), "the password alone did")
        check(site.refuses("alice", answers=[PASSWORD, "000000"]), "a wrong code did")
        check(site.refuses("alice", answers=["wrong", totp(secret)]), "a wrong password did")
        code = totp(secret)
        with site.client("alice", answers=[PASSWORD, code]) as client:
            client.sftp.listdir("/")
        check(site.refuses("alice", answers=[PASSWORD, code]), "a code worked twice")
        old = totp(secret, time.time() - 300)
        check(site.refuses("alice", answers=[PASSWORD, old]), "a code of five minutes ago did")


def disabled_deleted_and_expired_accounts_stay_out(lab):
    with Site(lab) as site:
        for name in ("alice", "bob", "carol"):
            site.add_user(name)
            check(not site.refuses(name, password=PASSWORD), f"{name} cannot log in")
        site.user("disable", "alice")
        site.user("del", "bob")
        site.user("set", "carol", "--expires", "2020-01-01")
        for name in ("alice", "bob", "carol"):
            check(site.refuses(name, password=PASSWORD), f"{name} still logs in")


def changes_hold_at_the_next_login(lab):
    with Site(lab) as site:
        site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            site.user("passwd", "alice", "--password-stdin", stdin="another-Password-7\n")
            check(site.refuses("alice", password=PASSWORD), "the old password still does")
            check(not site.refuses("alice", password="another-Password-7"), "the new one doesn't")
            client.sftp.listdir("/")  # whoever is in stays in


def networks_of_an_account_bite(lab):
    with Site(lab) as site:
        site.add_user("alice", "--networks", "127.0.0.8/30,192.0.2.0/24")
        check(site.refuses("alice", password=PASSWORD, source="127.0.0.1"), "from elsewhere")
        check(not site.refuses("alice", password=PASSWORD, source="127.0.0.9"), "from there")


def certificate_logs_in_for_its_principals(lab):
    ca = lab.make_key("ca")
    with Site(lab, "TrustedUserCAKeys {home}/state/ca.pub") as site:
        write(site.path("state", "ca.pub"), read_text(ca + ".pub"), 0o644)
        site.own(site.home)
        site.reload()
        site.add_user("alice", password=None)
        site.add_user("bob", password=None)
        good = lab.make_certificate(ca, "good", "-n", "alice")
        late = lab.make_certificate(ca, "late", "-n", "alice", "-V", "20200101:20200102")
        alien = lab.make_certificate(lab.other_key, "alien", "-n", "alice")
        nobody = lab.make_certificate(ca, "nobody")
        far = lab.make_certificate(ca, "far", "-n", "alice", "-O", "source-address=192.0.2.0/24")
        check(lets_in(site, "alice", good), "its principal was refused")
        for user, certificate, what in (("bob", good, "another principal"),
                                        ("alice", late, "an expired one"),
                                        ("alice", alien, "another authority's"),
                                        ("alice", nobody, "one without principals"),
                                        ("alice", far, "one for another network")):
            check(not lets_in(site, user, certificate), f"{what} logged in")


def lets_in(site, user, certificate, **options):
    key = certificate.removesuffix("-cert.pub")
    return site.sftp("ls", user, key=key, CertificateFile=certificate, statuses=None,
                     **options).status == 0


def revoked_keys_and_certificates_stay_out(lab):
    with Site(lab, "RevokedKeys {home}/state/revoked") as site:
        krl = site.path("state", "revoked")
        write(krl, "", 0o644)
        site.add_user("alice", password=None, key=lab.key)
        site.user("key add", "alice", stdin=read_text(lab.other_key + ".pub"))
        import proc  # pylint: disable=import-outside-toplevel
        proc.run(["ssh-keygen", "-q", "-k", "-f", krl, lab.key + ".pub"])
        os.chmod(krl, 0o644)
        site.own(site.home)
        site.reload()
        check(site.refuses("alice", key=lab.key), "a revoked key logged in")
        check(not site.refuses("alice", key=lab.other_key), "another key is revoked, too")


def system_account_logs_in(lab):
    """By password from shadow and by authorized_keys, and works as itself."""
    need_root(lab)
    with Site(lab, accounts="system") as site:
        with site.client(ALICE, password=PASSWORD) as client:
            client.put("mine", b"hers\n")
            status = os.stat(os.path.join(lab.root, ALICE, "mine"))
            check_equal((status.st_uid, status.st_gid), ids(ALICE), "owner of an upload")
        check(site.refuses(ALICE, password="wrong"), "a wrong password logged in")
        keys = os.path.join(lab.root, ALICE, ".ssh")
        os.makedirs(keys, exist_ok=True)
        write(os.path.join(keys, "authorized_keys"), read_text(lab.key + ".pub"), 0o644)
        with site.client(ALICE, key=lab.key) as client:
            check_equal(client.get("mine"), b"hers\n", "content")
        check(site.refuses(ALICE, key=lab.other_key), "another key logged in")


def ids(name):
    from ferryd_run import ids_of  # pylint: disable=import-outside-toplevel
    return ids_of(name)


def both_kinds_of_accounts_live_together(lab):
    need_root(lab)
    with Site(lab, accounts="system virtual") as site:
        site.add_user("alice")
        for name in ("alice", ALICE):
            check(not site.refuses(name, password=PASSWORD), f"{name} was refused")


def accounts_not_chosen_do_not_exist(lab):
    need_root(lab)
    with Site(lab, accounts="virtual") as site:
        check(site.refuses(ALICE, password=PASSWORD), "a system account logged in")


def authorized_keys_options_bite(lab):
    need_root(lab)
    path = os.path.join(lab.folder(), "keys")
    public = read_text(lab.key + ".pub")
    cases = (('from="192.0.2.0/24" ', False), ('from="127.0.0.0/8" ', True),
             ('expiry-time="20200101" ', False), ('expiry-time="20990101" ', True),
             ("restrict ", True), ('no-such-option="x" ', False),
             ('command="internal-sftp" ', True))
    with Site(lab, f"AuthorizedKeysFile {path}", accounts="system") as site:
        for options, is_in in cases:
            write(path, options + public, 0o644)
            check_equal(not site.refuses(ALICE, key=lab.key), is_in, f"let in with {options}")


TESTS = (
    password_logs_in, key_logs_in, several_keys_log_in_and_a_deleted_one_does_not,
    chain_wants_every_factor, account_may_ask_for_more_than_the_configuration,
    keyboard_interactive_asks_for_the_password, one_time_code_is_a_second_factor,
    recovery_code_replaces_the_app_once,
    disabled_deleted_and_expired_accounts_stay_out, changes_hold_at_the_next_login,
    networks_of_an_account_bite, certificate_logs_in_for_its_principals,
    revoked_keys_and_certificates_stay_out, system_account_logs_in,
    both_kinds_of_accounts_live_together, accounts_not_chosen_do_not_exist,
    authorized_keys_options_bite,
)
