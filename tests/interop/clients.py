"""The clients under test. Each knows how to say the operations below in its own
program's words; suite.py decides what to do with them and checks the result on disk.

Operations (tuples), all paths absolute:
    ls REMOTE                  names on standard output
    put LOCAL REMOTE           get REMOTE LOCAL
    reput LOCAL REMOTE         reget REMOTE LOCAL           complete a partial copy
    puttree LOCAL REMOTE       gettree REMOTE LOCAL         the target does not exist yet
    rename OLD NEW, rm REMOTE, mkdir REMOTE, rmdir REMOTE
"""

import os
import shlex
import shutil
import subprocess
import threading
import urllib.parse

import proc
from lab import BUILD, HERE, NODE_MODULES, need_program
from report import Failed, Skipped

PEERS = os.path.join(HERE, "peers")
FILE_OPERATIONS = {"ls", "put", "get", "rename", "rm", "mkdir", "rmdir"}
RESUMES = {"reput", "reget"}
TREES = {"puttree", "gettree"}
EVERYTHING = FILE_OPERATIONS | RESUMES | TREES


class Client:
    """verbs: the operations its program has. can_rekey: it can be told to rekey often.
    closes_late: it says that a file is written before the server has said so to CLOSE.
    """

    name = None
    verbs = FILE_OPERATIONS
    can_rekey = False
    closes_late = False
    lacks = ()  # steps it cannot do although it has the operations

    def __init__(self, lab):
        self.lab = lab

    def perform(self, target, *operations, rekey=False):
        """Do the operations in one login; what the program printed."""
        raise NotImplementedError

    def run(self, argv, **options):
        options.setdefault("seconds", 240)
        options.setdefault("env", self.lab.env)
        return proc.run(argv, **options)


def openssh_options(target, rekey=False):
    """-o words for OpenSSH's programs, and for those that run ssh(1)."""
    words = {"UserKnownHostsFile": target.known_hosts, "GlobalKnownHostsFile": "/dev/null",
             "StrictHostKeyChecking": "yes", "IdentitiesOnly": "yes", "BatchMode": "yes",
             "IdentityFile": target.key, "ConnectTimeout": "30"}
    if rekey:
        words["RekeyLimit"] = str(target.lab.rekey_bytes)
    return [word for key, value in words.items() for word in ("-o", f"{key}={value}")]


class OpensshSftp(Client):
    name = "openssh-sftp"
    verbs = EVERYTHING
    can_rekey = True
    words = {"ls": "ls -1 {0}", "put": "put {0} {1}", "get": "get {0} {1}",
             "reput": "reput {0} {1}", "reget": "reget {0} {1}",
             "puttree": "put -r {0} {1}", "gettree": "get -r {0} {1}",
             "rename": "rename {0} {1}", "rm": "rm {0}", "mkdir": "mkdir {0}",
             "rmdir": "rmdir {0}"}

    def perform(self, target, *operations, rekey=False, options=()):
        argv = [need_program("sftp", "openssh-client"), "-F", "none", "-P", target.port,
                *options, *openssh_options(target, rekey), "-b", "-"]
        if rekey:
            argv.append("-v")
        lines = [self.words[verb].format(*paths) for verb, *paths in operations]
        result = self.run([*argv, f"{target.user}@127.0.0.1"], stdin="\n".join(lines) + "\n")
        if rekey and result.err.count("SSH2_MSG_NEWKEYS received") < 3:
            raise Failed("asked for rekeys, saw fewer than two", result.describe())
        return result.out


class OpensshSftpPipe(OpensshSftp):
    """sftp -D: the server is a command on its pipes, without SSH."""

    name = "openssh-sftp-D"
    can_rekey = False

    def perform(self, target, *operations, rekey=False, options=()):
        lines = [self.words[verb].format(*paths) for verb, *paths in operations]
        return self.run([need_program("sftp", "openssh-client"), "-D", target.command, "-b", "-"],
                        stdin="\n".join(lines) + "\n").out


