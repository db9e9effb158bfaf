"""The commands that run Boreas: api, worker, migrate, schema and up."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import click

from app.cli import listen_address
from app.cli.console import Failure, expected_failures
from app.cli.process_secrets import environ
from app.settings import SettingError, Settings, existing_folder, read_settings


def _settings() -> Settings:
    try:
        return read_settings(environ())
    except SettingError as error:
        raise Failure(str(error)) from error


def _within(
    settings: Settings, kubeconfigs: str | None, namespaces: tuple[str, ...], trust_kubeconfigs: bool
) -> Settings:
    """Return settings of a worker that serves what its options say, where they say something."""
    known = settings.worker
    try:
        worker = replace(
            known,
            kubeconfigs=existing_folder(kubeconfigs, "--kubeconfigs") or known.kubeconfigs,
            namespaces=frozenset(namespaces) or known.namespaces,
            trusts_kubeconfigs=trust_kubeconfigs or known.trusts_kubeconfigs,
        )
    except SettingError as error:
        raise Failure(str(error)) from error
    return replace(settings, worker=worker)


def _ready_to_serve() -> Settings:
    """Return the settings of a process that needs both servers, and a database that is up to date."""
    settings = _settings()
    if settings.store.database_url is None or settings.store.redis_url is None:
        raise Failure("Set BOREAS_DATABASE_URL and BOREAS_REDIS_URL, or use boreas up, which brings its own.")
    listen_address.check_redis(settings.store.redis_url)

    from app.store.migrations import check
    from app.wiring import migrations_folder

    with expected_failures():
        asyncio.run(check(settings.store.database_url, migrations_folder()))
    return settings


@click.command()
def api() -> None:
    """Serve the API until told to stop.

    Any number may run beside each other. BOREAS_HOST and BOREAS_PORT say where, BOREAS_DATABASE_URL and
    BOREAS_REDIS_URL name the servers to use. BOREAS_ADMIN_TOKEN is made sure of as a token with every right.
    """
    settings = _ready_to_serve()
    listen_address.settle(settings.serve)

    from app.log import configure
    from app.main import serve

    configure(settings.log_level)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    with expected_failures():
        asyncio.run(_make_sure_of_first_token(settings))
        asyncio.run(serve(settings))


async def _make_sure_of_first_token(settings: Settings) -> None:
    """Where a first token is given, make it; one process at a time, for many start together."""
    from app.services.access import ensure_admin
    from app.store.database import UNAVAILABLE
    from app.store.migrations import exclusive
    from app.wiring import open_runtime

    if not settings.admin_token:
        return
    try:
        async with exclusive(settings.store.database_url or ""), open_runtime(settings) as (runtime, _):
            await ensure_admin(runtime, settings.admin_token)
    except UNAVAILABLE as error:
        raise Failure(
            f"The database went away while the first token was made sure of: {error}. Start again."
        ) from error


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End with 0, at once: nothing is served yet. What is raised amid a callback of the collector would be lost."""
    os._exit(0)


@click.command()
@click.option("--pool", default="default", show_default=True, help="Whose tasks to carry out.")
@click.option("--kubeconfigs", metavar="DIR", help="The folder of the kubeconfigs that environments may name.")
@click.option("--namespace", "namespaces", multiple=True, help="Serve this namespace of clusters; may be repeated.")
@click.option("--trust-kubeconfigs", is_flag=True, help="Let kubeconfigs run programs and read files elsewhere.")
def worker(pool: str, **reach: Any) -> None:
    """Carry out tasks until told to stop.

    Any number may run beside each other. A task goes to the pool that its environment names. A worker reaches a cluster
    by the service account of its pod, or by kubeconfigs of the folder that it is started with. Without --namespace it
    serves every namespace that its accounts may reach. BOREAS_KUBECONFIGS, BOREAS_NAMESPACES (with commas) and
    BOREAS_TRUST_KUBECONFIGS say the same.
    """
    settings = _within(_ready_to_serve(), **reach)

    from app.log import configure
    from app.worker import serve

    configure(settings.log_level)
    with expected_failures():
        asyncio.run(serve(settings, pool))


