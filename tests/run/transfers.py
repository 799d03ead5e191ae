"""Files of accounts: what arrives, who owns it, what is refused and with which words."""

import os
import subprocess

import proc
from ferryd_run import ALICE, PASSWORD, VIRTUAL_USER, Site, ids_of, need_root, read
from files import MIB, difference, read_tree, write_random, write_tree
from report import Skipped, check, check_equal


def files_arrive_whole_both_ways(lab):
    with Site(lab) as site:
        root = site.add_user("alice", key=lab.key)
        big = write_random(site.path("big"), 9 * MIB + 77, seed="big")
        site.sftp(f"put {big} sent\nget sent {site.path('back')}", "alice")
        check_equal(read(os.path.join(root, "sent")), read(big), "what arrived")
        check_equal(read(site.path("back")), read(big), "what came back")
        with site.client("alice", password=PASSWORD) as client:
            client.put("small", b"x" * 100001)
            check_equal(client.get("small"), b"x" * 100001, "paramiko's")
            check_equal(sorted(client.sftp.listdir("/")), ["sent", "small"], "names")


def trees_arrive_whole(lab):
    with Site(lab) as site:
        root = site.add_user("alice", key=lab.key)
        tree = write_tree(site.path("tree"), ("with space", "-dash", "Grüße"))
        site.sftp(f"put -R {tree} there\nget -R there {site.path('back')}", "alice")
        for copy in (os.path.join(root, "there"), site.path("back")):
            differs = difference(read_tree(tree), read_tree(copy))
            check(not differs, f"{copy}: {differs}")


def virtual_account_sees_its_root_and_nothing_else(lab):
    with Site(lab) as site:
        root = site.add_user("alice")
        os.symlink("/etc", os.path.join(root, "link"))
        with site.client("alice", password=PASSWORD) as client:
            check_equal(client.sftp.normalize("."), "/", "where it begins")
            for name in ("/etc/passwd", "../../../etc/passwd", "link/passwd",
                         site.config_path, "/proc/self/status"):
                client.refusal(client.sftp.stat, name)
                client.refusal(client.get, name)


def accounts_do_not_see_each_other(lab):
    with Site(lab) as site:
        root = site.add_user("alice")
        other = site.add_user("bob")
        with open(os.path.join(other, "secret"), "wb") as out:
            out.write(b"bob's\n")
        os.symlink(os.path.join(other, "secret"), os.path.join(root, "link"))
        with site.client("alice", password=PASSWORD) as client:
            for name in ("../bob/secret", os.path.join(other, "secret"), "link"):
                client.refusal(client.get, name)


def virtual_accounts_files_are_the_virtual_users(lab):
    need_root(lab)
    with Site(lab) as site:
        root = site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.put("file", b"x")
            client.sftp.mkdir("folder")
        for name in ("file", "folder"):
            status = os.stat(os.path.join(root, name))
            check_equal((status.st_uid, status.st_gid), ids_of(VIRTUAL_USER), f"owner of {name}")


def system_account_in_a_chroot(lab):
    need_root(lab)
    with Site(lab, "ChrootDirectory {home}/jail", accounts="system") as site:
        inside = site.path("jail", "in")
        os.makedirs(inside)
        os.chown(inside, *ids_of(ALICE))
        with site.client(ALICE, password=PASSWORD) as client:
            check_equal(client.sftp.listdir("/"), ["in"], "what is in the root")
            client.put("/in/file", b"jailed\n")
            check_equal(read(os.path.join(inside, "file")), b"jailed\n", "content")
            client.refusal(client.put, "/outside", b"x")
            client.refusal(client.sftp.stat, "/etc")


def chroot_that_others_may_write_to_is_refused(lab):
    need_root(lab)
    with Site(lab, "ChrootDirectory {home}/jail", accounts="system") as site:
        os.mkdir(site.path("jail"))
        os.chmod(site.path("jail"), 0o777)
        try:
            with site.client(ALICE, password=PASSWORD) as client:
                client.sftp.listdir("/")
        except Exception:  # whichever way it ends, it must not be served
            site.await_log("jail")
            return
        check(False, "it was served")


def upload_appears_when_it_is_whole(lab):
    """D2: the old file stays until CLOSE; a cut connection leaves it as it was."""
    with Site(lab) as site:
        root = site.add_user("alice")
        with site.client("alice", password=PASSWORD) as client:
            client.put("file", b"old content")
            out = client.sftp.open("file", "wb")
            out.write(b"new")
            check_equal(read(os.path.join(root, "file")), b"old content", "while it is written")
            check_equal(client.sftp.listdir("/"), ["file"], "names while it is written")
            out.close()
            check_equal(read(os.path.join(root, "file")), b"new", "after CLOSE")
            out = client.sftp.open("file", "wb")
            out.write(b"x" * 100000)
        site.await_log("alice")
        from procfs import await_true  # pylint: disable=import-outside-toplevel
        await_true(lambda: not site.session_pids(), "the session stayed")
        check_equal(read(os.path.join(root, "file")), b"new", "after a cut connection")


