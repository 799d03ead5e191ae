"""Bad input and bad times for a running ferry-sftp-server: threats P4, P9, P12, R1 to
R8, D1, D6."""

import contextlib
import os
import resource
import shutil
import subprocess
import time

import raw
from raw import string, u32, u64, NO_ATTRS
from report import Skipped, check, check_equal


def a_nul_in_a_path_hurts_that_request_only(lab):
    with raw.Client([lab.program], lab.folder()) as client:
        for kind in (raw.STAT, raw.OPENDIR, raw.REALPATH, raw.REMOVE, raw.READLINK):
            check_equal(client.ask(kind, string(b"a\0b")).code, raw.BAD_MESSAGE, f"{kind}")
        check_equal(client.ask(raw.STAT, string(".")).type, raw.ATTRS, "STAT afterwards")


def every_packet_type_is_answered(lab):
    with raw.Client([lab.program], lab.folder()) as client:
        for kind in range(2, 256):
            reply = client.ask(kind, b"")
            known = raw.OPEN <= kind <= raw.SYMLINK or kind == raw.EXTENDED
            check_equal(reply.code, raw.BAD_MESSAGE if known else raw.UNSUPPORTED, f"{kind}")


def broken_framing_ends_the_program(lab):
    for head in (b"\0\0\0\0", b"\0\4\0\1", b"\xff\xff\xff\xff", b"GET / HTTP/1.0\r\n\r\n"):
        with raw.Client([lab.program], lab.folder()) as client:
            client.send(head)
            check_equal(client.receive().type, 0, f"{head}")
            check_equal(client.child.wait(timeout=10), 255, "exit status")


def special_files_do_not_block(lab):
    folder = lab.folder()
    os.mkfifo(os.path.join(folder, "fifo"))
    with raw.Client([lab.program], folder, seconds=5) as client:
        for path in ("fifo", "/dev/null", "/dev/zero", "/proc/self/mem", "/proc/self/fd/0"):
            for flags in (raw.O_READ, raw.O_WRITE, raw.O_READ | raw.O_WRITE):
                reply = client.ask(raw.OPEN, string(path) + u32(flags) + NO_ATTRS)
                check_equal(reply.type, raw.STATUS, f"OPEN {path}")
        check_equal(client.ask(raw.STAT, string("fifo")).type, raw.ATTRS, "STAT of a FIFO")


def a_size_limit_is_an_answer_not_an_end(lab):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    with raw.Client([lab.program], lab.folder(), preexec_fn=limit) as client:
        handle = client.open("f", raw.O_READ | raw.O_WRITE | raw.O_CREAT)
        check_equal(client.write(handle, 0, b"x" * 1000).code, raw.OK, "a WRITE below it")
        reply = client.write(handle, 1 << 20, b"x")
        check_equal(reply.code, raw.FAILURE, "a WRITE beyond it")
        check(b"largest size" in reply.data, f"it says {reply.data}")
        for offset in (1 << 62, 1 << 63, (1 << 64) - 1):
            check(client.write(handle, offset, b"x").code in (raw.FAILURE, raw.BAD_MESSAGE),
                  f"a WRITE at {offset}")
        check_equal(client.read(handle, 999, 10).data, b"x", "READ afterwards")


def a_full_disk_is_told_and_keeps_what_was_acknowledged(lab):
    folder = lab.folder()
    mount = f"mount -t tmpfs -o size=8m none {folder} && cd {folder} && exec {lab.program}"
    if os.geteuid() != 0 or not shutil.which("unshare"):
        raise Skipped("needs root, to mount 8 MiB of tmpfs")
    with raw.Client(["unshare", "-m", "sh", "-c", mount], folder) as client:
        handle = client.open("f", raw.O_READ | raw.O_WRITE | raw.O_CREAT)
        block, at = os.urandom(100000), 0
        while (reply := client.write(handle, at, block)).code == raw.OK:
            at += len(block)
            check(at < 10 << 20, "8 MiB hold more than 10")
        check(b"space" in reply.data, f"it says {reply.data}")
        check(at > 7 << 20, f"only {at} octets were taken")
        for start in range(0, at, len(block)):
            check_equal(client.read(handle, start, len(block)).data == block, True, f"at {start}")


