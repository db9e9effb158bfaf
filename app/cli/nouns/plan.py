"""`boreas deployment plan`: what a deployment would do, without creating it."""

from typing import Any

import click

from app.cli.client import Api, Data
from app.cli.deploy import deployment_input, deployment_options, with_parameters
from app.cli.nouns import queries
from app.cli.nouns.columns import field
from app.cli.nouns.details import blockers
from app.cli.options import api_command, output_options
from app.cli.printer import Column, Printer

EPILOG = """\b
Examples:
  boreas deployment plan --version v7 --environment production
  boreas deployment plan --version v7 --environment production --order users,orders -o json

\b
Exit status: 0, or 2 if such a deployment would be refused."""
GRAPH = (
    Column("KEY", field("key")),
    Column("TYPE", field("type")),
    Column("WAITS FOR", lambda task, times: ", ".join(task["blockBy"])),
    Column("ASKS", lambda task, times: "yes" if task["requireConfirm"] else ""),
)
"""Columns of the tasks of a graph that does not run."""
TASKS = (Column("LEVEL", field("level")), *GRAPH)


@click.command(epilog=EPILOG)
@deployment_options
@output_options
@api_command
async def plan(api: Api, printer: Printer, **options: Any) -> int:
    """Show what a deployment would do, what it would wait for and who would be asked. Creates nothing."""
    fields = await deployment_input(api, with_parameters(options))
    planned = (await api.query(queries.PLAN, input=fields))["deploymentPlan"]
    printer.object(
        planned, lambda value: "\n".join(task["key"] for task in value["tasks"]), lambda: _details(printer, planned)
    )
    return 2 if planned["faults"] else 0


def _details(printer: Printer, planned: Data) -> None:
    levels = {key: number + 1 for number, keys in enumerate(planned["levels"]) for key in keys}
    tasks = sorted(
        ({**task, "level": levels.get(task["key"], "?")} for task in planned["tasks"]),
        key=lambda task: str(task["level"]).zfill(6),
    )
    for fault in planned["faults"]:
        printer.line(f"✗ {fault['kind']}: {fault['message']}")
    printer.table(tasks, TASKS)
    printer.line("")
    gate = blockers(planned["gate"]["blockers"], printer.times)
    printer.fields(
        [
            ("Longest chain", " → ".join(planned["criticalPath"])),
            ("Asks", "\n".join(_approval(approval) for approval in planned["approvals"])),
            *((f"{name} changes", fields) for name, fields in _changed_definitions(planned)),
            ("Waits for", gate or ("nothing" if not planned["faults"] else None)),
        ]
    )


def _approval(approval: Data) -> str:
    subject = approval["taskKey"] or "the deployment"
    return f"{approval['requiredApprovals']} of {' or '.join(approval['approverRoles'])} for {subject}"


def _changed_definitions(planned: Data) -> list[tuple[str, str]]:
    """Return the names of applications, each with the fields of its definition that differ from what runs."""
    definitions = planned["definitions"]
    return [
        (definition["application"]["name"], ", ".join(definition["differsFromRunning"])) for definition in definitions
    ]