class OpensshScp(Client):
    name = "openssh-scp"
    verbs = {"put", "get"} | TREES
    can_rekey = True

    def perform(self, target, *operations, rekey=False):
        argv = [need_program("scp", "openssh-client"), "-q", "-F", "none", "-P", target.port,
                *openssh_options(target, rekey)]
        prefix = f"{target.user}@127.0.0.1:"
        for verb, source, destination in operations:
            if verb.startswith("put"):
                destination = prefix + destination
            else:
                source = prefix + source
            tree = ["-r"] if verb.endswith("tree") else []
            self.run([*argv, *tree, source, destination])
        return ""


class Psftp(Client):
    name = "psftp"
    verbs = EVERYTHING
    can_rekey = True
    words = {"ls": "ls {0}", "put": "put {0} {1}", "get": "get {0} {1}",
             "reput": "reput {0} {1}", "reget": "reget {0} {1}",
             "puttree": "put -r {0} {1}", "gettree": "get -r {0} {1}",
             "rename": "mv {0} {1}", "rm": "rm {0}", "mkdir": "mkdir {0}", "rmdir": "rmdir {0}"}

    def perform(self, target, *operations, rekey=False):
        self._write_session(rekey)
        lines = [self.words[verb].format(*paths) for verb, *paths in operations]
        batch = self.lab.write(f"psftp.{target.port}", "\n".join(lines) + "\n")
        login = ["-pw", target.password] if target.password else ["-i", self._putty_key()]
        return self.run([need_program("psftp", "putty-tools"), "-batch", "-load", "test",
                         "-P", target.port, *login,
                         "-hostkey", f"SHA256:{target.fingerprint().rstrip('=')}",
                         "-b", batch, f"{target.user}@127.0.0.1"]).out

    def _putty_key(self):
        """The user's key in PuTTY's own format."""
        path = self.lab.path("id_user.ppk")
        return self.lab.build_once("ppk", lambda: proc.run(
            ["puttygen", self.lab.user_key, "-O", "private", "-o", path]) and path)

    def _write_session(self, rekey):
        # psftp has no option for this: only a saved session can ask for early rekeys.
        sessions = self.lab.folder("home/.putty/sessions")
        with open(os.path.join(sessions, "test"), "w", encoding="ascii") as session:
            session.write("Protocol=ssh\nHostName=127.0.0.1\n")
            session.write(f"RekeyBytes={self.lab.rekey_bytes if rekey else '1G'}\n")


class Curl(Client):
    name = "curl"
    verbs = FILE_OPERATIONS | RESUMES

    def perform(self, target, *operations, rekey=False):
        # curl's libssh2 asks for its own first host key type, so accept any of ours.
        base = [need_program("curl", "curl"), "-sS", "--insecure",
                "-u", f"{target.user}:{target.password}"]
        said = ""
        for verb, *paths in operations:
            said += self.run([*base, *self._words(target, verb, *paths)]).out
        return said

    @staticmethod
    def _words(target, verb, one, two=None):
        def url(path):
            return f"sftp://127.0.0.1:{target.port}{urllib.parse.quote(path)}"
        root = ["--output", "/dev/null", url(target.remote("") or "/")]
        return {"ls": lambda: ["--list-only", url(one + "/")],
                "put": lambda: ["-T", one, url(two)],
                "get": lambda: ["-o", two, url(one)],
                "reput": lambda: ["-C", "-", "-T", one, url(two)],
                "reget": lambda: ["-C", "-", "-o", two, url(one)],
                "rename": lambda: ["-Q", f'rename "{one}" "{two}"', *root],
                "rm": lambda: ["-Q", f'rm "{one}"', *root],
                "mkdir": lambda: ["-Q", f'mkdir "{one}"', *root],
                "rmdir": lambda: ["-Q", f'rmdir "{one}"', *root]}[verb]()


