"""The commands that run servers: api, worker and up; and schema, which prints what the API serves."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from types import FrameType
from typing import Any

import click

from app.cli import listen_address
from app.cli.console import Failure, expected_failures
from app.cli.process_secrets import environ_with_secrets
from app.settings import SettingError, Settings, existing_folder, read_settings


def settings_or_failure() -> Settings:
    """Return the settings of this process. Raises Failure."""
    try:
        return read_settings(environ_with_secrets())
    except SettingError as error:
        raise Failure(str(error)) from error


def _with_options(
    settings: Settings, kubeconfigs: str | None, namespaces: tuple[str, ...], trust_kubeconfigs: bool
) -> Settings:
    """Return settings in which the options of a worker override the variables."""
    worker = settings.worker
    try:
        worker = replace(
            worker,
            kubeconfigs=existing_folder(kubeconfigs, "--kubeconfigs") or worker.kubeconfigs,
            namespaces=frozenset(namespaces) or worker.namespaces,
            trusts_kubeconfigs=trust_kubeconfigs or worker.trusts_kubeconfigs,
        )
    except SettingError as error:
        raise Failure(str(error)) from error
    return replace(settings, worker=worker)


def _server_settings() -> Settings:
    """Return the settings of a server. Raises Failure if a database is missing or not migrated."""
    from app.store.migrations import check
    from app.wiring import NO_SERVERS, migrations_folder

    settings = settings_or_failure()
    if settings.store.database_url is None or settings.store.redis_url is None:
        raise Failure(NO_SERVERS)
    listen_address.check_redis_url(settings.store.redis_url)
    with expected_failures():
        asyncio.run(check(settings.store.database_url, migrations_folder()))
    return settings


@click.command()
def api() -> None:
    """Serve the API until stopped.

    Any number of APIs may run. BOREAS_HOST and BOREAS_PORT set the address to listen on, BOREAS_DATABASE_URL and
    BOREAS_REDIS_URL the servers to use. BOREAS_ADMIN_TOKEN is registered as a token with all rights.
    """
    settings = _server_settings()
    listen_address.check_free(settings.serve)

    from app.log import configure
    from app.main import serve

    configure(settings.log_level)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)
    with expected_failures():
        asyncio.run(_register_admin_token(settings))
        asyncio.run(serve(settings))


async def _register_admin_token(settings: Settings) -> None:
    """Register the ADMIN token of the settings, if any. APIs that start together do so one at a time."""
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
        raise Failure(f"The database became unavailable while BOREAS_ADMIN_TOKEN was registered: {error}.") from error


def _exit(_number: int, _frame: FrameType | None) -> None:
    """Exit with 0 before the API serves. An exception could be lost in a callback of the collector."""
    os._exit(0)


@click.command()
@click.option("--pool", default="default", show_default=True, help="The worker pool whose tasks to run.")
@click.option("--kubeconfigs", metavar="DIR", help="The folder of the kubeconfigs that environments may name.")
@click.option("--namespace", "namespaces", multiple=True, help="A namespace of clusters to serve; repeatable.")
@click.option("--trust-kubeconfigs", is_flag=True, help="Let kubeconfigs run programs and read files elsewhere.")
def worker(pool: str, **options: Any) -> None:
    """Run tasks until stopped.

    Any number of workers may run. A task goes to the worker pool of its environment. A worker reaches a cluster by the
    service account of its pod, or by a kubeconfig in the given folder. Without --namespace it serves every namespace
    that its accounts may reach. BOREAS_KUBECONFIGS, BOREAS_NAMESPACES (separated by commas) and
    BOREAS_TRUST_KUBECONFIGS have the same effect.
    """
    settings = _with_options(_server_settings(), **options)

    from app.log import configure
    from app.worker import serve

    configure(settings.log_level)
    with expected_failures():
        asyncio.run(serve(settings, pool))


@click.command()
@click.option(
    "--client-cache",
    "cache",
    type=click.Choice(["apollo", "urql", "possible-types"]),
    help="Print the cache configuration of a client instead: type policies for Apollo Client, keys and resolvers for "
    "urql's graphcache, or the types of each interface and union.",
)
def schema(cache: str | None) -> None:
    """Print the GraphQL schema, for code generators and linters."""
    from app.api.client_cache import ClientCache, write
    from app.api.schema import schema as served_schema

    if cache is None:
        click.echo(served_schema.as_str())
    else:
        click.echo(write(served_schema._schema, ClientCache(cache)), nl=False)


@click.command(
    short_help="Run everything on this machine: PostgreSQL, Valkey, the API and a worker.",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[-- PROGRAM [ARGUMENT]...]")
def up(program: tuple[str, ...]) -> None:
    """Run everything on this machine: PostgreSQL, Valkey, the API and a worker.

    When Boreas is ready, PROGRAM runs once, with BOREAS_URL and BOREAS_TOKEN in its environment:

        boreas up -- python3 examples/shop/shop.py ship v1

    \b
    BOREAS_PORT          the port to listen on (8000); 0 takes any free port
    BOREAS_HOST          the address to listen on (127.0.0.1)
    BOREAS_DATA_DIR      the data folder (.boreas)
    BOREAS_ADMIN_TOKEN   the first token; by default one is created and printed
    BOREAS_COMMAND_USER  the user of commands; as root, by default one of 64000-64999 for each environment
    BOREAS_DATABASE_URL  a PostgreSQL to use instead of an embedded one
    BOREAS_REDIS_URL     a Redis or Valkey to use instead of an embedded one
    """
    from app.cli.up.supervisor import run_up

    sys.exit(run_up(settings_or_failure(), program))
