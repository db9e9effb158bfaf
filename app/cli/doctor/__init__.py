"""`boreas doctor`: looks at what usually goes wrong, and says what to do."""

import asyncio
import sys
from dataclasses import replace

import click

from app.cli.client import Api, ApiError, address_options, api_of
from app.cli.doctor.findings import Finding, Level, problem, show, show_json
from app.cli.doctor.remote import examine_api
from app.cli.process_secrets import environ
from app.cli.up.own_server import OwnServer, own_server
from app.settings import SettingError, Settings, read_settings

EPILOG = """\b
Exit status: 0 when nothing is wrong, warnings included; 1 when there is a problem.
Beside a boreas up, in its folder, everything of it is looked at. With BOREAS_DATABASE_URL
and BOREAS_REDIS_URL set, those servers are. Else this machine, and the API at --url."""


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Everything that was looked at, as one JSON list.")
@address_options
def doctor(url: str | None, token: str | None, as_json: bool) -> None:
    """Look at what usually goes wrong, and say what to do.

    Releases, limits, users, ports, certificates and proxies of this machine; the database, Redis, clocks, and pools
    without workers; the API and the token. Nothing is changed.
    """
    try:
        settings = read_settings(environ())
    except SettingError as error:
        findings = [problem("settings", str(error), "Correct the variable and look again.")]
    else:
        from app.cli.doctor.machine import examine

        server = own_server(settings.data_dir)
        findings = [*examine(settings, server), *asyncio.run(_examine_servers(settings, server, url, token))]
    (show_json if as_json else show)(findings)
    problems, warnings = (sum(each.level is level for each in findings) for level in (Level.PROBLEM, Level.WARNING))
    if not as_json:
        click.echo(
            f"{len(findings)} things looked at: {_counted(problems, 'problem')}, {_counted(warnings, 'warning')}."
        )
    sys.exit(1 if problems else 0)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number or 'no'} {noun}s"


async def _examine_servers(
    settings: Settings, server: OwnServer | None, url: str | None, token: str | None
) -> list[Finding]:
    known = _with_own_servers(settings) if server else settings
    found: list[Finding] = []
    if known.store.database_url:
        from app.cli.doctor.servers import examine_database

        found += await examine_database(known)
    if known.store.redis_url:
        from app.cli.doctor.servers import examine_redis

        found += await examine_redis(known)
    if server or url or token:
        found += await _examine_api(url, token)
    return found


async def _examine_api(url: str | None, token: str | None) -> list[Finding]:
    try:
        api: Api = api_of(url, token)
    except ApiError as error:
        return [problem("API", error.message, "")]
    return await examine_api(api)


def _with_own_servers(settings: Settings) -> Settings:
    """Return the settings with the servers of the `boreas up` that runs in the data folder."""
    kept = {}
    for name in ("owner-url", "redis-url"):
        try:
            kept[name] = (settings.data_dir / "secrets" / name).read_text(encoding="utf-8").strip()
        except OSError:
            kept[name] = ""
    store = replace(
        settings.store,
        database_url=settings.store.database_url or kept["owner-url"] or None,
        redis_url=settings.store.redis_url or kept["redis-url"] or None,
    )
    return replace(settings, store=store)