class Lftp(Client):
    name = "lftp"
    verbs = EVERYTHING
    can_rekey = True
    words = {"ls": "cls -1 {0}", "put": "put {0} -o {1}", "get": "get {0} -o {1}",
             "reput": "put -c {0} -o {1}", "reget": "get -c {0} -o {1}",
             "puttree": "mirror -R {0} {1}", "gettree": "mirror {0} {1}",
             "rename": "mv {0} {1}", "rm": "rm {0}", "mkdir": "mkdir {0}", "rmdir": "rmdir {0}"}

    def perform(self, target, *operations, rekey=False):
        ssh = shlex.join(["ssh", "-a", "-x", "-F", "none", *openssh_options(target, rekey)])
        lines = ["set cmd:fail-exit yes", "set net:max-retries 1", "set net:timeout 60",
                 f'set sftp:connect-program "{ssh}"',
                 f"open -u {target.user},unused -p {target.port} sftp://127.0.0.1"]
        lines += [self.words[verb].format(*map(shlex.quote, paths))
                  for verb, *paths in operations]
        return self.run([need_program("lftp", "lftp"), "--norc"],
                        stdin="\n".join(lines) + "\nexit\n").out


class Rclone(Client):
    name = "rclone"
    verbs = FILE_OPERATIONS | TREES
    words = {"ls": "lsf", "put": "copyto", "get": "copyto", "puttree": "copy",
             "gettree": "copy", "rename": "moveto", "rm": "deletefile", "mkdir": "mkdir",
             "rmdir": "rmdir"}

    def perform(self, target, *operations, rekey=False):
        rclone = need_program("rclone", "rclone")
        base = [rclone, "--config", "/dev/null", "--retries", "1",
                "--sftp-host", "127.0.0.1", "--sftp-port", target.port,
                "--sftp-user", target.user, "--sftp-key-file", target.key,
                "--sftp-known-hosts-file", target.known_hosts, "--sftp-shell-type", "none"]
        said = ""
        for verb, *paths in operations:
            remote = [f":sftp:{path}" for path in paths]
            if verb.startswith("put"):
                remote[0] = paths[0]
            elif verb.startswith("get"):
                remote[1] = paths[1]
            said += self.run([*base, self.words[verb], *remote]).out
        return said


class Sshfs(Client):
    """A mounted share and plain system calls on it."""

    name = "sshfs"
    verbs = FILE_OPERATIONS | TREES
    can_rekey = True
    closes_late = True

    def perform(self, target, *operations, rekey=False):
        sshfs = need_program("sshfs", "sshfs")
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            raise Skipped("no access to /dev/fuse here")
        mount = self.lab.folder(f"mount.{target.port}")
        self.run([sshfs, "-p", target.port, "-F", "none", *openssh_options(target, rekey),
                  f"{target.user}@127.0.0.1:{target.remote('') or '/'}", mount])
        try:
            return "".join(self._do(target, mount, *operation) for operation in operations)
        finally:
            self.run(["fusermount3", "-u", mount])
            os.rmdir(mount)

    @staticmethod
    def _do(target, mount, verb, one, two=None):
        def inside(path):
            return os.path.join(mount, os.path.relpath(path, target.remote("") or "/"))
        if verb == "ls":
            return "\n".join(os.listdir(inside(one))) + "\n"
        actions = {"put": lambda: shutil.copyfile(one, inside(two)),
                   "get": lambda: shutil.copyfile(inside(one), two),
                   "puttree": lambda: shutil.copytree(one, inside(two)),
                   "gettree": lambda: shutil.copytree(inside(one), two),
                   "rename": lambda: os.rename(inside(one), inside(two)),
                   "rm": lambda: os.unlink(inside(one)),
                   "mkdir": lambda: os.mkdir(inside(one)),
                   "rmdir": lambda: os.rmdir(inside(one))}
        actions[verb]()
        return ""


class Library(Client):
    """A client library, driven through a small program in peers/.

    HELPER PORT USER PASSWORD KEY KNOWN_HOSTS REKEY_BYTES; operations on standard input,
    one a line, words parted by tabs. An empty PASSWORD means the key.
    """

    uses_password = False

    def helper(self):
        """The command line's first words."""
        raise NotImplementedError

    def perform(self, target, *operations, rekey=False):
        argv = [*self.helper(), target.port, target.user,
                self.uses_password and target.password or "", target.key or "",
                target.known_hosts, self.lab.rekey_bytes if rekey else 0]
        lines = "".join("\t".join(operation) + "\n" for operation in operations)
        return self.run(argv, stdin=lines).out


