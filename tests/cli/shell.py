"""The interactive session: batches, pipes, a terminal, and hostile names."""

import os
import re

from lab import (LOCAL, NOT_FOUND, OK, SOME_FAILED, USAGE, Ferryd, read,
                 same_trees, write)
from report import check

SERVER = "/usr/lib/openssh/sftp-server"


def batch(lab, text, *words, status=OK, server=SERVER, **options):
    """A batch through a local server, from standard input."""
    return lab.ferry("-D", server, "-b", "-", *words, stdin=text, status=status,
                     **options)


def as_sftp(lab):
    path = lab.path("sftp")
    if not os.path.lexists(path):
        os.symlink(lab.ferry_program, path)
    return path


def batch_runs_every_command(lab):
    work = lab.folder()
    write(f"{work}/one", "1")
    said = batch(lab, f"""cd {work}
pwd
mkdir dir
put {work}/one dir/two
chmod 600 dir/two
rename dir/two dir/three
ln dir/three hard
symlink dir soft
ls -l
get dir/three {work}/back
rm hard
rm soft
rm dir/*
rmdir dir
lpwd
lmkdir {work}/local
df -h
version
""").out
    check(f"Remote working directory: {work}" in said, "pwd", said)
    check("SFTP protocol version 3" in said, "version", said)
    check(sorted(os.listdir(work)) == ["back", "local", "one"], "what is left",
          str(os.listdir(work)))
    check(read(f"{work}/back") == "1", "get")


def batch_stops_at_the_first_failure(lab):
    work = lab.folder()
    batch(lab, f"mkdir {work}/a\nrm {work}/none\nmkdir {work}/b\n", status=NOT_FOUND)
    check(os.listdir(work) == ["a"], "went on", str(os.listdir(work)))


def minus_lets_a_failure_pass_and_at_hides_the_echo(lab):
    work = lab.folder()
    said = batch(lab, f"-rm {work}/none\n@mkdir {work}/b\n-@rm {work}/none\n").out
    check(os.listdir(work) == ["b"], "did not go on")
    check("mkdir" not in said and f"sftp> -rm {work}/none" in said, "echo", said)


def pipe_goes_on_but_says_so_in_its_status(lab):
    work = lab.folder()
    lab.ferry("-D", SERVER, stdin=f"rm {work}/none\nmkdir {work}/b\n",
              status=NOT_FOUND)
    check(os.listdir(work) == ["b"], "did not go on")


def sftp_has_two_failures(lab):
    """Called as sftp: 1 for a batch that failed, 255 without a connection, else 0."""
    work, sftp = lab.folder(), as_sftp(lab)
    for words, text, status in ((["-b", "-"], f"rm {work}/x\n", 1), ([], f"rm {work}/x\n", 0)):
        write(f"{work}/in", text)
        got = os.waitstatus_to_exitcode(os.system(
            f"{sftp} -D {SERVER} {' '.join(words)} <{work}/in >{work}/out 2>&1"))
        check(got == status, f"status {got}, wanted {status}", read(f"{work}/out"))
    got = os.waitstatus_to_exitcode(os.system(
        f"{sftp} -F none -P 1 127.0.0.1 </dev/null >{work}/out 2>&1"))
    check(got == 255, f"status {got}", read(f"{work}/out"))


def unknown_commands_are_refused_with_a_guess(lab):
    said = batch(lab, "renam a b\n", status=USAGE).err
    check("did you mean rename" in said, "no guess", said)
    batch(lab, "ls -Z\n", status=USAGE)
    batch(lab, "cd a b\n", status=USAGE)
    batch(lab, 'get "a\n', status=USAGE)


def commands_that_look_like_hosts_are_asked_about(lab):
    said = lab.ferry("gett", "x", status=USAGE).err
    check("did you mean get" in said and "gett:" in said, "no guess", said)


def globs_work_on_both_sides(lab):
    work = lab.folder()
    os.mkdir(f"{work}/from")
    os.mkdir(f"{work}/to")
    for name in ("a1", "a2", "b1", ".a3", "a*", "a b"):
        write(f"{work}/from/{name}", name)
    batch(lab, f"get {work}/from/a[0-9] {work}/to\n")
    check(sorted(os.listdir(f"{work}/to")) == ["a1", "a2"], "get", str(os.listdir(f"{work}/to")))
    batch(lab, f'lcd {work}/from\ncd {work}/to\nrm *\nput "a*"\nput a\\ b\nput b?\n')
    check(sorted(os.listdir(f"{work}/to")) == ["a b", "a*", "b1"], "put",
          str(os.listdir(f"{work}/to")))


def several_files_need_a_directory(lab):
    work = lab.folder()
    for name in ("a1", "a2", "target"):
        write(f"{work}/{name}", name)
    batch(lab, f"get {work}/a? {work}/target\n", status=SOME_FAILED)
    batch(lab, f"put {work}/a? {work}/target\n", status=SOME_FAILED)
    check(read(f"{work}/target") == "target", "the target was written")


def trees_come_back_the_same(lab):
    work = lab.folder()
    os.makedirs(f"{work}/tree/sub")
    for i in range(20):
        write(f"{work}/tree/sub/{i}", str(i) * 1000)
    batch(lab, f"put -r {work}/tree {work}/there\nget -r {work}/there {work}/back\n")
    same_trees(f"{work}/tree", f"{work}/back")


