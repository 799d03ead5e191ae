"""The real FileZilla on a screen nobody sees: one upload, one download, by mouse and
keyboard; then the files on disk are compared.
"""

import os
import time

import files
import proc
from lab import BUILD, need_program
from report import Failed, check_equal

# Where things are, in pixels from the window's corner, at 1280x900 with no bookmarks and
# no other files: ".." is each pane's first row.
ALWAYS_TRUST, TRUST_OK = (63, 159), (537, 191)
FIRST_LOCAL_FILE, FIRST_REMOTE_FILE = (43, 332), (680, 332)


class Screen:
    """An X server with a window manager and what xdotool does on it."""

    def __init__(self, lab):
        self.lab = lab
        self.children = []
        self.env = {**lab.env, "HOME": lab.folder("filezilla-home")}

    def __enter__(self):
        # The server picks a free display itself and says which.
        reader, writer = os.pipe()
        self._start([need_program("Xvfb", "xvfb"), "-displayfd", str(writer), "-screen", "0",
                     "1280x900x24", "-nolisten", "tcp"], pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader, encoding="ascii") as display:
            self.env["DISPLAY"] = ":" + display.readline().strip()
        self._start([need_program("openbox", "openbox")])
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            proc.end_group(child)

    def _start(self, argv, **options):
        with open(self.lab.path("filezilla.log"), "ab") as log:
            child = proc.start(argv, stdin=log, stdout=log, stderr=log, env=self.env, **options)
        self.children.append(child)

    def open_filezilla(self, target, folder):
        self._start([need_program("filezilla", "filezilla"), f"--local={folder}",
                     f"sftp://{target.user}:{target.password}@127.0.0.1:{target.port}"])

    def xdotool(self, *words, statuses=(0,)):
        return proc.run([need_program("xdotool", "xdotool"), *words], env=self.env,
                        statuses=statuses).out.split()

    def wait_for(self, title, seconds=30):
        """The window with this title, once it is there."""
        deadline = time.monotonic() + seconds * proc.slowness
        while time.monotonic() < deadline:
            if found := self.xdotool("search", "--onlyvisible", "--name", title,
                                     statuses=(0, 1)):
                return found[0]
            time.sleep(0.3)
        raise Failed(f"FileZilla shows no window '{title}'", self.describe())

    def click(self, window, place):
        self.xdotool("mousemove", "--window", window, *place, "click", "1")
        time.sleep(0.3)  # the toolkit drops a key that comes with the click

    def press(self, window, key):
        self.xdotool("windowactivate", "--sync", window, "key", key)

    def describe(self):
        picture = os.path.join(BUILD, "filezilla-failed.png")
        proc.run(["import", "-window", "root", picture], env=self.env, statuses=None)
        return f"the screen: {picture}"


def wait_for_file(screen, path, wanted, seconds=30):
    deadline = time.monotonic() + seconds * proc.slowness
    while time.monotonic() < deadline:
        if os.path.exists(path) and files.sha256(path) == wanted:
            return
        time.sleep(0.3)
    raise Failed(f"{os.path.basename(path)} did not arrive", screen.describe())


def transfer_both_ways(lab, target):
    local = lab.folder("filezilla-local")
    up = files.write_random(os.path.join(local, "upload.bin"), 3 * files.MIB, seed="up")
    down = files.write_random(target.local("download.bin"), 3 * files.MIB, seed="down")
    target.give(down)
    with Screen(lab) as screen:
        screen.open_filezilla(target, local)
        screen.press(screen.wait_for("Welcome to FileZilla"), "Return")
        trust = screen.wait_for("Unknown host key")
        screen.click(trust, ALWAYS_TRUST)
        screen.click(trust, TRUST_OK)
        main = screen.wait_for(f"sftp://{target.user}@127.0.0.1")
        time.sleep(3 * proc.slowness)  # the remote listing has no window of its own
        screen.click(main, FIRST_LOCAL_FILE)
        screen.press(main, "Return")
        wait_for_file(screen, target.local("upload.bin"), files.sha256(up))
        screen.click(main, FIRST_REMOTE_FILE)
        screen.press(main, "Return")
        wait_for_file(screen, os.path.join(local, "download.bin"), files.sha256(down))
    check_equal(sorted(os.listdir(target.root)), ["download.bin", "upload.bin"], "share")
