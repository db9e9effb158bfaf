"""`boreas apply`: brings applications, environments and templates in line with what files declare."""

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

from app.cli.apply import applications, environments, templates
from app.cli.apply.diff import Difference
from app.cli.apply.files import Declared, read
from app.cli.apply.plans import Plan
from app.cli.apply.specs import Application, Environment, Spec, WorkflowTemplate, schema
from app.cli.client import Api, ApiError, address_options, api_of
from app.cli.terminal_text import json_text, printable
from app.core.masking import masked_views

EPILOG = """\b
Examples:
  boreas apply -f boreas.yaml --dry-run
  boreas apply -f applications.yaml -f environments.yaml
  boreas apply --schema > boreas.schema.json

\b
Exit status: 0 done, or nothing to do; 2 refused. With --exit-code 1 where something changed (with --dry-run: would)."""
ORDER: tuple[type[Spec], ...] = (Application, Environment, WorkflowTemplate)
"""What others name comes before them."""
LOOK = {"CREATE": ("+", "green"), "UPDATE": ("~", "yellow"), "KEEP": ("=", "dim")}
DONE = {"CREATE": "created", "UPDATE": "changed", "KEEP": "as declared"}
TO_DO = {"CREATE": "to create", "UPDATE": "to change", "KEEP": "as declared"}


@click.command(epilog=EPILOG)
@click.option("-f", "--file", "files", multiple=True, metavar="FILE", help="YAML; - is standard input. Repeatable.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where something changed, or would.")
@click.option("--schema", "shows_schema", is_flag=True, help="Print the JSON schema of a document, and end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@address_options
def apply(url: str, token: str | None, files: Sequence[str], shows_schema: bool, **how: bool) -> None:
    """Create and update what files declare; a second time there is nothing to do."""
    if shows_schema:
        click.echo(json_text(schema(), indent=2))
        return
    if not files:
        raise click.UsageError("Say what to apply: --file FILE, or --file - for standard input.")
    declared = read(files)
    plans = asyncio.run(_apply(api_of(url, token), declared, dry_run=how["dry_run"], as_json=how["as_json"]))
    if how["exit_code"] and any(plan.steps for plan in plans):
        sys.exit(1)


async def _apply(api: Api, declared: Sequence[Declared], *, dry_run: bool, as_json: bool) -> list[Plan]:
    """Plan everything, show it, and (where it is no dry run) do it. Raises ApiError."""
    in_order = sorted(declared, key=lambda each: ORDER.index(type(each.spec)))
    made = {each.spec.name for each in declared if isinstance(each.spec, Application)}
    plans = [await _plan(api, each, made) for each in in_order]
    done: list[Plan] = []
    for plan in plans:
        if not dry_run:
            await _carry_out(api, plan, done)
        _show(plan, applied=not dry_run, as_json=as_json)
    if not as_json:
        counts, words = Counter(plan.action for plan in plans), TO_DO if dry_run else DONE
        click.echo(", ".join(f"{counts[action]} {word}" for action, word in words.items() if counts[action]) + ".")
    return plans


async def _carry_out(api: Api, plan: Plan, done: list[Plan]) -> None:
    try:
        await plan.carry_out(api)
    except ApiError as error:
        said = f"\nDone before: {', '.join(each.declared.title for each in done)}." if done else ""
        raise ApiError(f"{error.message}{said}") from error
    if plan.steps:
        done.append(plan)


async def _plan(api: Api, declared: Declared, made: Set[str]) -> Plan:
    """Return what brings something in line, where the applications `made` are there by then. Raises ApiError."""
    match declared.spec:
        case Application() as spec:
            return await applications.plan(api, declared, spec)
        case Environment() as spec:
            return await environments.plan(api, declared, spec)
        case WorkflowTemplate() as spec:
            return await templates.plan(api, declared, spec, made)


def _show(plan: Plan, *, applied: bool, as_json: bool) -> None:
    """Tell what a declaration changes."""
    spec, differences = plan.declared.spec, _without_secrets(plan.differences)
    if as_json:
        changes = [{"field": each.field, "before": each.before, "after": each.after} for each in differences]
        told = {"kind": type(spec).__name__, "name": spec.name, "action": plan.action, "changes": changes}
        click.echo(json_text(told | {"applied": applied and bool(plan.steps)}))
        return
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    symbol, style = LOOK[plan.action]
    console.print(Text(f"{symbol} {printable(plan.declared.title)}", style=style))
    for each in differences:
        before, after = _told(each.before), _told(each.after)
        shown = after if each.before is None else f"{before} → {after}"
        console.print(Text(f"    {printable(each.field)}: {printable(shown)}"))


def _without_secrets(found: Sequence[Difference]) -> list[Difference]:
    """Return differences without the values of variables whose names tell that they are secret."""
    names = [each.field.split(".") for each in found]
    sides = [[_nested(path, value) for path, value in zip(names, values, strict=True)] for values in _sides(found)]
    before, after = masked_views(sides)
    return [
        replace(each, before=_inner(path, before[index]), after=_inner(path, after[index]))
        for index, (path, each) in enumerate(zip(names, found, strict=True))
    ]


def _sides(found: Sequence[Difference]) -> tuple[list[object], list[object]]:
    return [each.before for each in found], [each.after for each in found]


def _nested(path: Sequence[str], value: object) -> object:
    for name in reversed(path):
        value = {name: value}
    return value


def _inner(path: Sequence[str], value: Any) -> Any:
    for name in path:
        value = value[name]
    return value


def _told(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
