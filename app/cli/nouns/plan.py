"""`boreas deployment plan`: what a deployment would be, without making it."""

from typing import Any

import click

from app.cli.client import Api, Data
from app.cli.deploy import checked, describes_deployment, input_of
from app.cli.nouns import columns, queries
from app.cli.options import calls_api, prints
from app.cli.printer import Column, Printer

EPILOG = """\b
Examples:
  boreas deployment plan --version v7 --environment production
  boreas deployment plan --version v7 --environment production --order users,orders -o json

\b
Exit status: 0, or 2 where such a deployment would be refused."""
TASKS = (
    Column("LEVEL", lambda one, times: str(one["level"])),
    Column("KEY", lambda one, times: one["key"]),
    Column("TYPE", lambda one, times: one["type"]),
    Column("WAITS FOR", lambda one, times: ", ".join(one["blockBy"])),
    Column("ASKS", lambda one, times: "yes" if one["requireConfirm"] else ""),
)


@click.command(epilog=EPILOG)
@describes_deployment
@prints
@calls_api
async def plan(api: Api, printer: Printer, **wanted: Any) -> int:
    """Show what a deployment would do, what it would wait for and who would be asked. Nothing is made."""
    given = await input_of(api, checked(wanted))
    found = (await api.query(queries.PLAN, input=given))["deploymentPlan"]
    printer.one(found, lambda one: "\n".join(task["key"] for task in one["tasks"]), lambda: _details(printer, found))
    return 2 if found["faults"] else 0


def _details(printer: Printer, found: Data) -> None:
    levels = {key: number + 1 for number, keys in enumerate(found["levels"]) for key in keys}
    tasks = sorted(
        ({**task, "level": levels.get(task["key"], "?")} for task in found["tasks"]),
        key=lambda task: str(task["level"]).zfill(6),
    )
    for fault in found["faults"]:
        printer.line(f"✗ {fault['kind']}: {fault['message']}")
    printer.table(tasks, TASKS)
    changed = [(each["application"]["name"], each["differsFromRunning"]) for each in found["definitions"]]
    pairs = [(f"{name} changes", ", ".join(fields)) for name, fields in changed]
    asks = [
        f"{each['requiredApprovals']} of {' or '.join(each['approverRoles'])} for {each['taskKey'] or 'the deployment'}"
        for each in found["approvals"]
    ]
    printer.line("")
    gate = columns.blockers(found["gate"]["blockers"], printer.times)
    printer.fields(
        [
            ("Longest chain", " → ".join(found["criticalPath"])),
            ("Asks", "\n".join(asks)),
            *pairs,
            ("Waits for", gate or ("nothing" if not found["faults"] else None)),
        ]
    )
