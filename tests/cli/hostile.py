"""A server that lies: nothing outside the target, nothing raw on the screen, no
success that is none, and an end in all cases."""

import os
import stat

import hostile_server
from lab import LOST, MISMATCH, SOME_FAILED, UNSUPPORTED, INTERRUPTED
from report import check, check_equal

RAW = ("\x1b", "\x07", "\u202e", "\x9b")


def check_no_raw(text, what):
    check(not any(one in text for one in RAW), f"{what} holds terminal controls", repr(text))


def everything_below(root):
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, folders, names in os.walk(root) for name in folders + names)


def honest_server_is_read_whole(lab):
    target = os.path.join(lab.folder(), "out")
    lab.hostile("Honest", "get", ":/file", target)
    with open(target, "rb") as got:
        check_equal(got.read(), hostile_server.CONTENT, "the content")


def listed_names_never_lead_out_of_the_target(lab):
    work = lab.folder()
    target = os.path.join(work, "target")
    os.mkdir(target)
    result = lab.hostile("Names", "get", "-r", ":/", target, status=SOME_FAILED)
    check("good" in " ".join(everything_below(work)), "the good name is missing", result.err)
    outside = [name for name in everything_below(work) if not name.startswith("target")]
    check_equal(outside, [], "made outside the target")
    inside = [os.path.basename(name) for name in everything_below(target)]
    check("up" not in inside and "evil" not in inside, "an unsafe name was used", str(inside))


def names_are_escaped_in_listings(lab):
    for words in (["ls", ":/"], ["ls", "-l", ":/"], ["--color", "always", "ls", ":/"]):
        result = lab.hostile("Escapes", *words)
        text = result.out.replace("\x1b[1;32m", "").replace("\x1b[0m", "")
        check_no_raw(text, "the listing")
        check("\\x1b[31m" in text and "new\\nline" in text, "escapes are missing", text)


def names_are_escaped_on_a_terminal(lab):
    target = lab.folder()
    server = f"/usr/bin/python3 {hostile_server.__file__} Escapes"
    shown = lab.on_terminal(["-D", server, "get", "-r", ":/", target])
    check("\x1b[31m" not in shown and "\x1b]0" not in shown and "\x07" not in shown,
          "a name reached the terminal raw", repr(shown))


def server_longname_is_never_shown(lab):
    result = lab.hostile("Honest", "ls", "-l", ":/")
    check("longname" not in result.out and "fake" not in result.out, "longname was shown")


def status_texts_are_escaped(lab):
    result = lab.hostile("Refuses", "get", ":/file", lab.folder(), status=SOME_FAILED)
    check_no_raw(result.err, "the error")
    check("no\\x1b[2J\\nferry" in result.err, "the server's words are missing", result.err)


def short_file_is_a_mismatch(lab):
    target = os.path.join(lab.folder(), "out")
    lab.hostile("Short", "get", ":/file", target, status=MISMATCH)
    check(not os.path.exists(target), "half a file got the final name")


def short_pieces_are_asked_for_again(lab):
    target = os.path.join(lab.folder(), "out")
    lab.hostile("ShortPieces", "get", ":/file", target)
    with open(target, "rb") as got:
        check_equal(got.read(), hostile_server.CONTENT, "the content")


def broken_protocol_ends_the_session(lab):
    for scenario in ("EmptyData", "WrongId", "HugeFrame"):
        target = os.path.join(lab.folder(), "out")
        lab.hostile(scenario, "get", ":/file", target, status=SOME_FAILED, seconds=20)
        check(not os.path.exists(target), f"{scenario}: half a file got the final name")
    lab.hostile("HugeCount", "ls", ":/", status=SOME_FAILED, seconds=20)


def login_noise_is_shown_as_such(lab):
    result = lab.hostile("Noise", "ls", ":/", status=SOME_FAILED)
    check("Welcome" in result.err, "what the server printed is not told", result.err)


def broken_connection_is_lost_and_resumable(lab):
    target = os.path.join(lab.folder(), "out")
    lab.hostile("Dies", "-R", "1", "-B", "8192", "get", ":/file", target, status=LOST)
    check(not os.path.exists(target), "half a file got the final name")
    lab.hostile("Honest", "get", "-a", ":/file", target)
    with open(target, "rb") as got:
        check_equal(got.read(), hostile_server.CONTENT, "the content")


def one_failed_write_fails_the_file(lab):
    source = os.path.join(lab.folder(), "source")
    with open(source, "wb") as out:
        out.write(bytes(400000))
    result = lab.hostile("LateFailure", "put", source, ":/dir/new", status=SOME_FAILED)
    check("disk on fire" in result.err, "the server's sentence is missing", result.err)


def endless_tree_stops_at_a_depth(lab):
    target = lab.folder()
    lab.hostile("Endless", "get", "-r", ":/dir", target, status=SOME_FAILED, seconds=60)
    deepest = max(name.count("/") for name in everything_below(target))
    check(deepest <= 70, f"{deepest} levels were made")


def setuid_is_never_taken_over(lab):
    target = os.path.join(lab.folder(), "out")
    lab.hostile("Setuid", "get", "-p", ":/file", target)
    mode = stat.S_IMODE(os.stat(target).st_mode)
    check(mode & 0o7000 == 0, f"mode {mode:04o}")


def missing_extension_is_told(lab):
    lab.hostile("Honest", "df", ":/", status=UNSUPPORTED)


def silent_server_can_be_interrupted(lab):
    import signal  # pylint: disable=import-outside-toplevel
    import subprocess  # pylint: disable=import-outside-toplevel
    import time  # pylint: disable=import-outside-toplevel
    import proc  # pylint: disable=import-outside-toplevel
    server = f"/usr/bin/python3 {hostile_server.__file__} Silent"
    child = proc.start([lab.ferry_program, "-D", server, "ls", ":/"], env=lab.env,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        check_equal(child.wait(timeout=15 * proc.slowness), INTERRUPTED, "the status")
    finally:
        proc.end_group(child)


TESTS = (honest_server_is_read_whole, listed_names_never_lead_out_of_the_target,
         names_are_escaped_in_listings, names_are_escaped_on_a_terminal,
         server_longname_is_never_shown, status_texts_are_escaped, short_file_is_a_mismatch,
         short_pieces_are_asked_for_again, broken_protocol_ends_the_session,
         login_noise_is_shown_as_such, broken_connection_is_lost_and_resumable,
         one_failed_write_fails_the_file, endless_tree_stops_at_a_depth,
         setuid_is_never_taken_over, missing_extension_is_told,
         silent_server_can_be_interrupted)
