"""Accounts added, shown, changed, deleted; every option bites."""

import os
import re
import stat

from lab import FAILED, USAGE
from report import check, check_equal

# Option, value, and what `show --json` says then.
OPTIONS = (
    ("--root", "/srv/x", "root", "/srv/x"),
    ("--chain", "publickey,password", "chain", "publickey,password"),
    ("--expires", "2030-01-31", "expires", 1896134399),
    ("--networks", "192.0.2.0/24,2001:db8::/32", "networks", "192.0.2.0/24,2001:db8::/32"),
    ("--refuse-names", "*.exe", "refuse-names", "*.exe"),
    ("--permissions", "/in dropbox", "permissions", "/in dropbox"),
    ("--max-sessions", "3", "max-sessions", 3),
    ("--upload-rate", "10M", "upload-rate", 10 << 20),
    ("--download-rate", "1k", "download-rate", 1024),
    ("--quota", "10G", "quota", 10 << 30),
    ("--quota-files", "1000", "quota-files", 1000),
    ("--uid", "1001", "uid", 1001),
    ("--gid", "1002", "gid", 1002),
    ("--umask", "027", "umask", "027"),
    ("--read-only", None, "read-only", True),
    ("--direct-uploads", None, "atomic-uploads", False),
    ("--atomic-uploads", None, "atomic-uploads", True),
    ("--durable", None, "durable", True),
)


def every_option_is_stored_and_shown(lab):
    for i, (option, value, member, shown) in enumerate(OPTIONS):
        words = [option] if value is None else [option, value]
        if option != "--root":
            words += ["--root", "/srv/y"]
        lab.user("add", f"option{i}", *words)
        check_equal(lab.show(f"option{i}").get(member), shown, option)


def set_changes_what_it_names_alone(lab):
    lab.add("setter", "--quota", "1G", "--umask", "027")
    lab.user("set", "setter", "--quota", "2G")
    seen = lab.show("setter")
    check_equal((seen["quota"], seen["umask"]), (2 << 30, "027"), "quota and umask")
    lab.user("set", "setter", "--unset", "quota")
    check("quota" not in lab.show("setter"), "quota is still set")
    lab.refused("set", "setter", says="nothing is to be changed")
    lab.refused("set", "setter", "--unset", "nothing", says="no such option")
    lab.refused("set", "setter", "--quota", "1G", "--unset", "quota", says="both")
    lab.refused("set", "nobody", "--quota", "1G", says="there is no account nobody")


def a_group_gives_what_is_not_set(lab):
    lab.user("group", "add", "staff", "--root", "/srv/staff/%u", "--quota", "5G", "--umask", "007")
    lab.user("add", "member", "--group", "staff", "--umask", "027")
    seen = lab.show("member")
    check_equal((seen["root"], seen["quota"], seen["umask"]), ("/srv/staff/%u", 5 << 30, "027"),
                "effective values")
    check_equal(set(seen["from-group"].split(",")), {"root", "quota"}, "from-group")
    text = lab.user("show", "member").out
    check("(group staff)" in text and "(own)" in text and "(configuration)" in text,
          "show does not say where values come from", text)
    lab.user("group", "set", "staff", "--quota", "6G")
    check_equal(lab.show("member")["quota"], 6 << 30, "quota after the group's change")
    lab.refused("group", "del", "staff", says="still has 1 accounts")
    lab.user("del", "member")
    lab.user("group", "del", "staff")
    lab.refused("add", "late", "--group", "staff", says="there is no group staff")


def disable_enable_and_delete_take_effect(lab):
    lab.add("passing", "--generate")
    lab.user("disable", "passing")
    check_equal(lab.show("passing")["disabled"], True, "disabled")
    lab.user("enable", "passing")
    check_equal(lab.show("passing")["disabled"], False, "disabled")
    lab.user("del", "passing")
    lab.refused("show", "passing", says="there is no account passing")
    lab.refused("del", "passing", says="there is no account passing")


def hostile_names_are_refused(lab):
    """Threat A9."""
    for name in ("", ".hidden", "..", "a/b", "a b", "a'b", "a;b", "$(id)", "a\nb", "ü", "x" * 65,
                 "%u", "a\\b"):
        lab.refused("add", "--root", "/srv/x", "--", name, says="name")
    lab.user("add", "--root", "/srv/x", "--", "-x", status=FAILED)
    lab.user("add", "x" * 64, "--root", "/srv/x")
    lab.user("add", "A.b-c_d@e+f", "--root", "/srv/x")


def values_out_of_range_are_usage_errors(lab):
    for option, value in (("--root", "relative"), ("--root", "/a/../b"), ("--uid", "0"),
                          ("--uid", "4294967295"), ("--quota", "-1"), ("--quota", "1X"),
                          ("--quota", "99999999999999999999"), ("--umask", "9"),
                          ("--expires", "2030-02-30"), ("--networks", "10.0.0.1/8"),
                          ("--permissions", "/ everything"), ("--refuse-names", "a/b"),
                          ("--chain", "telepathy"), ("--max-sessions", "many"),
                          ("--read-only=perhaps", None)):
        words = [option] if value is None else [option, value]
        lab.refused("add", "wrong", *words, says=option.split("=")[0].strip("-"), status=USAGE)
    lab.refused("add", "wrong", "--no-such", says="no option", status=USAGE)
    lab.refused("add", says="usage", status=USAGE)
    lab.refused("list", "extra", says="usage", status=USAGE)


