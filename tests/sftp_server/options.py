"""The options of sftp-server(8), each by what it changes."""

import os
import stat

import proc
import raw
from raw import string, u32, u64, NO_ATTRS
from report import check, check_equal

REQUESTS = """open close read write lstat fstat setstat fsetstat opendir readdir remove mkdir
rmdir realpath stat rename readlink symlink posix-rename statvfs fstatvfs hardlink fsync
lsetstat limits expand-path copy-data home-directory users-groups-by-id""".split()


def q_lists_requests_one_a_line_as_openssh(lab):
    result = proc.run([lab.program, "-Q", "requests"])
    check_equal(result.out.split("\n")[:len(REQUESTS)], REQUESTS, "-Q requests")
    check_equal(proc.run([lab.program, "-Q", "colours"], statuses=None).status, 1, "-Q colours")


def h_and_unknown_options_show_the_usage(lab):
    check("usage:" in proc.run([lab.program, "-h"]).out, "-h shows no usage")
    for wrong in (["-Z"], ["operand"], ["-u", "999"], ["-u", "x"], ["-l", "LOUD"],
                  ["-f", "MAIL"], ["-P", "reed"], ["-p", "reed"], ["-d", "%x"]):
        result = proc.run([lab.program, *wrong], statuses=(1,))
        check(result.err, f"{wrong} is refused without a word")


def r_refuses_every_change(lab):
    folder = lab.folder()
    path = os.path.join(folder, "f")
    with open(path, "w", encoding="ascii") as out:
        out.write("kept")
    with raw.Client([lab.program, "-R"], folder) as client:
        for kind, fields in (
                (raw.OPEN, string("f") + u32(raw.O_WRITE | raw.O_TRUNC) + NO_ATTRS),
                (raw.OPEN, string("g") + u32(raw.O_READ | raw.O_CREAT) + NO_ATTRS),
                (raw.REMOVE, string("f")), (raw.MKDIR, string("d") + NO_ATTRS),
                (raw.RENAME, string("f") + string("g")),
                (raw.SETSTAT, string("f") + u32(1) + u64(0)),
                (raw.SYMLINK, string("x") + string("l"))):
            check_equal(client.ask(kind, fields).code, raw.DENIED, f"request {kind}")
        check_equal(client.read(client.open("f", raw.O_READ), 0, 10).data, b"kept", "READ")
        check(b"posix-rename" not in client.version.body, "posix-rename is announced")
    check_equal(os.listdir(folder), ["f"], "what is there")


def p_and_capital_p_choose_requests(lab):
    folder = lab.folder()
    with raw.Client([lab.program, "-P", "mkdir,stat"], folder) as client:
        check_equal(client.ask(raw.MKDIR, string("d") + NO_ATTRS).code, raw.DENIED, "MKDIR")
        check_equal(client.ask(raw.STAT, string(".")).code, raw.DENIED, "STAT")
        check_equal(client.ask(raw.LSTAT, string(".")).type, raw.ATTRS, "LSTAT")
    with raw.Client([lab.program, "-p", "stat,lstat", "-P", "stat"], folder) as client:
        check_equal(client.ask(raw.STAT, string(".")).code, raw.DENIED, "STAT")
        check_equal(client.ask(raw.LSTAT, string(".")).type, raw.ATTRS, "LSTAT")
        check_equal(client.ask(raw.REALPATH, string(".")).code, raw.DENIED, "REALPATH")
        check_equal(client.extended("limits@openssh.com").code, raw.DENIED, "limits")


def u_sets_the_umask(lab):
    folder = lab.folder()
    with raw.Client([lab.program, "-u", "027"], folder) as client:
        client.open("f", raw.O_WRITE | raw.O_CREAT, u32(4) + u32(0o4777))
        client.ask(raw.MKDIR, string("d") + NO_ATTRS)
    modes = [stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) for name in ("f", "d")]
    check_equal(modes, [0o750, 0o750], "modes")


def d_starts_elsewhere(lab):
    folder = lab.folder()
    os.mkdir(os.path.join(folder, "100%"))
    with raw.Client([lab.program, "-d", folder + "/100%%"], "/") as client:
        check_equal(client.ask(raw.REALPATH, string(".")).body[8:].split(b"\0")[0],
                    (folder + "/100%").encode(), "where it starts")
    with raw.Client([lab.program, "-d", "%d"], "/") as client:
        check_equal(client.ask(raw.REALPATH, string("")).body,
                    client.extended("expand-path@openssh.com", string("~")).body, "%d")


def e_and_l_log_what_is_done(lab):
    folder = lab.folder()
    script = "put /etc/passwd odd\\ name\nrm odd\\ name\nget nope\n"
    result = proc.run(["sftp", "-D", f"{lab.program} -e -l VERBOSE", "-b", "-"],
                      stdin=script, cwd=folder, statuses=(1,))
    for words in ('close "', "bytes read 0 written", 'remove "', "sent status 2: No such file"):
        check(words in result.err, f"the log lacks {words}", result.describe())
    quiet = proc.run(["sftp", "-q", "-D", f"{lab.program} -e", "-b", "-"], stdin="pwd\n",
                     cwd=folder)
    check_equal(quiet.err, "", "the log at the default level")


def the_trace_shows_messages_and_no_contents(lab):
    folder = lab.folder()
    result = proc.run(["sftp", "-D", lab.program, "-b", "-"], stdin="put secret.txt copy\n",
                      cwd=lab.with_file(folder, "secret.txt", "the cat is in the bag"),
                      env={**os.environ, "FERRY_TRACE": "sftp"})
    for words in ("< OPEN id=", "< WRITE id=", "> STATUS id=", "> HANDLE id="):
        check(words in result.err, f"the trace lacks {words}", result.describe())
    check("the cat" not in result.err, "the trace shows a file's contents")


TESTS = (q_lists_requests_one_a_line_as_openssh, h_and_unknown_options_show_the_usage,
         r_refuses_every_change, p_and_capital_p_choose_requests, u_sets_the_umask,
         d_starts_elsewhere, e_and_l_log_what_is_done,
         the_trace_shows_messages_and_no_contents)
