"""`boreas doctor`: checks for common problems, and says what to do about each."""

import asyncio
import sys
from dataclasses import replace

import click

from app.cli.api_options import address_options, api_of
from app.cli.client import Api, ApiError
from app.cli.doctor.findings import Finding, Level, print_findings, print_json, problem
from app.cli.doctor.remote import check_api
from app.cli.process_secrets import environ_with_secrets
from app.cli.up.own_server import OwnServer, own_server
from app.settings import SettingError, Settings, read_settings

EPILOG = """\b
Exit status: 0 without problems (warnings are allowed), 1 with a problem.
In the folder of a running boreas up, its servers are checked. With BOREAS_DATABASE_URL and
BOREAS_REDIS_URL set, those servers are. Otherwise this machine, and the API at --url."""


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print every finding, as one JSON list.")
@address_options
def doctor(url: str | None, token: str | None, as_json: bool) -> None:
    """Check for common problems, and say what to do.

    Checks releases, limits, users, ports, certificates and proxies of this machine; the database, Redis, clocks, and
    pools without workers; the API and the token. Changes nothing.
    """
    try:
        settings = read_settings(environ_with_secrets())
    except SettingError as error:
        findings = [problem("settings", str(error), "Correct the variable and run boreas doctor again.")]
    else:
        from app.cli.doctor.machine import check_machine

        server = own_server(settings.data_dir)
        findings = [*check_machine(settings, server), *asyncio.run(_check_servers(settings, server, url, token))]
    (print_json if as_json else print_findings)(findings)
    problems, warnings = (
        sum(finding.level is level for finding in findings) for level in (Level.PROBLEM, Level.WARNING)
    )
    if not as_json:
        click.echo(f"{len(findings)} checks: {_count(problems, 'problem')}, {_count(warnings, 'warning')}.")
    sys.exit(1 if problems else 0)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number or 'no'} {noun}s"


async def _check_servers(
    settings: Settings, server: OwnServer | None, url: str | None, token: str | None
) -> list[Finding]:
    settings = _with_embedded_servers(settings) if server else settings
    findings: list[Finding] = []
    if settings.store.database_url:
        from app.cli.doctor.servers import check_database

        findings += await check_database(settings)
    if settings.store.redis_url:
        from app.cli.doctor.servers import check_redis

        findings += await check_redis(settings)
    if server or url or token:
        findings += await _check_api(url, token)
    return findings


async def _check_api(url: str | None, token: str | None) -> list[Finding]:
    try:
        api: Api = api_of(url, token)
    except ApiError as error:
        return [problem("API", error.message, "")]
    return await check_api(api)


def _with_embedded_servers(settings: Settings) -> Settings:
    """Return settings with the servers of the `boreas up` that runs in the data folder."""
    urls = {}
    for name in ("owner-url", "redis-url"):
        try:
            urls[name] = (settings.data_dir / "secrets" / name).read_text(encoding="utf-8").strip()
        except OSError:
            urls[name] = ""
    store = replace(
        settings.store,
        database_url=settings.store.database_url or urls["owner-url"] or None,
        redis_url=settings.store.redis_url or urls["redis-url"] or None,
    )
    return replace(settings, store=store)