def ferryd_is_driven_by_a_batch(lab):
    with Ferryd(lab) as server:
        options = lab.options(server.port, key=None, known_hosts="known_shell")
        options += ["-o", "StrictHostKeyChecking=accept-new", "--password-file",
                    os.path.join(server.home, "password")]
        write(f"{server.home}/file", "x" * 100000)
        write(f"{server.home}/batch", f"mkdir d\ncd d\nput {server.home}/file\nls -l\npwd\n")
        said = lab.ferry(*options, "-b", f"{server.home}/batch", "guest@127.0.0.1").out
        check("Remote working directory: /d" in said and " 100000 " in said, "ls", said)
        check(read(f"{server.share}/d/file") == "x" * 100000, "the file")


def host_with_a_path_is_changed_to_or_fetched(lab):
    work = lab.folder()
    write(f"{work}/file", "content")
    os.mkdir(f"{work}/to")
    said = lab.ssh(lab.at(work), stdin="pwd\n").out
    check(f"Remote working directory: {work}" in said, "cd", said)
    lab.ssh(lab.at(f"{work}/file"), f"{work}/to", stdin="")
    check(read(f"{work}/to/file") == "content", "get")


def local_commands_are_run(lab):
    work = lab.folder()
    write(f"{work}/file", "")
    said = batch(lab, f"lcd {work}\nlls\n!echo it is $((6*7))\nlumask 027\n").out
    check("file" in said and "it is 42" in said, "lls", said)
    batch(lab, "!exit 3\n", status=LOCAL)


def terminal_has_a_prompt_and_a_session(lab):
    work = lab.folder()
    write(f"{work}/file", "1")
    shown = lab.on_terminal(["-D", SERVER], [("sftp> ", f"cd {work}"), ("sftp> ", "ls"),
                                             ("sftp> ", "nonsense"), ("sftp> ", "bye")])
    check("file" in shown and "Invalid command" in shown, "the session", repr(shown))


def history_is_kept_for_its_owner_alone(lab):
    state = lab.folder()
    env = {"XDG_STATE_HOME": state}
    lab.on_terminal(["-D", SERVER], [("sftp> ", "pwd"), ("sftp> ", " version"),
                                     ("SFTP protocol", "bye")], env=env)
    path = f"{state}/ferry/history"
    check(os.stat(path).st_mode & 0o777 == 0o600, "its mode", oct(os.stat(path).st_mode))
    check(os.stat(f"{state}/ferry").st_mode & 0o777 == 0o700, "its directory's mode")
    check("pwd" in read(path) and "version" not in read(path), "its lines", read(path))
    # The next session's arrow up is what was typed in this one: bye, then pwd.
    shown = lab.on_terminal(["-D", SERVER], [("sftp> ", "\x1b[A\x1b[A"),
                                             ("Remote working", "bye")], env=env)
    check("Remote working directory" in shown, "not called back", repr(shown))


def history_behind_a_link_is_left_alone(lab):
    state = lab.folder()
    os.makedirs(f"{state}/ferry")
    write(f"{state}/target", "untouched")
    os.symlink(f"{state}/target", f"{state}/ferry/history")
    lab.on_terminal(["-D", SERVER], [("sftp> ", "pwd"), ("sftp> ", "bye")],
                    env={"XDG_STATE_HOME": state})
    check(read(f"{state}/target") == "untouched", "the link's target was written")


def control_c_at_the_prompt_is_an_empty_line(lab):
    shown = lab.on_terminal(["-D", SERVER], [("sftp> ", "rubbish\x03"), ("\nsftp> ", "pwd"),
                                             ("Remote working", "bye")])
    check("Invalid command" not in shown, "the line was run", repr(shown))


def control_c_stops_a_transfer_and_not_the_shell(lab):
    work = lab.folder()
    files_size = 40 * 1024 * 1024
    with open(f"{work}/big", "wb") as out:
        out.truncate(files_size)
    # Ctrl-C is the terminal's own octet: the foreground's SIGINT.
    shown = lab.on_terminal(["-D", SERVER, "-l", "8000"],
                            [("sftp> ", f"get {work}/big {work}/copy"), ("% ", "\x03"),
                             ("sftp> ", f"get {work}/small {work}/x"),
                             ("not found", "pwd"), ("Remote working", "bye")])
    check(not os.path.exists(f"{work}/copy"), "the name was taken", repr(shown))


def names_of_the_server_are_shown_encoded(lab):
    """L3: nothing that a server calls a file reaches the terminal as it is."""
    work = lab.folder()
    write(f"{work}/a\x1b]0;title\x07\nb", "")
    for text in (f"ls {work}\n", f"ls -l {work}\n", f"ls {work}/a*\n", f"rm {work}/a*\n"):
        result = batch(lab, text, "-N")
        check(not re.search(r"[\x00-\x09\x0b-\x1f]", result.out + result.err), "raw octets",
              repr(result.out))


def manual_knows_every_command_of_the_shell(lab):
    manual = read(os.path.join(os.path.dirname(__file__), "..", "..", "doc", "ferry.1"))
    manual = manual.split(".Sh INTERACTIVE SESSION")[1].replace("\\&", "")
    rows = re.findall(r"^(\S.*?) (?:\[|  |[a-z])", batch(lab, "@help\n").out, re.M)[1:]
    check(len(rows) > 20, "help has no rows", str(rows))
    for row in rows:
        names = row.replace(",", "").split()
        check(f".It Cm {' , '.join(names)}" in manual, f"the manual has no {row}")


TESTS = tuple(one for one in list(globals().values())
              if callable(one) and getattr(one, "__module__", "") == __name__
              and one not in (batch, as_sftp))