@click.command()
@click.option("--down", is_flag=True, help="Undo the latest migration, with the data that it made room for.")
@click.option("--yes", is_flag=True, help="Do not ask before undoing.")
@click.option("--app-role", metavar="NAME", help="A role that is given the rights that boreas api needs.")
@click.option("--worker-role", metavar="NAME", help="A role that is given the rights that boreas worker needs.")
@click.option("--status", "only_status", is_flag=True, help="Show what is applied and what is pending; change nothing.")
def migrate(down: bool, yes: bool, only_status: bool, app_role: str | None, worker_role: str | None) -> None:
    """Bring the database to the shape that this release needs.

    Safe to run any number of times, also at the same time. BOREAS_DATABASE_URL names the database.

    \b
    The tables belong to who migrates. Have API and workers come as others, who can not change the audit log:
        CREATE ROLE boreas_api LOGIN PASSWORD '...';
        CREATE ROLE boreas_worker LOGIN PASSWORD '...';
    and name both with each migration:
        boreas migrate --app-role boreas_api --worker-role boreas_worker
    """
    if down + only_status + bool(app_role or worker_role) > 1:
        raise click.UsageError("--down, --status and the roles exclude each other.")
    settings = _settings()
    if settings.store.database_url is None:
        raise Failure("Set BOREAS_DATABASE_URL. What boreas up brings along is migrated by itself.")
    with expected_failures():
        if only_status:
            _show_migrations(settings.store.database_url)
        elif down:
            _undo_migration(settings.store.database_url, yes)
        else:
            _apply_migrations(settings.store.database_url)
            _grant(settings.store.database_url, app_role, worker_role)


def _show_migrations(url: str) -> None:
    from app.store.migrations import status
    from app.wiring import migrations_folder

    found = asyncio.run(status(url, migrations_folder()))
    for word, names in (("applied", found.applied), ("pending", found.pending)):
        for name in names:
            note = "   (not known to this release)" if name in found.unknown else ""
            click.echo(f"{word}  {Path(name).stem}{note}")


def _apply_migrations(url: str) -> None:
    from app.store.migrations import migrate
    from app.wiring import migrations_folder

    names = asyncio.run(migrate(url, migrations_folder()))
    for name in names:
        click.echo(f"applied  {Path(name).stem}")
    if not names:
        click.echo("Nothing to do: the database is up to date.")


def _grant(url: str, app_role: str | None, worker_role: str | None) -> None:
    from app.store import roles

    if app_role or worker_role:
        asyncio.run(roles.grant(url, roles.Roles(app_role, worker_role)))
        click.echo(f"granted  {', '.join(filter(None, (app_role, worker_role)))}")


def _undo_migration(url: str, yes: bool) -> None:
    from app.store.migrations import downgrade
    from app.wiring import migrations_folder

    if not yes:
        click.confirm("Undo the latest migration? The data that only it has room for is lost.", abort=True)
    for name in asyncio.run(downgrade(url, migrations_folder())):
        click.echo(f"undone  {Path(name).stem}")


@click.command()
@click.option(
    "--client-cache",
    "cache",
    type=click.Choice(["apollo", "urql", "possible-types"]),
    help="Print what the cache of a client needs to know instead: type policies for Apollo Client, keys and resolvers "
    "for urql's graphcache, or the types of each interface and union.",
)
def schema(cache: str | None) -> None:
    """Print the GraphQL schema, for code generators and linters."""
    from app.api.client_cache import ClientCache, write
    from app.api.schema import schema as served

    if cache is None:
        click.echo(served.as_str())
    else:
        click.echo(write(served._schema, ClientCache(cache)), nl=False)


@click.command(short_help="Run everything on this machine.", context_settings={"allow_interspersed_args": False})
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[-- PROGRAM [ARGUMENT]...]")
def up(program: tuple[str, ...]) -> None:
    """Run everything on this machine: PostgreSQL, Valkey, the API and a worker.

    PROGRAM is run once when Boreas serves, with BOREAS_URL and BOREAS_TOKEN in its environment:

        boreas up -- python3 examples/shop/shop.py ship v1

    \b
    BOREAS_PORT          the port to listen on (8000); 0 takes any free one
    BOREAS_HOST          the address to listen on (127.0.0.1)
    BOREAS_DATA_DIR      where everything is kept (.boreas)
    BOREAS_ADMIN_TOKEN   the first token; made and printed where it is not given
    BOREAS_COMMAND_USER  whom commands run as; as root, one of 64000-64999 for each environment
    BOREAS_DATABASE_URL  a PostgreSQL to use instead of an own one
    BOREAS_REDIS_URL     a Redis or Valkey to use instead of an own one
    """
    from app.cli.up.supervisor import up as run

    sys.exit(run(_settings(), program))
