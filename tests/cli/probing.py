"""`ferry probe`: the eight steps, told truly, as far as they go."""

import os
import re

from lab import AUTH, CONNECT, HOST_KEY, Ferryd, events, write
from proc import free_port
from report import check, check_equal


def steps(result):
    return [int(number) for number in re.findall(r"^(\d) ", result.out, re.M)]


def eight_steps_are_told(lab):
    result = lab.ssh("probe", "127.0.0.1")
    check_equal(steps(result), list(range(1, 9)), "the steps")
    for pattern in (r"server +SSH-2\.0-OpenSSH", r"chosen kex +\S+", r"post-quantum +yes",
                    r"fingerprint +SHA256:\S{43}", r"known_hosts +known",
                    r"strict key exchange +yes", r"accepted +publickey", r"version +3",
                    r"octets per read +261120", r"round trip +[\d.]+ ms"):
        check(re.search(pattern, result.out), f"{pattern} is missing", result.out)


def json_has_an_object_a_step(lab):
    *found, summary = events(lab.ssh("--json", "probe", "127.0.0.1"))
    check_equal(summary["t"], "summary", "the last object")
    check_equal([one["step"] for one in found], list(range(1, 9)), "the steps")
    check(all(one["t"] == "step" and one["us"] >= 0 for one in found), "types and times")
    by_step = {one["step"]: one for one in found}
    check(by_step[3]["our public value"] > 0 and by_step[3]["shared secret"] > 0, "sizes")
    check(by_step[8]["round_trip_us"] > 0, "the round trip")


def new_host_is_shown_and_not_recorded(lab):
    words = lab.options(lab.sshd.port, known_hosts="kh_probe")
    result = lab.ferry(*words, "probe", "127.0.0.1")
    check_equal(steps(result), list(range(1, 9)), "the steps")
    check(re.search(r"known_hosts +new", result.out), "not told as new", result.out)
    check(not os.path.exists(lab.path("kh_probe")), "the key was recorded")


def changed_host_ends_at_step_four(lab):
    write(lab.path("kh_probe2"), lab.sshd.line(lab.key("other_ed25519")))
    result = lab.ferry(*lab.options(lab.sshd.port, known_hosts="kh_probe2"), "probe",
                       "127.0.0.1", status=HOST_KEY)
    check_equal(steps(result), [1, 2, 3, 4], "the steps")
    check("CHANGED" in result.out, "not told as changed", result.out)


def without_credentials_it_says_what_is_missing(lab):
    result = lab.ferry(*lab.options(lab.sshd.port, key=None), "probe", "127.0.0.1",
                       status=AUTH)
    check_equal(steps(result), [1, 2, 3, 4, 5, 6], "the steps")
    check("what is missing" in result.out, "no word about what is missing", result.out)
    lab.ferry(*lab.options(free_port()), "probe", "127.0.0.1", status=CONNECT)


def no_password_is_sent_to_a_new_host(lab):
    with Ferryd(lab) as server:
        words = [*lab.options(server.port, key=None, known_hosts="kh_probe3"),
                 "--password-file", os.path.join(server.home, "password")]
        lab.ferry(*words, "probe", "guest@127.0.0.1", status=AUTH)
        lab.ferry(*words, "-o", "StrictHostKeyChecking=accept-new", "ls", "guest@127.0.0.1:/")
        result = lab.ferry(*words, "probe", "guest@127.0.0.1")
        check_equal(steps(result), list(range(1, 9)), "the steps")


TESTS = (eight_steps_are_told, json_has_an_object_a_step, new_host_is_shown_and_not_recorded,
         changed_host_ends_at_step_four, without_credentials_it_says_what_is_missing,
         no_password_is_sent_to_a_new_host)
