"""Columns of tables that several nouns print, and functions that make the cells of columns."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.text import Text

from app.cli.client import Data
from app.cli.printer import Column
from app.cli.status_styles import status_text
from app.cli.times import TimeFormat, format_duration


def field(*path: str) -> Callable[[Any, TimeFormat], str]:
    """Return a cell that shows a field, by its path; nothing where it is null."""

    def cell(row: Any, times: TimeFormat) -> str:
        value = row
        for name in path:
            value = value.get(name) if value is not None else None
        return "" if value is None else str(value)

    return cell


def time(name: str) -> Callable[[Any, TimeFormat], str]:
    """Return a cell that shows a time as an age, or exactly if the user asks for that."""
    return lambda row, times: times(row[name])


def exact_time(name: str, if_none: str = "") -> Callable[[Any, TimeFormat], str]:
    """Return a cell that shows an exact time, or `if_none`."""
    return lambda row, times: times.exact(row[name]) or if_none


def status(row: Data, times: TimeFormat) -> Text:
    """Return the cell of a status."""
    return status_text(row["status"])


def deployment_status(deployment: Data) -> Text:
    """Return the status of a deployment, and whether it is paused."""
    return status_text(deployment["status"], " (paused)" if deployment["paused"] else "")


def names(objects: Sequence[Mapping[str, Any]]) -> str:
    """Return the names of objects, separated by commas."""
    return ", ".join(value["name"] for value in objects)


def approval_subject(approval: Data) -> str:
    """Return what an approval is for."""
    key = approval["task"]["key"] if approval["task"] else "a task"
    if approval["subject"] == "DEPLOYMENT":
        return "deployment"
    return str(key) if approval["subject"] == "TASK" else f"step {(approval['rolloutStep'] or 0) + 1} of {key}"


def without(columns: Sequence[Column], *titles: str) -> list[Column]:
    """Return the columns except those of the given titles, which the context makes redundant."""
    return [column for column in columns if column.title not in titles]


DEPLOYMENTS = (
    Column("ID", field("id")),
    Column("STATUS", lambda deployment, times: deployment_status(deployment)),
    Column("DONE", lambda deployment, times: f"{deployment['progress']}%", wide=True),
    Column("AGE", time("createdAt")),
    Column("TOOK", lambda deployment, times: format_duration(deployment["duration"]), wide=True),
    Column("VERSION", field("version", "name")),
    Column("ENVIRONMENT", field("environment", "name")),
    Column("APPLICATIONS", lambda deployment, times: names(deployment["applications"])),
    Column("BY", field("createdBy", "name")),
    Column("ERROR", field("errorMessage"), wide=True),
)
TASKS = (
    Column("KEY", field("key")),
    Column("TYPE", field("type")),
    Column("STATUS", status),
    Column("TRY", lambda task, times: f"{task['attempt']}/{task['maxAttempts']}"),
    Column("TOOK", lambda task, times: format_duration(task["duration"])),
    Column("ID", field("id"), wide=True),
    Column("STARTED", time("startedAt"), wide=True),
    Column("ENDED", time("completedAt"), wide=True),
    Column("MESSAGE", field("errorMessage")),
)
APPROVALS = (
    Column("ID", field("id")),
    Column("STATUS", status),
    Column("OF", lambda approval, times: approval_subject(approval)),
    Column("MISSING", lambda approval, times: f"{approval['missing']}/{approval['requiredApprovals']}"),
    Column("ASKED", time("requestedAt")),
    Column("UNTIL", exact_time("expiresAt")),
    Column("VERSION", field("deployment", "version", "name")),
    Column("ENVIRONMENT", field("deployment", "environment", "name")),
    Column("DEPLOYMENT", field("deployment", "id")),
    Column("ROLES", lambda approval, times: ", ".join(approval["approverRoles"]), wide=True),
    Column("REVISION", field("revision"), wide=True),
)
VERSIONS = (
    Column("NAME", field("name")),
    Column("AGE", time("createdAt")),
    Column(
        "APPLICATIONS",
        lambda version, times: names([artifact["application"] for artifact in version["artifacts"]]),
    ),
    Column("COMMIT", lambda version, times: (version["commit"] or "")[:12]),
    Column("BY", field("createdBy", "name")),
    Column("ID", field("id")),
)
RELEASES = (
    Column("APPLICATION", field("application", "name")),
    Column("ENVIRONMENT", field("environment", "name")),
    Column("VERSION", field("version", "name")),
    Column("SINCE", time("since")),
    Column("DEPLOYMENT", field("deployment", "id")),
)
