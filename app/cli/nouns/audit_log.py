"""`boreas audit list`: who changed what. `boreas audit verify` is of the server's side."""

from functools import partial
from typing import Any

import click

from app.cli import lookups
from app.cli.client import Api, Data
from app.cli.live_views import read_again
from app.cli.nouns import columns, graph_files, queries
from app.cli.options import calls_api, lists, more, pages, prints
from app.cli.printer import Column, Printer, by_id
from app.cli.times import Moment

COLUMNS = (
    Column("AT", lambda one, times: times(one["at"])),
    Column("WHO", lambda one, times: columns.named(one["actor"])),
    Column("ACTION", lambda one, times: one["action"]),
    Column("TARGET", lambda one, times: one["targetId"]),
    Column("FROM", lambda one, times: one["sourceIp"] or "", wide=True),
    Column("CHANGE", lambda one, times: _change(one), wide=True),
    Column("REASON", lambda one, times: one["reason"] or ""),
)


def _change(one: Data) -> str:
    """Say which fields changed."""
    before, after = one["before"], one["after"]
    if not isinstance(before, dict) or not isinstance(after, dict):
        return "made" if before is None else "removed" if after is None else ""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(
        f"{name}: {graph_files.told(before.get(name))} → {graph_files.told(after.get(name))}" for name in names
    )


@click.command(
    "list",
    epilog="\b\nExamples:\n  boreas audit list --since 1d\n  boreas audit list --target dep_0a1b2c -o wide\n"
    "  boreas audit list --action rollbackDeployment --action cancelDeployment -o json",
)
@click.option("--actor", metavar="me|ID", help="Only of mine, or of somebody.")
@click.option("--target", metavar="ID", help="Only changes of this object.")
@click.option("--action", "actions", multiple=True, metavar="MUTATION", help="Only this one; may be repeated.")
@click.option("--since", type=Moment(), help="Only since then: 2h, 7d, or a time.")
@click.option("--until", type=Moment(), help="Only before then.")
@click.option("-w", "--watch", "watching", is_flag=True, help="Go on with what is done, until Ctrl-C.")
@lists
@prints
@calls_api
async def list_audit(api: Api, printer: Printer, limit: int | None, watching: bool, **wanted: Any) -> None:
    """List who changed what, the newest first. For ADMIN on everything."""
    given = {
        "actorId": await lookups.actor(api, wanted["actor"]) if wanted["actor"] else None,
        "targetId": wanted["target"],
        "actions": list(wanted["actions"]) or None,
        "since": wanted["since"],
        "until": wanted["until"],
    }
    where = {name: value for name, value in given.items() if value is not None} or None
    read = partial(pages, api, queries.AUDIT, limit, filter=where)
    if watching:
        await read_again(printer, read, COLUMNS, by_id)
    found, total = await read()
    printer.list(
        found, COLUMNS, by_id, "Nothing in the audit log is like that." if where else "The audit log is empty."
    )
    more(printer, len(found), total)