def quota_is_exact(lab):
    with Site(lab) as site:
        site.add_user("alice", "--quota", "100000", "--quota-files", "3")
        with site.client("alice", password=PASSWORD) as client:
            client.put("a", b"x" * 60000)
            said = client.refusal(client.put, "b", b"x" * 60000)
            check("quota" in said.lower(), f"the words are {said!r}")
            client.put("b", b"x" * 40000)
            client.refusal(client.put, "c", b"x")
            client.sftp.remove("a")
            client.put("c", b"x" * 60000)
            client.refusal(client.put, "d", b"x")  # no octet left
            client.sftp.remove("b")
            client.put("d", b"")
            client.put("e", b"")
            said = client.refusal(client.put, "f", b"")
            check("quota" in said.lower(), f"the words are {said!r}")
            check(client.is_alive(), "the session ended")


def quota_counts_what_is_in_flight(lab):
    """Two sessions cannot both have the last octets."""
    with Site(lab) as site:
        site.add_user("alice", "--quota", "100000")
        with site.client("alice", password=PASSWORD) as one, \
                site.client("alice", password=PASSWORD) as two:
            first, second = one.sftp.open("a", "wb"), two.sftp.open("b", "wb")
            first.write(b"x" * 60000)
            first.stat()  # answered after the write
            try:
                second.write(b"x" * 60000)
                second.close()
            except OSError as error:
                check("quota" in str(error).lower(), f"the words are {error}")
                first.close()
                return
            check(False, "both were let")


def rights_by_directory(lab):
    with Site(lab) as site:
        root = site.add_user("alice", "--permissions",
                             "/ list,download\n/in upload,mkdir\n/desk all")
        for name in ("in", "desk"):
            os.mkdir(os.path.join(root, name))
            site.give_files(os.path.join(root, name))
        with open(os.path.join(root, "readme"), "wb") as out:
            out.write(b"read me\n")
        with site.client("alice", password=PASSWORD) as client:
            check_equal(client.get("readme"), b"read me\n", "a download")
            client.refusal(client.put, "/new", b"x")
            client.refusal(client.sftp.remove, "/readme")
            client.put("/in/drop", b"dropped")
            client.refusal(client.sftp.listdir, "/in")
            client.refusal(client.get, "/in/drop")
            client.refusal(client.sftp.remove, "/in/drop")
            client.put("/desk/a", b"1")
            client.sftp.rename("/desk/a", "/desk/b")
            client.sftp.remove("/desk/b")


def refusals_tell_their_rule_and_explain_agrees(lab):
    with Site(lab) as site:
        site.add_user("alice", "--permissions", "/ list,download")
        with site.client("alice", password=PASSWORD) as client:
            said = client.refusal(client.put, "/new", b"x")
        check("/ list" in said or "list,download" in said or "upload" in said,
              f"no rule in {said!r}")
        told = site.command("explain", "-f", site.config_path, "alice", "upload", "/new",
                            statuses=None)
        check(told.status != 0 and "upload" in told.out + told.err, told.describe())


def full_disk_has_its_own_words(lab):
    """D6: a tmpfs of 2 MiB; the session lives, and goes on when there is room."""
    need_root(lab)
    with Site(lab) as site:
        root = site.add_user("alice")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "none", root],
                                 capture_output=True, check=False)
        if mounted.returncode:
            raise Skipped(f"cannot mount: {mounted.stderr.decode().strip()}")
        try:
            with site.client("alice", password=PASSWORD) as client:
                client.put("keep", b"k" * MIB)
                said = client.refusal(client.put, "large", b"x" * 4 * MIB)
                check("space" in said.lower() or "full" in said.lower(), f"words: {said!r}")
                check_equal(client.get("keep"), b"k" * MIB, "another file")
                client.sftp.remove("keep")
                client.put("after", b"a" * MIB)
                check_equal(sorted(client.sftp.listdir("/")), ["after"], "names")
        finally:
            site.stop()
            proc.run(["umount", root])


def out_of_inodes_has_its_own_words(lab):
    need_root(lab)
    with Site(lab) as site:
        root = site.add_user("alice")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=6,mode=777", "none",
                                  root], capture_output=True, check=False)
        if mounted.returncode:
            raise Skipped(f"cannot mount: {mounted.stderr.decode().strip()}")
        try:
            with site.client("alice", password=PASSWORD) as client:
                words = ""
                for i in range(10):
                    try:
                        client.put(f"f{i}", b"")
                    except OSError as error:
                        words = str(error)
                        break
                check(words, "ten files fitted in six inodes")
                check(client.is_alive() and client.sftp.listdir("/"), "the session ended")
        finally:
            site.stop()
            proc.run(["umount", root])


def two_writers_never_mix(lab):
    """D8: with atomic uploads the last CLOSE wins, whole."""
    with Site(lab) as site:
        root = site.add_user("alice")
        with site.client("alice", password=PASSWORD) as one, \
                site.client("alice", password=PASSWORD) as two:
            first, second = one.sftp.open("file", "wb"), two.sftp.open("file", "wb")
            for _ in range(20):
                first.write(b"1" * 1000)
                second.write(b"2" * 1000)
            second.close()
            first.close()
        check_equal(set(read(os.path.join(root, "file"))), {ord("1")}, "octets of the file")


TESTS = (
    files_arrive_whole_both_ways, trees_arrive_whole,
    virtual_account_sees_its_root_and_nothing_else, accounts_do_not_see_each_other,
    virtual_accounts_files_are_the_virtual_users, system_account_in_a_chroot,
    chroot_that_others_may_write_to_is_refused, upload_appears_when_it_is_whole, quota_is_exact,
    quota_counts_what_is_in_flight, rights_by_directory,
    refusals_tell_their_rule_and_explain_agrees, full_disk_has_its_own_words,
    out_of_inodes_has_its_own_words, two_writers_never_mix,
)
