"""Files to transfer and how to tell that they arrived."""

import hashlib
import os
import random
import shutil

MIB = 1 << 20


def write_random(path, size, seed):
    """A file of `size` bytes that no compressor shrinks, the same for the same seed."""
    generator = random.Random(seed)
    with open(path, "wb") as out:
        while size > 0:
            piece = min(size, MIB)
            out.write(generator.randbytes(piece))
            size -= piece
    return path


def write_prefix(source, path, size):
    """The first `size` bytes of source: a transfer that was cut off there."""
    with open(source, "rb") as whole, open(path, "wb") as part:
        part.write(whole.read(size))
    return path


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as data:
        while piece := data.read(MIB):
            digest.update(piece)
    return digest.hexdigest()


# Names that have tripped clients and servers: quoting, globbing, options, encodings.
ODD_NAMES = ("with space", "Grüße-日本", "quote'and", "-dash", "semi;colon", "star[1]")
ODD_ASCII_NAMES = tuple(name for name in ODD_NAMES if name.isascii())


def write_tree(root, names, n_files=40):
    """A small tree: files of many sizes, three levels, an empty file, odd names."""
    for i in range(n_files):
        folder = os.path.join(root, f"d{i % 4}", "inner") if i % 3 else root
        os.makedirs(folder, exist_ok=True)
        write_random(os.path.join(folder, f"file{i:03}"), i * i * 97, seed=i)
    for name in names:
        write_random(os.path.join(root, name), 1000, seed=name)
    return root


def read_tree(root):
    """Relative path -> content hash, for every file below root."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = sha256(path)
    return found


def difference(one, other):
    """What differs between two read_tree results, in a few words; '' if nothing."""
    words = [f"missing {name}" for name in sorted(one.keys() - other.keys())]
    words += [f"extra {name}" for name in sorted(other.keys() - one.keys())]
    words += [f"differs {name}" for name in sorted(one) if one[name] != other.get(name, one[name])]
    return ", ".join(words[:5])


def remove(path):
    """Remove a file or a tree, if it is there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
