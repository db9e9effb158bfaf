"""The command `boreas apply`: plans every document, prints the plans, and carries them out."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from app.cli.api_options import address_options, api_of
from app.cli.apply import applications, environments, templates
from app.cli.apply.diff import Difference
from app.cli.apply.files import Document, read_documents
from app.cli.apply.plans import Plan
from app.cli.apply.specs import Application, Environment, Spec, WorkflowTemplate, json_schema
from app.cli.client import Api, ApiError
from app.cli.terminal_text import json_text, printable
from app.core.masking import masked_views

EPILOG = """\b
Examples:
  boreas apply -f boreas.yaml --dry-run
  boreas apply -f applications.yaml -f environments.yaml
  boreas apply --schema > boreas.schema.json

\b
Exit status: 0 success, 2 refused. With --exit-code, 1 if something changed (with --dry-run: would change)."""
ORDER: tuple[type[Spec], ...] = (Application, Environment, WorkflowTemplate)
"""Templates name applications, so these come first."""
SYMBOLS = {"CREATE": ("+", "green"), "UPDATE": ("~", "yellow"), "KEEP": ("=", "dim")}
DONE = {"CREATE": "created", "UPDATE": "changed", "KEEP": "as declared"}
TO_DO = {"CREATE": "to create", "UPDATE": "to change", "KEEP": "as declared"}


@click.command(epilog=EPILOG)
@click.option(
    "-f", "--file", "files", multiple=True, metavar="FILE", help="A YAML file; - is standard input. Repeatable."
)
@click.option("--dry-run", is_flag=True, help="Print what would change; change nothing.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if something changed, or would change.")
@click.option("--schema", "prints_schema", is_flag=True, help="Print the JSON schema of a document, and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@address_options
def apply(url: str, token: str | None, files: Sequence[str], prints_schema: bool, **options: bool) -> None:
    """Create and update what files declare. Applying the same files again changes nothing."""
    if prints_schema:
        click.echo(json_text(json_schema(), indent=2))
        return
    if not files:
        raise click.UsageError("Name a file to apply: --file FILE, or --file - for standard input.")
    documents = read_documents(files)
    plans = asyncio.run(_apply(api_of(url, token), documents, dry_run=options["dry_run"], as_json=options["as_json"]))
    if options["exit_code"] and any(plan.steps for plan in plans):
        sys.exit(1)


async def _apply(api: Api, documents: Sequence[Document], *, dry_run: bool, as_json: bool) -> list[Plan]:
    """Plan every document, print the plans, and carry them out unless it is a dry run. Raises ApiError."""
    in_order = sorted(documents, key=lambda document: ORDER.index(type(document.spec)))
    new_applications = {document.spec.name for document in documents if isinstance(document.spec, Application)}
    plans = [await _plan(api, document, new_applications) for document in in_order]
    done: list[Plan] = []
    for plan in plans:
        if not dry_run:
            await _carry_out(api, plan, done)
        _print(plan, applied=not dry_run, as_json=as_json)
    if not as_json:
        counts, words = Counter(plan.action for plan in plans), TO_DO if dry_run else DONE
        click.echo(", ".join(f"{counts[action]} {word}" for action, word in words.items() if counts[action]) + ".")
    return plans


async def _carry_out(api: Api, plan: Plan, done: list[Plan]) -> None:
    try:
        await plan.carry_out(api)
    except ApiError as error:
        completed = ", ".join(earlier.document.title for earlier in done)
        note = f"\nDone before: {completed}." if done else ""
        raise ApiError(f"{error.message}{note}") from error
    if plan.steps:
        done.append(plan)


async def _plan(api: Api, document: Document, new_applications: Set[str]) -> Plan:
    """Return the plan of a document. Applications of other documents exist by the time it is applied.

    Raises ApiError.
    """
    match document.spec:
        case Application() as spec:
            return await applications.plan(api, document, spec)
        case Environment() as spec:
            return await environments.plan(api, document, spec)
        case WorkflowTemplate() as spec:
            return await templates.plan(api, document, spec, new_applications)


def _print(plan: Plan, *, applied: bool, as_json: bool) -> None:
    """Print what a plan changes."""
    spec, differences = plan.document.spec, _without_secrets(plan.differences)
    if as_json:
        fields = [
            {"field": difference.field, "before": difference.before, "after": difference.after}
            for difference in differences
        ]
        summary = {"kind": type(spec).__name__, "name": spec.name, "action": plan.action, "changes": fields}
        click.echo(json_text(summary | {"applied": applied and bool(plan.steps)}))
        return
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    symbol, style = SYMBOLS[plan.action]
    console.print(Text(f"{symbol} {printable(plan.document.title)}", style=style))
    for difference in differences:
        before, after = _format(difference.before), _format(difference.after)
        change = after if difference.before is None else f"{before} → {after}"
        console.print(Text(f"    {printable(difference.field)}: {printable(change)}"))


def _without_secrets(differences: Sequence[Difference]) -> list[Difference]:
    """Return differences in which variables with secret names are masked."""
    paths = [difference.field.split(".") for difference in differences]
    sides = (
        [difference.before for difference in differences],
        [difference.after for difference in differences],
    )
    before, after = masked_views(
        [[_nest(path, value) for path, value in zip(paths, values, strict=True)] for values in sides]
    )
    return [
        replace(difference, before=_value_at(path, before[index]), after=_value_at(path, after[index]))
        for index, (path, difference) in enumerate(zip(paths, differences, strict=True))
    ]


def _nest(path: Sequence[str], value: object) -> object:
    """Return a value inside objects, one for each name of the path: masking looks at the names."""
    for name in reversed(path):
        value = {name: value}
    return value


def _value_at(path: Sequence[str], value: Any) -> Any:
    for name in path:
        value = value[name]
    return value


def _format(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