def what_was_acknowledged_survives_a_kill(lab):
    folder = lab.folder()
    block = os.urandom(30000)
    for n_blocks in (1, 7, 40):
        with raw.Client([lab.program], folder) as client:
            handle = client.open("f", raw.O_WRITE | raw.O_CREAT | raw.O_TRUNC)
            for i in range(n_blocks):
                check_equal(client.write(handle, i * len(block), block).code, raw.OK, "WRITE")
            client.send(client.frame(raw.WRITE, string(handle) + u64(n_blocks * len(block))
                                     + string(block))[:5000])  # and half of one more
            client.kill()
        with open(os.path.join(folder, "f"), "rb") as found:
            check_equal(found.read()[:n_blocks * len(block)] == block * n_blocks, True,
                        f"{n_blocks} blocks")


def reads_that_nobody_takes_cost_a_budget_and_no_more(lab):
    folder = lab.folder()
    with open(os.path.join(folder, "f"), "wb") as out:
        out.truncate(1 << 20)
    with raw.Client([lab.program], folder) as client:
        handle = client.open("f", raw.O_READ)
        idle = client.memory()
        frames = b"".join(client.frame(raw.READ, string(handle) + u64(0) + u32(1 << 18))
                          for _ in range(16384))
        os.set_blocking(client.child.stdin.fileno(), False)
        sent, deadline = 0, time.monotonic() + 2
        while time.monotonic() < deadline and sent < len(frames):
            sent += client.child.stdin.write(frames[sent:sent + 65536]) or 0
            time.sleep(0.001)
        check(sent < len(frames), "all was taken although nothing was read")
        check(client.memory("VmHWM") - idle < 8 << 10, f"{client.memory('VmHWM')} KiB")
        count = 1
        while client.receive().type == raw.DATA and count < 100:
            count += 1
        check_equal(count, 100, "replies, once somebody reads")


def large_directories_are_listed_in_flat_memory(lab):
    folder = lab.folder()
    for i in range(30000):
        os.mknod(os.path.join(folder, f"name-{i}"))
    with raw.Client([lab.program], folder) as client:
        client.names("/etc")
        before = client.memory("VmHWM")
        check_equal(len(client.names(".")), 30002, "names")
        grown = client.memory("VmHWM") - before
        check(grown < 512, f"the listing took {grown} KiB")


def the_program_ends_with_its_client(lab):
    folder = lab.folder()
    with raw.Client([lab.program], folder) as client:
        check_equal(client.end(), 0, "exit status after the last request")
    with raw.Client([lab.program], folder) as client:
        client.send(b"\0\0\0\x10\x11\0")
        check_equal(client.end(), 255, "exit status in the middle of a request")
    with raw.Client([lab.program], folder, stderr=subprocess.DEVNULL) as client:
        client.child.stdout.close()
        with contextlib.suppress(BrokenPipeError):  # it may have seen so already
            client.send(client.frame(raw.STAT, string(".")))
        check_equal(client.child.wait(timeout=10), 255, "exit status when nobody reads")


def a_copy_onto_itself_is_refused(lab):
    folder = lab.folder()
    lab.with_file(folder, "f", "0123456789")
    os.link(os.path.join(folder, "f"), os.path.join(folder, "other"))
    with raw.Client([lab.program], folder) as client:
        source = string(client.open("f", raw.O_READ))
        target = string(client.open("other", raw.O_WRITE))
        reply = client.extended("copy-data", source + u64(0) + u64(0) + target + u64(10))
        check_equal(reply.code, raw.FAILURE, "copy-data")
    check_equal(os.path.getsize(os.path.join(folder, "f")), 10, "size")


TESTS = (a_nul_in_a_path_hurts_that_request_only, every_packet_type_is_answered,
         broken_framing_ends_the_program, special_files_do_not_block,
         a_size_limit_is_an_answer_not_an_end,
         a_full_disk_is_told_and_keeps_what_was_acknowledged,
         what_was_acknowledged_survives_a_kill,
         reads_that_nobody_takes_cost_a_budget_and_no_more,
         large_directories_are_listed_in_flat_memory, the_program_ends_with_its_client,
         a_copy_onto_itself_is_refused)
