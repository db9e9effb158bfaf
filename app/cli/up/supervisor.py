"""`boreas up`: everything in one command, and nothing left behind.

Each process runs in a session of its own, so that Ctrl-C reaches the supervisor alone, and on a leash, so that it ends
when the supervisor is killed. Servers are held by the leashes of those that use them, and end after them.
"""

import asyncio
import os
import signal
import site
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import app
from app.cli import command_isolation, listen_address
from app.cli.console import Failure, expected_failures, say
from app.cli.up.child import Child, GaveUpError, ProcessPipes, Program, ending
from app.cli.up.data_dir import TOKEN, DataFolder, claimed
from app.cli.up.own_server import announced
from app.cli.up.postgres import API, OWNER, WORKER, Postgres
from app.cli.up.valkey import Valkey
from app.settings import Settings

POOL = "default"
SECRET_FILES = ("BOREAS_DATABASE_URL_FILE", "BOREAS_REDIS_URL_FILE", "BOREAS_ADMIN_TOKEN_FILE")
WORKER_STOP_SECONDS = 5.0
"""What a worker may take beyond the grace that it gives to commands."""
API_STOP_SECONDS = 15.0
PROGRAM_STOP_SECONDS = 10.0
READY_POLL_SECONDS = 0.05
SERVE_SECONDS = 90.0
"""How long the API may take until it answers; a slow machine takes some seconds."""
LATER_PATIENCE_SECONDS = 60.0
TWICE_SECONDS = 0.5
"""Two signals within this time were one: some programs pass on what the terminal sent to all as well."""
KILLED = 130


def up(settings: Settings, program: Sequence[str]) -> int:
    """Run everything until told to stop and return what to exit with. Raises Failure."""
    listen_address.check_redis(settings.store.redis_url)
    with expected_failures():
        command_isolation.check(command_isolation.settled(settings))
    patience = settings.worker.grace_seconds + LATER_PATIENCE_SECONDS
    with claimed(settings.data_dir, patience) as data:
        settings = command_isolation.settled(
            replace(settings, data_dir=data.path, serve=listen_address.settle(settings.serve))
        )
        with announced(data.path, listen_address.url(settings.serve)):
            return asyncio.run(_run(settings, data, program))


def _load() -> None:
    """Import what takes long, while the servers start. What goes wrong is told by the imports that need it."""
    with suppress(ImportError):
        import_module("app.wiring")


async def _run(settings: Settings, data: DataFolder, program: Sequence[str]) -> int:
    return await Supervisor(settings, data, program).run()