class Paramiko(Library):
    name = "paramiko"
    verbs = FILE_OPERATIONS | RESUMES
    can_rekey = True
    uses_password = True

    def helper(self):
        return python_peer("paramiko", "paramiko_client.py")


class Asyncssh(Library):
    name = "asyncssh"
    verbs = FILE_OPERATIONS | TREES | RESUMES
    can_rekey = True
    lacks = ("rekey-get",)  # it counts what it sends, so a download never passes its limit

    def helper(self):
        return python_peer("asyncssh", "asyncssh_client.py")


class Ssh2(Library):
    """npm's ssh2."""

    name = "ssh2"
    verbs = FILE_OPERATIONS | RESUMES
    can_rekey = True
    uses_password = True

    def helper(self):
        return node_peer("ssh2_client.js")

    def run(self, argv, **options):
        return super().run(argv, env=node_env(self.lab), **options)


class Libssh(Library):
    name = "libssh"
    verbs = FILE_OPERATIONS | RESUMES
    can_rekey = True

    def helper(self):
        return [self.lab.build_once("libssh", self._compile)]

    def _compile(self):
        program = self.lab.path("libssh_client")
        proc.run(["gcc", "-O2", "-Wall", "-Werror", os.path.join(PEERS, "libssh_client.c"), "-o",
                  program, "-lssh"])
        return program


class GoSftp(Library):
    """Go's pkg/sftp over golang.org/x/crypto/ssh."""

    name = "go-pkg-sftp"
    verbs = FILE_OPERATIONS | RESUMES
    can_rekey = True

    def helper(self):
        return [go_peer(self.lab, "go_client")]


class Ferry(Client):
    """Our own, for the servers of others."""

    name = "ferry"
    verbs = EVERYTHING
    can_rekey = True

    def perform(self, target, *operations, rekey=False, options=()):
        ferry = self.lab.program("ferry")
        if target.key:
            login = ["-i", target.key]
        else:
            login = ["--password-file", self.lab.write(f"password.{target.port}",
                                                       target.password + "\n")]
        common = [*login, "-F", "none", "-P", target.port, "-o", "BatchMode=yes",
                  "-o", f"UserKnownHostsFile={target.known_hosts}",
                  "-o", "StrictHostKeyChecking=yes", *options]
        if rekey:
            common += ["-o", f"RekeyLimit={self.lab.rekey_bytes}"]
        said = ""
        for verb, *paths in operations:
            done = self.run([ferry, *self._words(target, common, verb, *paths)],
                            env={**self.lab.env, "FERRY_TRACE": "kex" if rekey else ""})
            if rekey and done.err.count(" done\n") < 3:
                raise Failed("asked for rekeys, saw fewer than two", done.describe())
            said += done.out
        return said

    @staticmethod
    def _words(target, common, verb, one, two=None):
        def at(path):
            return f"{target.user}@127.0.0.1:{path}"
        return {"ls": lambda: ["ls", *common, "-1", at(one)],
                "put": lambda: ["put", *common, "-q", one, at(two)],
                "get": lambda: ["get", *common, "-q", at(one), two],
                "reput": lambda: ["put", *common, "-q", "-a", one, at(two)],
                "reget": lambda: ["get", *common, "-q", "-a", at(one), two],
                "puttree": lambda: ["put", *common, "-q", "-r", one, at(two)],
                "gettree": lambda: ["get", *common, "-q", "-r", at(one), two],
                "rename": lambda: ["mv", *common, at(one), two],
                "rm": lambda: ["rm", *common, at(one)],
                "mkdir": lambda: ["mkdir", *common, at(one)],
                "rmdir": lambda: ["rmdir", *common, at(one)]}[verb]()


class FerryPipe(Ferry):
    """ferry -D: as sftp -D."""

    name = "ferry-D"
    can_rekey = False

    def perform(self, target, *operations, rekey=False, options=()):
        said = ""
        for verb, *paths in operations:
            words = self._words(target, ["-D", target.command], verb, *paths)
            said += self.run([self.lab.program("ferry"), *words]).out
        return said


