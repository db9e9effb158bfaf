"""What the commands of nouns print around tables: errors, reasons to wait, next steps, empty lists."""

from collections.abc import Sequence

from rich.text import Text

from app.cli.client import Api, ApiError, Data
from app.cli.printer import Printer
from app.cli.times import TimeFormat

DEPLOYMENT_STATUSES = (
    "PENDING",
    "RUNNING",
    "WAITING_CONFIRM",
    "SUCCESS",
    "FAILED",
    "ROLLING_BACK",
    "ROLLED_BACK",
    "CANCELLING",
    "CANCELLED",
)
TASK_STATUSES = (
    "PENDING",
    "BLOCKED",
    "RUNNING",
    "WAITING_CONFIRM",
    "SUCCESS",
    "FAILED",
    "SKIPPED",
    "CANCELLED",
    "ROLLED_BACK",
)
ENDED = frozenset({"SUCCESS", "FAILED", "ROLLED_BACK", "CANCELLED"})
REASON_HELP = "The reason; it is stored and shown."
WATCH_LIST_HELP = "Print new and changed rows until Ctrl-C."
WATCH_HELP = "Print it again after every change, until it ends."


async def fetch(api: Api, noun: str, name: str, document: str, id_: str) -> Data:
    """Return the object of an id (the only root field of a document). Raises ApiError if there is none."""
    value: Data | None = next(iter((await api.query(document, id=id_)).values()))
    if value is None:
        raise not_found(noun, name)
    return value


def not_found(noun: str, name: str, hint: str = "") -> ApiError:
    """Return the error for an object that does not exist, or that the token may not see."""
    return ApiError(f"There is no {noun} “{name}” that you may see.{hint and f' {hint}'}")


def deployment_of(owner: Data) -> str:
    """Return the deployment of a task or an approval in words."""
    deployment = owner["deployment"]
    place = f"{deployment['version']['name']} to {deployment['environment']['name']}"
    return f"{deployment['id']} ({place}, {deployment['status']})"


def blockers(reasons: Sequence[Data], times: TimeFormat) -> Text | None:
    """Return what a deployment or a task waits for, one reason per line."""
    lines = []
    for reason in reasons:
        until = f" (until {times.exact(reason['until'])})" if reason["until"] else ""
        lines.append(f"{reason['kind']}: {reason['message']}{until}")
    return Text("\n".join(lines)) if lines else None


def next_steps(printer: Printer, commands: Sequence[str]) -> None:
    """Print on standard error which commands may follow."""
    if commands and not printer.is_data:
        printer.note("\nNext:\n" + "\n".join(f"  {command}" for command in commands))


def empty_list(noun: str, contains: str | None = None, *, archived: bool = False) -> str:
    """Return the message for an empty list of what files declare."""
    if contains:
        return f"No {noun} has “{contains}” in its name."
    if archived:
        return f"No {noun} is archived."
    return f"There is no {noun} yet. Declare one in a file, and create it: boreas apply --file FILE"
