"""Accounts out of other programs' lists: all or nothing, line by line."""

import os

from report import check, check_equal

SHA512 = ("$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc"
          ".eoxqOmSuNp2xS0ktL3nh/")


def names(lab):
    return {row["name"] for row in lab.json("list")}


def a_list_is_imported_with_directories_and_rights(lab):
    path = lab.write("users.conf", "# sftp\r\nimp-a:secret-a:1001:100:up/in,out\r\n"
                     f"imp-b:{SHA512}:e:1002\nimp-c::1003\n")
    root = os.path.join(lab.root, "imported", "%u")
    rows = lab.json("import", path, "--root", root, "--create-root", "--quota", "1G")
    check_equal([(row["t"], row["line"]) for row in rows],
                [("imported", 2), ("imported", 3), ("imported", 4)], "report")
    a, b, c = (lab.show("imp-" + letter) for letter in "abc")
    check_equal((a["uid"], a["gid"], a["quota"]), (1001, 100, 1 << 30), "of imp-a")
    check_equal(a["permissions"], "/ read\n/up/in all\n/out all", "permissions")
    check(os.path.isdir(root.replace("%u", "imp-a") + "/up/in"), "up/in is not there")
    check_equal((b["has-password"], c["has-password"]), (True, False), "passwords")
    check_equal(lab.value("SELECT password FROM account WHERE name = 'imp-b'"), SHA512, "hash")


def one_bad_line_imports_nothing(lab):
    path = lab.write("bad.conf", "good-1:x\n../evil:x\ngood-2:$1$a$b:e\ngood-3:x\n")
    result = lab.refused("import", path, "--root", "/srv/%u", says="nothing was imported: 2 bad")
    check("line 2: ?: " in result.out and "line 3: good-2: " in result.out, "report", result.out)
    check(not {"good-1", "good-3"} & names(lab), "some were imported")
    lab.user("import", path, "--root", "/srv/%u", "--skip-bad")
    check({"good-1", "good-3"} <= names(lab), "the good ones are missing")
    check("good-2" not in names(lab), "a bad one was imported")


def a_dry_run_changes_nothing(lab):
    path = lab.write("dry.conf", "dry-1:x\ndry-2:y\n")
    before = names(lab)
    root = os.path.join(lab.root, "dry", "%u")
    result = lab.user("import", path, "--root", root, "--create-root", "-n")
    check("line 1: dry-1: would be added" in result.out, "report", result.out)
    check_equal(names(lab), before, "accounts")
    check(not os.path.exists(os.path.join(lab.root, "dry")), "a directory was made")


def a_name_twice_is_a_bad_line(lab):
    path = lab.write("twice.conf", "twice:x\ntwice:y\n")
    result = lab.refused("import", path, "--root", "/srv/%u", says="1 bad")
    check("line 2: twice: account twice exists already" in result.out, "report", result.out)


def passwd_and_shadow_become_accounts(lab):
    passwd = lab.write("passwd", "root:x:0:0::/root:/bin/sh\n"
                       "sys-a:x:1001:1001::/home/sys-a:/bin/sh\n"
                       "sys-b:x:1002:1002::/home/sys-b:/bin/sh\n")
    shadow = lab.write("shadow", f"root:{SHA512}:1:0:9:7:::\nsys-a:{SHA512}:1:0:9:7::20000:\n"
                       f"sys-b:!{SHA512}:1:0:9:7:::\n")
    lab.user("import", "--passwd", passwd, "--shadow", shadow)
    a, b = lab.show("sys-a"), lab.show("sys-b")
    check_equal((a["root"], a["uid"], a["expires"], a["disabled"]),
                ("/home/sys-a", 1001, 20000 * 86400, False), "sys-a")
    check_equal(b["disabled"], True, "sys-b is disabled")
    check("root" not in names(lab), "root was imported")


def what_to_import_is_said_once(lab):
    lab.refused("import", says="one of FILE and --passwd")
    lab.refused("import", "x", "--passwd", "y", says="one of FILE and --passwd")
    lab.refused("import", "/nonexistent", "--root", "/x", says="/nonexistent")
    lab.refused("import", lab.write("r.conf", "rootless:x\n"), says="nothing was imported")


TESTS = (a_list_is_imported_with_directories_and_rights, one_bad_line_imports_nothing,
         a_dry_run_changes_nothing, a_name_twice_is_a_bad_line, passwd_and_shadow_become_accounts,
         what_to_import_is_said_once)