class Supervisor:
    """The processes of one `boreas up`. Made inside a running loop."""

    def __init__(self, settings: Settings, data: DataFolder, program: Sequence[str]) -> None:
        self._settings = settings
        self._data = data
        self._program = program
        self._children: list[Child] = []
        self._postgres: Postgres | None = None
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told_at: float | None = None
        self._killed = False
        self._revoked = False
        self._users_leash, self._users_hold = os.pipe()
        self._servers_leash, self._servers_hold = os.pipe()

    async def run(self) -> int:
        """Start everything, wait for the end, and stop everything. Raises Failure."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, self._receive, number)
        starting = asyncio.create_task(self._start(), name="start")
        starting.add_done_callback(self._watch)
        code = 0
        try:
            await self._end
        except GaveUpError as error:
            say(str(error))
            code = 1
        finally:
            starting.cancel()
            await asyncio.wait([starting])
            await self._stop()
        return KILLED if self._killed else code

    def _receive(self, number: signal.Signals) -> None:
        now = time.monotonic()
        if self._told_at is None:
            self._told_at = now
            say("\nStopping. Ctrl-C again kills everything at once.")
            if not self._end.done():
                self._end.set_result(None)
        elif number != signal.SIGHUP and now - self._told_at > TWICE_SECONDS:
            self._killed = True
            say("Killing everything.")
            for child in self._children:
                child.kill()

    def _watch(self, task: "asyncio.Task[None]") -> None:
        """Let the error out that ended a task."""
        if not task.cancelled() and (error := task.exception()) and not self._end.done():
            self._end.set_exception(error)

    async def _stop(self) -> None:
        for child in reversed(self._children):
            if await child.stop() and self._told_at is not None:
                say(f"  {child.program.name} has ended")
        if self._postgres is not None:
            self._postgres.tidy()
        for end in (self._users_leash, self._users_hold, self._servers_leash, self._servers_hold):
            os.close(end)

    async def _start(self) -> None:
        loading = asyncio.create_task(asyncio.to_thread(_load), name="load")
        await self._start_servers()
        await loading
        with expected_failures():
            secret = await self._prepare()
        self._launch_users()
        await self._until_serving()
        self._tell(secret)
        if self._program:
            await self._run_program(secret)

    async def _start_servers(self) -> None:
        store = self._settings.store
        servers: list[Child] = []
        if store.database_url is None:
            postgres = self._postgres = await asyncio.to_thread(Postgres, self._data)
            if postgres.new:
                say(f"Making a database in {self._data.path}. This is done once.")
                await asyncio.to_thread(postgres.make)
            store = replace(store, database_url=postgres.url(OWNER))
            servers.append(postgres.child())
        if store.redis_url is None:
            valkey = Valkey(self._data)
            store = replace(store, redis_url=valkey.url)
            servers.append(valkey.child())
        ties = ProcessPipes(self._servers_leash, (self._data.lock,))
        for child in servers:
            self._children.append(child)
            child.launch(ties).add_done_callback(self._watch)
        self._settings = replace(self._settings, store=store)
        for child in servers:
            await child.until_ready()

    async def _prepare(self) -> str:
        """Migrate, make sure of the first token, and return it."""
        from app.log import configure
        from app.services.access import authenticate, ensure_admin, new_secret
        from app.store import roles
        from app.store.migrations import exclusive, migrate
        from app.wiring import migrations_folder, open_runtime

        configure("WARNING")
        url = self._settings.store.database_url or ""
        applied = await migrate(url, migrations_folder())
        if self._postgres is not None:
            passwords = {role: self._postgres.password(role) for role in (API, WORKER)}
            await roles.ensure_roles(url, passwords)
            await roles.grant(url, roles.Roles(API, WORKER))
        if applied:
            say(f"Migrated the database: {len(applied)} applied.")
        async with exclusive(url), open_runtime(self._settings) as (runtime, _):
            secret = self._settings.admin_token or self._data.token()
            if secret is None:
                secret = new_secret(runtime)
                self._data.keep_token(secret)
            await ensure_admin(runtime, secret)
            self._revoked = await authenticate(runtime, secret) is None
        return secret

    def _launch_users(self) -> None:
        """Start what uses the servers."""
        grace = self._settings.worker.grace_seconds + WORKER_STOP_SECONDS
        if "BOREAS_SHUTDOWN_SECONDS" in os.environ:
            grace += self._settings.worker.shutdown_seconds
        for name, arguments, seconds in (
            ("api", ("api",), API_STOP_SECONDS),
            ("worker", ("worker", "--pool", POOL), grace),
        ):
            program = Program(
                name=name,
                command=(sys.executable, "-P", "-m", "app.cli", *arguments),
                environ=self._environ(name),
                log=self._data.log(name),
                folder=Path.cwd(),
                grace_seconds=seconds,
            )
            child = Child(program)
            self._children.append(child)
            child.launch(self._user_ties()).add_done_callback(self._watch)

    def _user_ties(self) -> ProcessPipes:
        return ProcessPipes(self._users_leash, (self._data.lock, self._servers_hold))

    def _environ(self, child: str) -> dict[str, str]:
        """Return the settings of a child as environment. Secrets are named by files, and the first token not at all.

        Whoever stops all of it waits for it: its worker hands back at once, and the next start goes on.
        """
        settings = self._settings
        environ = {name: value for name, value in os.environ.items() if name not in SECRET_FILES}
        database = settings.store.database_url or ""
        if self._postgres is not None:
            database = self._postgres.url(API if child == "api" else WORKER)
            self._data.keep_secret("owner-url", self._postgres.url(OWNER))
        environ |= {
            "BOREAS_DATABASE_URL_FILE": str(self._data.keep_secret(f"{child}-database-url", database)),
            "BOREAS_REDIS_URL_FILE": str(self._data.keep_secret("redis-url", settings.store.redis_url or "")),
            "BOREAS_DATA_DIR": str(settings.data_dir),
            "BOREAS_HOST": settings.serve.host,
            "BOREAS_PORT": str(settings.serve.port),
        }
        if settings.worker.command_user:
            environ["BOREAS_COMMAND_USER"] = settings.worker.command_user
        protected = (*settings.secret_files, *settings.worker.command_protected)
        environ["BOREAS_COMMAND_PROTECTED"] = os.pathsep.join(str(path.absolute()) for path in protected)
        environ["BOREAS_COMMAND_PASSAGE"] = os.pathsep.join(map(str, settings.worker.command_passage))
        environ.setdefault("BOREAS_SHUTDOWN_SECONDS", "0")
        root = str(Path(app.__file__).parent.parent)
        if root not in site.getsitepackages():
            environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environ.get("PYTHONPATH"))))
        return environ

    async def _until_serving(self) -> None:
        deadline = time.monotonic() + SERVE_SECONDS
        while not await listen_address.answers(self._settings.serve):
            if time.monotonic() > deadline:
                raise Failure(f"The API does not answer after {SERVE_SECONDS:g} s. See {self._data.path / 'logs'}")
            await asyncio.sleep(READY_POLL_SECONDS)

    def _tell(self, secret: str) -> None:
        say(
            f"Boreas serves at {listen_address.url(self._settings.serve)}\n"
            f"  sign in with  {self._sign_in(secret)}\n"
            f"  data          {self._data.path}\n"
            f"  logs          {self._data.path / 'logs'}\n"
            f"  commands      {command_isolation.told(self._settings)}\n"
            "Ctrl-C stops it."
        )

    def _sign_in(self, secret: str) -> str:
        if self._settings.admin_token:
            return "the token in BOREAS_ADMIN_TOKEN" + (", but it was revoked" if self._revoked else "")
        if self._revoked:
            return (
                f"a token of yours; the first one was revoked (remove {self._data.path / TOKEN} to have another made)"
            )
        return secret

    async def _run_program(self, secret: str) -> None:
        """Run the user's program once. It sees the programs that came with Boreas first, such as its Python."""
        path = os.pathsep.join(filter(None, (str(Path(sys.executable).parent), os.environ.get("PATH"))))
        mine = {"BOREAS_URL": listen_address.url(self._settings.serve), "BOREAS_TOKEN": secret, "PATH": path}
        program = Program(
            name=self._program[0],
            command=self._program,
            environ={**os.environ, **mine},
            folder=Path.cwd(),
            grace_seconds=PROGRAM_STOP_SECONDS,
            whole_group=True,
        )
        child = Child(program)
        self._children.append(child)
        code = await asyncio.shield(child.launch_once(self._user_ties()))
        if self._told_at is not None:
            return
        if code:
            say(f"{program.name} ended with {ending(code)}. Boreas goes on serving.")
        self._tell(secret)