def repeated_options_add_up(lab):
    lab.add("adder", "--permissions", "/ read", "--permissions", "/in dropbox", "--refuse-names",
            "*.exe", "--refuse-names", "*.bat")
    seen = lab.show("adder")
    check_equal(seen["permissions"], "/ read\n/in dropbox", "permissions")
    check_equal(seen["refuse-names"], "*.exe,*.bat", "refuse-names")


def an_account_needs_a_root(lab):
    lab.refused("add", "rootless", says="no root directory")
    lab.refused("show", "rootless", says="there is no account")


def create_root_makes_the_directory(lab):
    lab.add("maker", "--create-root")
    st = os.stat(os.path.join(lab.root, "roots", "maker"))
    check_equal(stat.S_IMODE(st.st_mode), 0o750, "mode")
    if os.geteuid() == 0:
        lab.add("owner", "--create-root", "--uid", "1234", "--gid", "1235")
        st = os.stat(os.path.join(lab.root, "roots", "owner"))
        check_equal((st.st_uid, st.st_gid), (1234, 1235), "owner")


def a_list_has_a_line_for_each(lab):
    lab.add("listed-b")
    lab.add("listed-a")
    names = [row["name"] for row in lab.json("list")]
    check(names == sorted(names) and {"listed-a", "listed-b"} <= set(names), f"names are {names}")
    text = lab.user("list").out
    check("listed-a" in text and text.startswith("NAME"), "no table", text)


def the_database_is_its_owners_alone(lab):
    lab.add("first")
    check_equal(stat.S_IMODE(os.stat(lab.database).st_mode), 0o600, "mode")
    os.chmod(lab.database, 0o644)
    try:
        lab.refused("list", says="lets others read it")
    finally:
        os.chmod(lab.database, 0o600)


def a_database_that_is_missing_or_foreign_is_told(lab):
    missing = os.path.join(lab.root, "missing.db")
    lab.refused("list", database=missing, says="there is no account database")
    lab.refused("passwd", "x", "--generate", database=missing, says="there is no account database")
    check(not os.path.exists(missing), "a reader made the database")
    other = lab.write("other.db", "not a database, but a text that is long enough for a header " * 5)
    os.chmod(other, 0o600)
    lab.refused("add", "x", "--root", "/x", database=other, says="not an account database")
    check_equal(open(other, encoding="utf-8").read()[:3], "not", "its beginning")


def the_default_place_is_the_state_directory(lab):
    if os.geteuid() == 0:
        import report  # pylint: disable=import-outside-toplevel
        raise report.Skipped("root's default is /var/lib/ferry")
    import proc  # pylint: disable=import-outside-toplevel
    proc.run([lab.program, "user", "add", "homely", "--root", "/x"],
             env={"HOME": lab.root, "PATH": "/usr/bin:/bin"})
    path = os.path.join(lab.root, ".local/state/ferry/accounts.db")
    check_equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
    check_equal(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700, "directory's mode")


def help_names_every_command(lab):
    text = lab.user("--help", database="x").out
    for command in ("add", "list", "show", "set", "passwd", "key add", "key list", "key del",
                    "totp enable", "totp disable", "recovery", "disable", "enable", "del", "import",
                    "group add", "group list", "group del"):
        check(f"\n  {command} " in text, f"help lacks {command}", text)
        own = lab.user(*command.split(), "--help").out
        check(own.startswith(f"usage: ferryd user {command} "), f"no help of {command}", own)


def the_manual_names_every_command_and_option(lab):
    path = os.path.join(os.path.dirname(__file__), "..", "..", "doc", "ferryd-user.8")
    with open(path, encoding="utf-8") as file:
        manual = file.read()
    commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?) ", lab.user("--help").out, flags=re.M)
    check(len(commands) >= 20, f"only {len(commands)} commands in the help")
    for command in commands:
        check(f"\n.It Cm {command}" in manual, f"the manual lacks {command}")
        for option in re.findall(r"^ .{5}--([a-z-]+)", lab.user(*command.split(), "--help").out,
                                 flags=re.M):
            check(re.search(rf"^\.It (Fl . , )?Fl -{option}\b(?!-)", manual, flags=re.M),
                  f"the manual lacks --{option}")


TESTS = (every_option_is_stored_and_shown, set_changes_what_it_names_alone,
         a_group_gives_what_is_not_set, disable_enable_and_delete_take_effect,
         hostile_names_are_refused, values_out_of_range_are_usage_errors, repeated_options_add_up,
         an_account_needs_a_root, create_root_makes_the_directory, a_list_has_a_line_for_each,
         the_database_is_its_owners_alone, a_database_that_is_missing_or_foreign_is_told,
         the_default_place_is_the_state_directory, help_names_every_command,
         the_manual_names_every_command_and_option)
