"""The supervisor of `boreas up`: starts servers, their users and a program; stops them in reverse."""

import asyncio
import operator
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from tenacity import AsyncRetrying, RetryError, retry_if_result, stop_after_delay, wait_fixed

from app.cli import command_isolation, listen_address
from app.cli.console import Failure, expected_failures, say
from app.cli.up.child import Child, GaveUpError, ProcessPipes, Program, ending
from app.cli.up.data_dir import TOKEN, DataFolder, locked
from app.cli.up.environment import child_environ
from app.cli.up.own_server import announced
from app.cli.up.postgres import API, OWNER, WORKER, Postgres
from app.cli.up.valkey import Valkey
from app.settings import Settings

POOL = "default"
WORKER_STOP_SECONDS = 5.0
"""How long a worker may take beyond the grace period of its commands."""
API_STOP_SECONDS = 15.0
PROGRAM_STOP_SECONDS = 10.0
READY_POLL_SECONDS = 0.05
READY_SECONDS = 90.0
"""How long the API may take until it answers; a slow machine takes some seconds."""
LOCK_MARGIN_SECONDS = 60.0
"""How long to wait for a killed run beyond the grace period of its commands."""
SAME_SIGNAL_SECONDS = 0.5
"""Signals within this time count as one: some programs forward a signal that the terminal sends to all, too."""
KILLED = 130


def run_up(settings: Settings, program: Sequence[str]) -> int:
    """Run everything until stopped, and return the exit status. Raises Failure."""
    listen_address.check_redis_url(settings.store.redis_url)
    with expected_failures():
        command_isolation.check(command_isolation.with_default_accounts(settings))
    with locked(settings.data_dir, settings.worker.grace_seconds + LOCK_MARGIN_SECONDS) as data:
        serve = listen_address.check_free(settings.serve)
        settings = command_isolation.with_default_accounts(replace(settings, data_dir=data.path, serve=serve))
        with announced(data.path, listen_address.url_of(serve)):
            return asyncio.run(_run(settings, data, program))


def _import_early() -> None:
    """Import the slow modules while the servers start. The regular imports raise the errors."""
    with suppress(ImportError):
        import_module("app.wiring")


async def _run(settings: Settings, data: DataFolder, program: Sequence[str]) -> int:
    return await Supervisor(settings, data, program).run()


