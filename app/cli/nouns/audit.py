"""`boreas audit`: lists the audit log by the API, and verifies it in the database."""

import asyncio
import sys
from functools import partial
from typing import Any

import click

from app.cli import lookups
from app.cli.client import Api, Data
from app.cli.console import Failure, expected_failures
from app.cli.live_views import poll_list
from app.cli.nouns import queries
from app.cli.nouns.columns import field, time
from app.cli.nouns.details import WATCH_LIST_HELP
from app.cli.nouns.graph_files import format_value
from app.cli.options import api_command, fetch_pages, limit_options, note_limit, output_options
from app.cli.printer import Column, Printer, id_of
from app.cli.process_secrets import environ_with_secrets
from app.cli.root import Group
from app.cli.times import TimeParameter
from app.settings import SettingError, read_settings

COLUMNS = (
    Column("AT", time("at")),
    Column("WHO", field("actor", "name")),
    Column("ACTION", field("action")),
    Column("TARGET", field("targetId")),
    Column("FROM", field("sourceIp"), wide=True),
    Column("CHANGE", lambda entry, times: _changed_fields(entry), wide=True),
    Column("REASON", field("reason")),
)


def _changed_fields(entry: Data) -> str:
    before, after = entry["before"], entry["after"]
    if not isinstance(before, dict) or not isinstance(after, dict):
        return "created" if before is None else "removed" if after is None else ""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(f"{name}: {format_value(before.get(name))} → {format_value(after.get(name))}" for name in names)


@click.group(
    cls=Group,
    invoke_without_command=True,
    epilog="\b\nExamples:\n  boreas audit --help\n  boreas audit list --since 1d\n  boreas audit verify",
)
@click.pass_context
def audit(ctx: click.Context) -> None:
    """The audit log: list, verify. Without a verb, list the newest entries."""
    if ctx.invoked_subcommand is None:
        list_command = audit.commands["list"]
        with list_command.make_context("list", [], parent=ctx) as list_context:
            list_command.invoke(list_context)


@audit.command()
@click.option("--head", metavar="HASH", help="A head that was noted earlier; it must still be in the log.")
def verify(head: str | None) -> None:
    """Check that no entry was changed, removed or inserted since it was written.

    Each entry has a number, and a hash over itself and the entry before. Note the printed head in another place: with
    --head, a later check proves that no entry up to that head was removed from the end or written anew. Exit status 1
    means that the log was tampered with.

    BOREAS_DATABASE_URL names the database. In the folder of a running boreas up, its database is found by itself.
    """
    with expected_failures():
        from app.services.audit import verify as verify_chain
        from app.store.migrations import opened

        async def verify_database() -> tuple[int, str, str | None, bool]:
            async with opened(_database_url()):
                chain, has_head = await verify_chain(head.strip().lower() if head else None)
                return chain.length, chain.head, chain.fault, has_head

        length, last_hash, fault, has_head = asyncio.run(verify_database())
    click.echo(f"{length} entries are as they were written. The head is\n{last_hash}")
    if fault:
        click.echo(f"The audit log was tampered with: {fault}.", err=True)
    if not has_head:
        click.echo(f"The audit log was tampered with: no entry up to there has the hash {head}.", err=True)
    sys.exit(1 if fault or not has_head else 0)


def _database_url() -> str:
    """Return the URL of the database. Raises Failure."""
    try:
        settings = read_settings(environ_with_secrets())
    except SettingError as error:
        raise Failure(str(error)) from error
    if settings.store.database_url:
        return settings.store.database_url
    try:
        return (settings.data_dir / "secrets" / "owner-url").read_text(encoding="utf-8").strip()
    except OSError:
        raise Failure("Set BOREAS_DATABASE_URL, or run this in the folder of a running boreas up.") from None


@audit.command(
    "list",
    epilog="\b\nExamples:\n  boreas audit list --since 1d\n  boreas audit list --target dep_0a1b2c -o wide\n"
    "  boreas audit list --action rollbackDeployment --action cancelDeployment -o json",
)
@click.option("--actor", metavar="me|ID", help="List only changes by this actor.")
@click.option("--target", metavar="ID", help="List only changes to this object.")
@click.option("--action", "actions", multiple=True, metavar="MUTATION", help="List only this action; repeatable.")
@click.option("--since", type=TimeParameter(), help="List only changes since: 2h, 7d, or a time.")
@click.option("--until", type=TimeParameter(), help="List only changes before: 2h, 7d, or a time.")
@click.option("-w", "--watch", "watching", is_flag=True, help=WATCH_LIST_HELP)
@limit_options
@output_options
@api_command
async def list_(api: Api, printer: Printer, limit: int | None, watching: bool, **options: Any) -> None:
    """List who changed what, the newest first. Requires ADMIN on everything."""
    fields = {
        "actorId": await lookups.actor_id(api, options["actor"]) if options["actor"] else None,
        "targetId": options["target"],
        "actions": list(options["actions"]) or None,
        "since": options["since"],
        "until": options["until"],
    }
    filter_ = {name: value for name, value in fields.items() if value is not None} or None
    read = partial(fetch_pages, api, queries.AUDIT, limit, filter=filter_)
    if watching:
        await poll_list(printer, read, COLUMNS, id_of)
    entries, total = await read()
    none = "No entry of the audit log matches." if filter_ else "The audit log is empty."
    printer.list(entries, COLUMNS, id_of, none)
    note_limit(printer, len(entries), total)
