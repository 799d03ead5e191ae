"""What every client does with every server, and how the disk must look afterwards.

A step is a function (lab, client, target, place): `place` is a folder of the share that
belongs to this client and step. Steps that need an operation the client lacks are left
out of its row.
"""

import contextlib
import os
import shutil

import files
import proc
from report import check, check_equal

N_LISTED = 300  # more than fits one READDIR reply of any server


def list_names(lab, client, target, place):
    wanted = set(target.names) | {f"entry{i:04}" for i in range(N_LISTED)}
    for name in wanted:
        with open(target.local(f"{place}/{name}"), "wb"):
            pass
    target.give(target.local(place))
    shown = client.perform(target, ("ls", target.remote(place)))
    # Programs decorate: paths, columns, quotes, backslashes. Every name must be in there.
    plain = shown.replace("\\", "")
    missing = sorted(name for name in wanted if name not in plain)
    check(not missing, f"not listed: {missing[:5]}", shown[:2000])


def put_file(lab, client, target, place, rekey=False):
    with _rekeys_seen(target, rekey):
        client.perform(target, ("put", lab.big, target.remote(f"{place}/big")), rekey=rekey)
    _await_close(client, target, f"{place}/big")
    check_equal(files.sha256(target.local(f"{place}/big")), lab.big_hash, "uploaded file")


def get_file(lab, client, target, place, rekey=False):
    _seed_big(lab, target, place)
    local = _fresh(lab, target, client, "big")
    with _rekeys_seen(target, rekey):
        client.perform(target, ("get", target.remote(f"{place}/big"), local), rekey=rekey)
    check_equal(files.sha256(local), lab.big_hash, "downloaded file")
    files.remove(local)


def resume_put(lab, client, target, place):
    part = target.local(f"{place}/big")
    target.give(files.write_prefix(lab.big, part, os.path.getsize(lab.big) // 3))
    client.perform(target, ("reput", lab.big, target.remote(f"{place}/big")))
    check_equal(files.sha256(part), lab.big_hash, "resumed upload")


def resume_get(lab, client, target, place):
    _seed_big(lab, target, place)
    local = _fresh(lab, target, client, "part")
    files.write_prefix(lab.big, local, os.path.getsize(lab.big) // 3)
    client.perform(target, ("reget", target.remote(f"{place}/big"), local))
    check_equal(files.sha256(local), lab.big_hash, "resumed download")
    files.remove(local)


def rename_file(lab, client, target, place):
    target.give(files.write_random(target.local(f"{place}/old"), 1000, seed=1))
    client.perform(target, ("rename", target.remote(f"{place}/old"),
                            target.remote(f"{place}/new")))
    check_equal(sorted(os.listdir(target.local(place))), ["new"], "folder after rename")


def remove_file(lab, client, target, place):
    target.give(files.write_random(target.local(f"{place}/doomed"), 1000, seed=2))
    client.perform(target, ("rm", target.remote(f"{place}/doomed")))
    check_equal(os.listdir(target.local(place)), [], "folder after remove")


def make_and_remove_dir(lab, client, target, place):
    folder = target.remote(f"{place}/folder")
    client.perform(target, ("mkdir", folder))
    check(os.path.isdir(target.local(f"{place}/folder")), "mkdir made no folder")
    client.perform(target, ("rmdir", folder))
    check_equal(os.listdir(target.local(place)), [], "folder after rmdir")


def put_tree(lab, client, target, place):
    client.perform(target, ("puttree", target.tree, target.remote(f"{place}/tree")))
    for name in files.read_tree(target.tree):
        _await_close(client, target, f"{place}/tree/{name}")
    _compare_tree(target, target.local(f"{place}/tree"))


def get_tree(lab, client, target, place):
    target.give(shutil.copytree(target.tree, target.local(f"{place}/tree")))
    local = _fresh(lab, target, client, "tree")
    client.perform(target, ("gettree", target.remote(f"{place}/tree"), local))
    _compare_tree(target, local)
    files.remove(local)


def rekey_put(lab, client, target, place):
    put_file(lab, client, target, place, rekey=True)


def rekey_get(lab, client, target, place):
    get_file(lab, client, target, place, rekey=True)


# name, operations it needs, whether the client must be able to ask for rekeys, function
STEPS = (
    ("list", {"ls"}, False, list_names),
    ("put", {"put"}, False, put_file),
    ("get", {"get"}, False, get_file),
    ("resume-put", {"reput"}, False, resume_put),
    ("resume-get", {"reget"}, False, resume_get),
    ("rename", {"rename"}, False, rename_file),
    ("remove", {"rm"}, False, remove_file),
    ("mkdir-rmdir", {"mkdir", "rmdir"}, False, make_and_remove_dir),
    ("put-tree", {"puttree"}, False, put_tree),
    ("get-tree", {"gettree"}, False, get_tree),
    ("rekey-put", {"put"}, True, rekey_put),
    ("rekey-get", {"get"}, True, rekey_get),
)


def _steps_of(client, only):
    return [(name, function) for name, needs, rekeys, function in STEPS
            if needs <= client.verbs and (client.can_rekey or not rekeys)
            and (not only or name in only) and name not in client.lacks]


def has_wanted_step(report, client, row, only=()):
    return any(report.wants(f"{row}/{name}") for name, _ in _steps_of(client, only))


def run_steps(report, lab, client, target, row, only=()):
    """Every step this client can do, each in a folder of its own; ROW/STEP is its name."""
    for name, function in _steps_of(client, only):
        report.run(f"{row}/{name}", _run_step, name, function, lab, client, target)


def _run_step(name, function, lab, client, target):
    place = f"{client.name}-{name}"
    os.makedirs(target.local(place))
    target.give(target.local(place))
    try:
        function(lab, client, target, place)
    finally:
        files.remove(target.local(place))


@contextlib.contextmanager
def _rekeys_seen(target, rekey):
    """What happens inside must rekey in its middle, if it is meant to and our server can
    tell.
    """
    if not target.log or not (rekey or target.rekeys_itself):
        yield
        return
    before = target.n_rekeys()
    yield
    check(target.n_rekeys() - before >= 2, f"only {target.n_rekeys() - before} rekeys happened")


def _await_close(client, target, name):
    """An upload has its name once CLOSE is answered, where uploads are atomic."""
    if client.closes_late:
        proc.wait_until(lambda: os.path.exists(target.local(name)), f"{name} to be there")


def _seed_big(lab, target, place):
    """Put the big file into the share, for a client to download."""
    target.give(shutil.copyfile(lab.big, target.local(f"{place}/big")))


def _fresh(lab, target, client, name):
    """A local path where nothing is yet."""
    path = lab.path(f"local-{client.name}-{target.port}-{name}")
    files.remove(path)
    return path


def _compare_tree(target, path):
    difference = files.difference(files.read_tree(target.tree), files.read_tree(path))
    check(not difference, f"tree: {difference}")
