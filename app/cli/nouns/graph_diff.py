"""The differences between two graphs of tasks, for people."""

from rich.text import Text

from app.cli.client import Data
from app.cli.nouns.graph_files import format_value
from app.cli.printer import Printer


def changed_keys(diff: Data) -> str:
    """Return the keys of all tasks that differ."""
    return "\n".join(task["key"] for name in ("added", "removed", "changed") for task in diff[name])


def print_diff(printer: Printer, diff: Data, before: str, after: str) -> None:
    """Print what changed between two graphs, which are named `before` and `after`."""
    if not any(diff.values()):
        printer.line(f"{before} and {after} are the same.")
        return
    for task in diff["removed"]:
        printer.line(Text(f"- {task['key']} ({task['type']})", style="red"))
    for task in diff["added"]:
        printer.line(Text(f"+ {task['key']} ({task['type']})", style="green"))
    for task in diff["changed"]:
        printer.line(Text(f"~ {task['key']}", style="yellow"))
        for name in task["fields"]:
            old, new = (format_value(side.get(name)) for side in (task["before"], task["after"]))
            printer.line(f"{name}: {old} → {new}", indent=4)


def diff_lines(diff: Data) -> list[str]:
    """Return what changed between two graphs, one task per line."""
    return [
        *(f"  + {task['key']}" for task in diff["added"]),
        *(f"  - {task['key']}" for task in diff["removed"]),
        *(f"  ~ {task['key']}: {', '.join(task['fields'])}" for task in diff["changed"]),
    ]
