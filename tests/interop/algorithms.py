"""Every algorithm that both sides have, one by one: a short transfer both ways with
nothing else allowed. What is listed here must be there: a missing one fails.
"""

import copy

import files
import servers
from clients import Ferry, OpensshSftp
from lab import KEY_TYPES
from report import check_equal

SMALL = 200_000  # octets: several packets, less than a window

# What OpenSSH 9.2 and we both have.
SHARED_KEX = (
    "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com", "curve25519-sha256",
    "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521", "diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512")
CLIENT_KEX = ("diffie-hellman-group-exchange-sha256",)  # we have the client's side only
OWN_KEX = ("mlkem768x25519-sha256",)  # no peer in Debian 12 has it
CIPHERS = ("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com",
           "aes256-ctr", "aes192-ctr", "aes128-ctr")
MACS = ("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512",
        "hmac-sha2-256")
HOST_KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
             "rsa-sha2-512", "rsa-sha2-256")


def choices(kex):
    """(name of the test, user's key, ssh_config options that leave no other choice)"""
    for name in kex:
        yield f"kex/{name}", "ed25519", {"KexAlgorithms": name}
    for name in CIPHERS:
        yield f"cipher/{name}", "ed25519", {"Ciphers": name}
    for name in MACS:
        yield f"mac/{name}", "ed25519", {"Ciphers": "aes128-ctr", "MACs": name}
    for name in HOST_KEYS:
        yield f"host-key/{name}", "ed25519", {"HostKeyAlgorithms": name}
    for name in ("rsa-sha2-512", "rsa-sha2-256"):
        yield f"user-key/{name}", "rsa", {"PubkeyAcceptedAlgorithms": name}
    for kind in KEY_TYPES:
        yield f"user-key/{kind}", kind, {}
    yield "compression/zlib@openssh.com", "ed25519", {"Compression": "yes"}


def transfer(lab, client, server, place, key, words):
    """Up and down again with only these algorithms."""
    target = copy.copy(server)
    target.key = lab.user_keys[key]
    options = [part for name, value in words.items() for part in ("-o", f"{name}={value}")]
    source = lab.build_once("small", lambda: files.write_random(lab.path("small"), SMALL, 7))
    back = lab.path(f"back-{target.port}")
    remote = target.remote(place)
    client.perform(target, ("put", source, remote), ("get", remote, back), options=options)
    check_equal(files.sha256(target.local(place)), files.sha256(source), "uploaded file")
    check_equal(files.sha256(back), files.sha256(source), "downloaded file")
    files.remove(target.local(place))
    files.remove(back)


def run_choices(report, lab, client, row, server, kex):
    tests = [(f"{row}/{name}", *choice) for name, *choice in choices(kex)]
    if not any(report.wants(name) for name, *_ in tests):
        return

    def serve():
        with server(lab, row.replace("/", "-")) as target:
            for name, *choice in tests:
                report.run(name, transfer, lab, client, target, name.replace("/", "-"), *choice)

    report.attempt(f"{row}/serve", serve)


def ferryd_of_all(lab, name):
    return servers.ferryd(lab, name, host_keys=tuple(KEY_TYPES),
                          options=("--profile", "compat", "--compression", "yes"))


def openssh_to_ferryd(report, lab):
    run_choices(report, lab, OpensshSftp(lab), "ferryd/openssh-algorithms", ferryd_of_all,
                SHARED_KEX)


def ferry_to_sshd(report, lab):
    run_choices(report, lab, Ferry(lab), "sshd/ferry-algorithms", servers.sshd,
                SHARED_KEX + CLIENT_KEX)


def ferry_to_ferryd(report, lab):
    run_choices(report, lab, Ferry(lab), "ferryd/ferry-algorithms", ferryd_of_all,
                OWN_KEX + SHARED_KEX)


JOBS = (openssh_to_ferryd, ferry_to_sshd, ferry_to_ferryd)
