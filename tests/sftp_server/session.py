"""sftp(1) -D with ferry-sftp-server: the commands people type."""

import filecmp
import hashlib
import os

import files
import proc
import raw
from raw import string, u32, u64
from report import check, check_equal

SCRIPT = """
mkdir new
cd new
put {big} up
get up {down}
rename up moved
ln -s moved soft
ln moved hard
chmod 640 moved
cp moved copied
put -p {big} kept
df
df -h .
ls -la
cd ..
rename new renamed
ls -l renamed
mkdir empty
rmdir empty
put -R {tree} .
get -R tree {back}
"""


def a_session_does_what_it_says(lab):
    folder, local = lab.folder(), lab.folder()
    big = files.write_random(os.path.join(local, "big"), 5 << 20, seed=1)
    os.utime(big, (1e9, 1.1e9))
    tree = files.write_tree(os.path.join(local, "tree"), files.ODD_NAMES)
    down, back = os.path.join(local, "down"), os.path.join(local, "back")
    os.mkdir(back)
    script = SCRIPT.format(big=big, down=down, tree=tree, back=back)
    result = proc.run(["sftp", "-D", lab.program, "-b", "-"], stdin=script, cwd=folder)
    made = os.path.join(folder, "renamed")
    for name in ("moved", "hard", "soft", "copied", "kept"):
        check(filecmp.cmp(big, os.path.join(made, name), shallow=False), f"{name} differs")
    check(filecmp.cmp(big, down, shallow=False), "what was got differs")
    check_equal(os.readlink(os.path.join(made, "soft")), "moved", "the link")
    check_equal(os.stat(os.path.join(made, "moved")).st_nlink, 2, "names of the file")
    check_equal(os.stat(os.path.join(made, "moved")).st_mode & 0o7777, 0o640, "its mode")
    check_equal(os.stat(os.path.join(made, "kept")).st_mtime, 1.1e9, "the kept time")
    check("%Capacity" in result.out, "df shows nothing", result.describe())
    whole = files.read_tree(tree)
    for other in (os.path.join(folder, "tree"), os.path.join(back, "tree")):
        check_equal(files.difference(whole, files.read_tree(other)), "", "the tree")


def an_upload_is_resumed(lab):
    folder, local = lab.folder(), lab.folder()
    big = files.write_random(os.path.join(local, "big"), 3 << 20, seed=2)
    files.write_prefix(big, os.path.join(folder, "up"), 1234567)
    files.write_prefix(big, os.path.join(local, "down"), 7654321 % (3 << 20))
    script = f"reput {big} up\nreget up {local}/down\n"
    proc.run(["sftp", "-D", lab.program, "-b", "-"], stdin=script, cwd=folder)
    for path in (os.path.join(folder, "up"), os.path.join(local, "down")):
        check(filecmp.cmp(big, path, shallow=False), f"{path} differs")


def check_file_tells_the_digest(lab):
    folder = lab.folder()
    content = os.urandom(300000)
    with open(os.path.join(folder, "f"), "wb") as out:
        out.write(content)
    with raw.Client([lab.program], folder) as client:
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
            reply = client.extended("check-file-name", string("f") + string(f"nope,{name}")
                                    + u64(0) + u64(0) + u32(0))
            check_equal(reply.body, string(name) + hashlib.new(name, content).digest(), name)
        reply = client.extended("check-file-name", string("f") + string("sha256")
                                + u64(1000) + u64(0) + u32(65536))
        blocks = b"".join(hashlib.sha256(content[at:at + 65536]).digest()
                          for at in range(1000, len(content), 65536))
        check_equal(reply.body, string("sha256") + blocks, "blocks")


TESTS = (a_session_does_what_it_says, an_upload_is_resumed, check_file_tells_the_digest)