class Supervisor:
    """The processes of one `boreas up`. Created inside a running event loop."""

    def __init__(self, settings: Settings, data: DataFolder, program: Sequence[str]) -> None:
        self._settings = settings
        self._data = data
        self._program = program
        self._children: list[Child] = []
        self._postgres: Postgres | None = None
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopped_at: float | None = None
        self._killed = False
        self._token_revoked = False
        self._users_read, self._users_write = os.pipe()
        self._servers_read, self._servers_write = os.pipe()

    async def run(self) -> int:
        """Start everything, wait for the end, and stop everything. Return the exit status. Raises Failure."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, self._receive, number)
        starting = asyncio.create_task(self._start(), name="start")
        starting.add_done_callback(self._end_on_error)
        status = 0
        try:
            await self._end
        except GaveUpError as error:
            say(str(error))
            status = 1
        finally:
            starting.cancel()
            await asyncio.wait([starting])
            await self._stop()
        return KILLED if self._killed else status

    def _receive(self, number: signal.Signals) -> None:
        """Stop everything at the first signal, and kill everything at the second."""
        now = time.monotonic()
        if self._stopped_at is None:
            self._stopped_at = now
            say("\nStopping. Press Ctrl-C again to kill everything at once.")
            if not self._end.done():
                self._end.set_result(None)
        elif number != signal.SIGHUP and now - self._stopped_at > SAME_SIGNAL_SECONDS:
            self._killed = True
            say("Killing everything.")
            for child in self._children:
                child.kill()

    def _end_on_error(self, task: "asyncio.Task[None]") -> None:
        """End the run with the error of a task."""
        if not task.cancelled() and (error := task.exception()) and not self._end.done():
            self._end.set_exception(error)

    async def _stop(self) -> None:
        for child in reversed(self._children):
            if await child.stop() and self._stopped_at is not None:
                say(f"  {child.program.name} has ended")
        if self._postgres is not None:
            self._postgres.remove_socket_folder()
        for descriptor in (self._users_read, self._users_write, self._servers_read, self._servers_write):
            os.close(descriptor)

    async def _start(self) -> None:
        importing = asyncio.create_task(asyncio.to_thread(_import_early), name="import")
        await self._start_servers()
        await importing
        with expected_failures():
            token = await self._prepare_database()
        self._launch_users()
        await self._until_ready()
        self._print_summary(token)
        if self._program:
            await self._run_program(token)

    async def _start_servers(self) -> None:
        store = self._settings.store
        servers: list[Child] = []
        if store.database_url is None:
            postgres = self._postgres = await asyncio.to_thread(Postgres, self._data)
            if postgres.is_new:
                say(f"Creating a database in {self._data.path}. This is done only once.")
                await asyncio.to_thread(postgres.create)
            store = replace(store, database_url=postgres.url(OWNER))
            servers.append(postgres.child())
        if store.redis_url is None:
            valkey = Valkey(self._data)
            store = replace(store, redis_url=valkey.url)
            servers.append(valkey.child())
        pipes = ProcessPipes(self._servers_read, (self._data.lock,))
        for child in servers:
            self._launch(child, pipes)
        self._settings = replace(self._settings, store=store)
        for child in servers:
            await child.until_ready()

    def _launch(self, child: Child, pipes: ProcessPipes) -> None:
        self._children.append(child)
        child.launch(pipes).add_done_callback(self._end_on_error)

    async def _prepare_database(self) -> str:
        """Migrate the database, create its roles, register the first token, and return that."""
        from app.log import configure
        from app.services.access import authenticate, ensure_admin, new_secret
        from app.store import roles
        from app.store.migrations import exclusive, migrate
        from app.wiring import migrations_folder, open_runtime

        configure("WARNING")
        url = self._settings.store.database_url or ""
        applied = await migrate(url, migrations_folder())
        if self._postgres is not None:
            await roles.ensure_roles(url, {role: self._postgres.password(role) for role in (API, WORKER)})
            await roles.grant(url, roles.Roles(API, WORKER))
        if applied:
            say(f"Migrated the database: {len(applied)} applied.")
        async with exclusive(url), open_runtime(self._settings) as (runtime, _):
            token = self._settings.admin_token or self._data.token()
            if token is None:
                token = new_secret(runtime)
                self._data.keep_token(token)
            await ensure_admin(runtime, token)
            self._token_revoked = await authenticate(runtime, token) is None
        return token

    def _launch_users(self) -> None:
        """Start the processes that use the servers: the API and a worker."""
        worker = self._settings.worker
        worker_seconds = worker.grace_seconds + WORKER_STOP_SECONDS
        if "BOREAS_SHUTDOWN_SECONDS" in os.environ:
            worker_seconds += worker.shutdown_seconds
        for name, arguments, seconds in (
            ("api", ("api",), API_STOP_SECONDS),
            ("worker", ("worker", "--pool", POOL), worker_seconds),
        ):
            program = Program(
                name=name,
                command=(sys.executable, "-P", "-m", "app.cli", *arguments),
                environ=child_environ(name, self._settings, self._data, self._postgres),
                log=self._data.log(name),
                folder=Path.cwd(),
                grace_seconds=seconds,
            )
            self._launch(Child(program), self._user_pipes())

    def _user_pipes(self) -> ProcessPipes:
        return ProcessPipes(self._users_read, (self._data.lock, self._servers_write))

    async def _until_ready(self) -> None:
        """Wait until the API answers. Raises Failure after READY_SECONDS."""
        retrying = AsyncRetrying(
            retry=retry_if_result(operator.not_),
            wait=wait_fixed(READY_POLL_SECONDS),
            stop=stop_after_delay(READY_SECONDS),
        )
        try:
            await retrying(listen_address.is_ready, self._settings.serve)
        except RetryError as error:
            logs = self._data.path / "logs"
            raise Failure(f"The API did not answer within {READY_SECONDS:g} s. See {logs}") from error

    def _print_summary(self, token: str) -> None:
        isolation = command_isolation.describe(self._settings)
        say(
            f"Boreas serves at {listen_address.url_of(self._settings.serve)}\n"
            f"  sign in with  {self._sign_in(token)}\n"
            f"  data          {self._data.path}\n"
            f"  logs          {self._data.path / 'logs'}\n"
            f"  commands      {command_isolation.INDENT.join(isolation.sentences)}\n"
            "Ctrl-C stops it."
        )

    def _sign_in(self, token: str) -> str:
        if self._settings.admin_token:
            return "the token in BOREAS_ADMIN_TOKEN" + (", but it was revoked" if self._token_revoked else "")
        if self._token_revoked:
            path = self._data.path / TOKEN
            return f"a token of yours; the first one was revoked (remove {path} to create another)"
        return token

    async def _run_program(self, token: str) -> None:
        """Run the user's program once. The programs beside our Python come first in its PATH."""
        path = os.pathsep.join(filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH"))))
        url = listen_address.url_of(self._settings.serve)
        program = Program(
            name=self._program[0],
            command=self._program,
            environ={**os.environ, "BOREAS_URL": url, "BOREAS_TOKEN": token, "PATH": path},
            folder=Path.cwd(),
            grace_seconds=PROGRAM_STOP_SECONDS,
            stops_group=True,
        )
        child = Child(program)
        self._children.append(child)
        status = await asyncio.shield(child.launch_once(self._user_pipes()))
        if self._stopped_at is not None:
            return
        if status:
            say(f"{program.name} ended with {ending(status)}. Boreas goes on serving.")
        self._print_summary(token)
