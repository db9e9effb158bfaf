"""Parts of tables and details that several nouns show, and the hints that go with them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from app.cli.client import Data
from app.cli.printer import Column, Printer, status
from app.cli.times import Times, took

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


def named(found: Any) -> str:
    """Return the name of something that may not be there."""
    return found["name"] if found else ""


def names(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the names of several things."""
    return ", ".join(each["name"] for each in found)


def deployment_status(found: Data) -> Text:
    """Return the status of a deployment, and whether it is paused."""
    return status(found["status"], " (paused)" if found["paused"] else "")


DEPLOYMENTS = (
    Column("ID", lambda one, times: one["id"]),
    Column("STATUS", lambda one, times: deployment_status(one)),
    Column("DONE", lambda one, times: f"{one['progress']}%", wide=True),
    Column("AGE", lambda one, times: times(one["createdAt"])),
    Column("TOOK", lambda one, times: took(one["duration"]), wide=True),
    Column("VERSION", lambda one, times: one["version"]["name"]),
    Column("ENVIRONMENT", lambda one, times: one["environment"]["name"]),
    Column("APPLICATIONS", lambda one, times: names(one["applications"])),
    Column("BY", lambda one, times: named(one["createdBy"])),
    Column("ERROR", lambda one, times: one["errorMessage"] or "", wide=True),
)
TASKS = (
    Column("KEY", lambda one, times: one["key"]),
    Column("TYPE", lambda one, times: one["type"]),
    Column("STATUS", lambda one, times: status(one["status"])),
    Column("TRY", lambda one, times: f"{one['attempt']}/{one['maxAttempts']}"),
    Column("TOOK", lambda one, times: took(one["duration"])),
    Column("ID", lambda one, times: one["id"], wide=True),
    Column("STARTED", lambda one, times: times(one["startedAt"]), wide=True),
    Column("ENDED", lambda one, times: times(one["completedAt"]), wide=True),
    Column("MESSAGE", lambda one, times: one["errorMessage"] or ""),
)
APPROVALS = (
    Column("ID", lambda one, times: one["id"]),
    Column("STATUS", lambda one, times: status(one["status"])),
    Column("OF", lambda one, times: subject(one)),
    Column("MISSING", lambda one, times: f"{one['missing']}/{one['requiredApprovals']}"),
    Column("ASKED", lambda one, times: times(one["requestedAt"])),
    Column("UNTIL", lambda one, times: times.exact(one["expiresAt"]) if one["expiresAt"] else ""),
    Column("VERSION", lambda one, times: one["deployment"]["version"]["name"]),
    Column("ENVIRONMENT", lambda one, times: one["deployment"]["environment"]["name"]),
    Column("DEPLOYMENT", lambda one, times: one["deployment"]["id"]),
    Column("ROLES", lambda one, times: ", ".join(one["approverRoles"]), wide=True),
    Column("REVISION", lambda one, times: str(one["revision"]), wide=True),
)
VERSIONS = (
    Column("NAME", lambda one, times: one["name"]),
    Column("AGE", lambda one, times: times(one["createdAt"])),
    Column("APPLICATIONS", lambda one, times: ", ".join(each["application"]["name"] for each in one["artifacts"])),
    Column("COMMIT", lambda one, times: (one["commit"] or "")[:12]),
    Column("BY", lambda one, times: named(one["createdBy"])),
    Column("ID", lambda one, times: one["id"]),
)
RELEASES = (
    Column("APPLICATION", lambda one, times: named(one.get("application"))),
    Column("ENVIRONMENT", lambda one, times: named(one.get("environment"))),
    Column("VERSION", lambda one, times: one["version"]["name"]),
    Column("SINCE", lambda one, times: times(one["since"])),
    Column("DEPLOYMENT", lambda one, times: one["deployment"]["id"]),
)


def subject(one: Data) -> str:
    """Say of what an approval is."""
    key = one["task"]["key"] if one["task"] else "a task"
    if one["subject"] == "DEPLOYMENT":
        return "deployment"
    return str(key) if one["subject"] == "TASK" else f"step {(one['rolloutStep'] or 0) + 1} of {key}"


def blockers(found: Sequence[Data], times: Times) -> Text | None:
    """Say what something waits for, one reason a line."""
    lines = []
    for each in found:
        until = f" (until {times.exact(each['until'])})" if each["until"] else ""
        lines.append(f"{each['kind']}: {each['message']}{until}")
    return Text("\n".join(lines)) if lines else None


def hints(printer: Printer, lines: Sequence[str]) -> None:
    """Say on standard error what may be done next."""
    if lines and not printer.is_data:
        printer.note("\nNext:\n" + "\n".join(f"  {line}" for line in lines))


def none_declared(noun: str, contains: str | None, *, archived: bool) -> str:
    """Return what is said of an empty list of what files declare."""
    if contains:
        return f"No {noun} has “{contains}” in its name."
    if archived:
        return f"No {noun} is archived."
    return f"There is no {noun} yet. Declare one, and boreas apply --file FILE makes it."