class Fzsftp(Client):
    """FileZilla's SFTP engine over standard input. It speaks in events, one a line, whose
    first character is the kind; its transfers need the parent's shared memory.
    """

    name = "fzsftp"
    verbs = {"ls", "mkdir", "rename", "rm", "rmdir"}
    words = {"ls": ["cd \"{0}\"", "ls"], "rename": ["mv \"{0}\" \"{1}\""], "rm": ["rm \"{0}\""],
             "mkdir": ["mkdir \"{0}\""], "rmdir": ["rmdir \"{0}\""]}
    # Event -> answer. Quota events come without a newline and every hundred calls.
    answers = {"9": "y", ":": "y", ";": "y", "@": "-0-", "A": "-1-"}

    def perform(self, target, *operations, rekey=False):
        commands = [f'open "{target.user}@127.0.0.1" {target.port}']
        for verb, *paths in operations:
            commands += [line.format(*paths) for line in self.words[verb]]
        child = proc.start([need_program("fzsftp", "filezilla"), "-v"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, env=self.lab.env)
        # Closing our end on a timer is what bounds every read below.
        timer = threading.Timer(60 * proc.slowness, proc.end_group, [child])
        timer.start()
        try:
            return self._converse(child, target, commands)
        finally:
            timer.cancel()
            proc.end_group(child)

    def _converse(self, child, target, commands):
        heard = []
        waiting = iter(commands)
        while True:
            kind, text = self._next_event(child)
            if kind is None:
                raise Failed("fzsftp ended early", "\n".join(heard))
            heard.append(kind + text)
            if kind in "01":  # a reply or a verdict: either ends the command before
                if kind == "1" and not text.startswith("1"):
                    raise Failed("fzsftp: " + heard[-2][1:], "\n".join(heard))
                command = next(waiting, None)
                if command is None:
                    self._say(child, "bye")
                    return "\n".join(line[1:] for line in heard if line[0] == "8")
                self._say(child, command)
            elif kind == "<":
                self._say(child, target.password)
            elif kind in self.answers:
                self._say(child, self.answers[kind])

    @staticmethod
    def _say(child, line):
        child.stdin.write(line.encode() + b"\n")
        child.stdin.flush()

    @staticmethod
    def _next_event(child):
        kind = child.stdout.read(1).decode(errors="replace")
        if not kind:
            return None, ""
        if kind in "@A":
            return kind, ""
        text = child.stdout.readline().decode(errors="replace").rstrip("\r\n")
        # On lines of their own follow: the port; of a list entry the time and the name.
        for _ in range({"9": 1, ":": 1, "8": 2}.get(kind, 0)):
            text += "\n" + child.stdout.readline().decode(errors="replace").rstrip("\r\n")
        return kind, text


def python_peer(module, script):
    """Debian's interpreter, since the module is Debian's."""
    if subprocess.run(["/usr/bin/python3", "-c", f"import {module}"], check=False,
                      capture_output=True).returncode != 0:
        raise Skipped(f"{module} is missing (Debian package python3-{module})")
    return ["/usr/bin/python3", os.path.join(PEERS, script)]


def node_env(lab):
    return {**lab.env, "NODE_PATH": NODE_MODULES}


def node_peer(script):
    if not os.path.isdir(os.path.join(NODE_MODULES, "ssh2")):
        raise Skipped("npm's ssh2 is not installed (script/setup --test)")
    return [need_program("node", "nodejs"), os.path.join(PEERS, script)]


def go_peer(lab, name):
    """Compile peers/NAME.go with Debian's packaged sources; no module is downloaded."""
    def compile_it():
        env = {**lab.env, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "",
               "GOCACHE": os.path.join(BUILD, "go-cache"), "GOTOOLCHAIN": "local"}
        program = lab.path(name)
        proc.run([need_program("go", "golang-go"), "build", "-o", program,
                  os.path.join(PEERS, name + ".go")], env=env, seconds=300)
        return program
    return lab.build_once(name, compile_it)
