"""What people and programs see of a deployment: lines with words and symbols and a bar, or JSON lines."""

import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from app.cli.terminal_text import json_text, printable

Data = Mapping[str, Any]
LOOK = {
    "SUCCESS": ("✓", "green"),
    "FAILED": ("✗", "bold red"),
    "RUNNING": ("▶", "cyan"),
    "CANCELLED": ("⊘", "yellow"),
    "CANCELLING": ("⊘", "yellow"),
    "SKIPPED": ("»", "yellow"),
    "ROLLED_BACK": ("↺", "magenta"),
    "ROLLING_BACK": ("↺", "magenta"),
    "WAITING_CONFIRM": ("?", "yellow"),
    "PENDING": ("·", "dim"),
    "ASKED": ("?", "bold yellow"),
    "APPROVED": ("✓", "green"),
    "REJECTED": ("✗", "bold red"),
    "EXPIRED": ("✗", "bold red"),
}
LEVEL_STYLES = {"ERROR": "red", "WARN": "yellow", "DEBUG": "dim"}
COLOURS = re.compile("\x1b\\[[0-9;:]*m")


def local_time(moment: str) -> str:
    """Return the time of day in the user's zone."""
    return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S")


class Output(Protocol):
    """Where a deployment's story goes."""

    def event(self, deployment: Data, event: Data, key: str | None) -> None:
        """Tell an event; `key` is its task's."""
        ...

    def line(self, deployment_id: str, key: str, line: Data) -> None:
        """Tell a log line."""
        ...

    def progress(self, deployment_id: str, done: int, total: int) -> None:
        """Tell how many tasks of a deployment are done."""
        ...

    def result(self, deployment: Data) -> None:
        """Tell how a deployment ended."""
        ...

    def close(self) -> None:
        """Finish."""
        ...


class JsonLines:
    """One JSON object a line, times in UTC."""

    def event(self, deployment: Data, event: Data, key: str | None) -> None:
        """Write an event."""
        self._write({"type": "event", "deploymentId": deployment["id"], "task": key, "event": event})

    def line(self, deployment_id: str, key: str, line: Data) -> None:
        """Write a log line."""
        self._write({"type": "log", "deploymentId": deployment_id, "task": key, "line": line})

    def progress(self, deployment_id: str, done: int, total: int) -> None:
        """Programs count for themselves."""

    def result(self, deployment: Data) -> None:
        """Write how a deployment ended."""
        self._write({"type": "result", "deployment": deployment})

    def close(self) -> None:
        """Nothing is held back."""

    def _write(self, value: Data) -> None:
        sys.stdout.write(json_text(value) + "\n")
        sys.stdout.flush()


class Lines:
    """Lines for people; on a terminal with colours and a bar below them."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
        self._bar: Progress | None = None
        self._row = TaskID(0)
        self._counts: dict[str, tuple[int, int]] = {}
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.percentage:>3.0f} %"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("tasks"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._row = self._bar.add_task("", total=None)
            self._bar.start()

    def event(self, deployment: Data, event: Data, key: str | None) -> None:
        """Write a status change, or how a rollout goes."""
        kind = event["__typename"]
        if kind == "RolloutProgressed":
            rollout = event["rollout"]
            text = f"batch {rollout['batch']}/{rollout['batches']}, {rollout['healthy']}/{rollout['total']} healthy"
            text += f", weight {rollout['weight']:.0%}"
            self._status(event["at"], "RUNNING", f"{key} ({text})", None)
        elif kind == "TaskStatusChanged" and event["taskTo"] != "PENDING":
            self._status(event["at"], event["taskTo"], str(key), event["reason"])
        elif kind == "TaskStatusChanged" and event["taskFrom"] == "RUNNING":
            self._status(event["at"], "PENDING", f"{key} is tried again", event["reason"])
        elif kind == "DeploymentStatusChanged":
            self._status(event["at"], event["to"], _name(deployment), event["reason"])
        elif kind == "DeploymentPaused":
            self._status(event["at"], "PAUSED" if event["paused"] else "RESUMED", _name(deployment), None)
        elif kind == "ApprovalRequested":
            self._status(event["at"], "ASKED", *asked(event["approval"], deployment))
        elif kind == "ApprovalDecided":
            status = "APPROVED" if event["verdict"] == "APPROVE" else "REJECTED" if event["actor"] else "EXPIRED"
            who = f"by {event['actor']['name']}" if event["actor"] else ""
            said = ": ".join(filter(None, [who, event["comment"]]))
            self._status(event["at"], status, asked(event["approval"], deployment)[0], said)
        elif kind == "WorkflowChanged":
            self._status(event["at"], "EDITED", f"{_name(deployment)}, revision {event['revision']}", event["summary"])

    def line(self, deployment_id: str, key: str, line: Data) -> None:
        """Write a log line behind the key of its task."""
        text = Text(f"{printable(key)} │ ", style="dim")
        text.append(printable(line["message"]), style=LEVEL_STYLES.get(line["level"], ""))
        self._print(text)

    def progress(self, deployment_id: str, done: int, total: int) -> None:
        """Move the bar, which counts the tasks of all deployments that are followed."""
        self._counts[deployment_id] = (done, total)
        if self._bar:
            done, total = (sum(counts) for counts in zip(*self._counts.values(), strict=True))
            self._bar.update(self._row, completed=done, total=total)

    def result(self, deployment: Data) -> None:
        """Write how a deployment ended, and where to look when it went wrong."""
        symbol, style = LOOK[deployment["status"]]
        text = Text(f"{symbol} {deployment['status']}", style=style)
        seconds = deployment["duration"]
        took = f" in {seconds:.1f} s" if seconds is not None else ""
        name = f"{deployment['version']['name']} in {deployment['environment']['name']}"
        self._print(text.append(f"  {printable(name)}{took}  {deployment['id']}", style="default"))
        if deployment["errorMessage"]:
            self._print(Text(f"  {printable(deployment['errorMessage'])}"))
        rollback = deployment["rollback"]
        if rollback and rollback["errorMessage"]:
            self._print(Text(f"  rollback: {printable(rollback['errorMessage'])}"))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()

    def _status(self, at: str, status: str, what: str, reason: str | None) -> None:
        symbol, style = LOOK.get(status, (" ", ""))
        text = Text(f"{local_time(at)} ").append(f"{symbol} {status:<12}", style=style)
        text.append(f" {printable(what)}")
        if reason:
            text.append(f": {printable(reason)}", style="dim")
        self._print(text)

    def _print(self, text: Text) -> None:
        self._console.print(text)


def _name(deployment: Data) -> str:
    return f"deployment of {deployment['version']['name']} to {deployment['environment']['name']}"


def asked(approval: Data, deployment: Data) -> tuple[str, str]:
    """Say of what an approval is, and who is waited for."""
    key = approval["task"]["key"] if approval["task"] else "a task"
    step = f"step {(approval['rolloutStep'] or 0) + 1} of {key}"
    what = {"DEPLOYMENT": _name(deployment), "TASK": key, "ROLLOUT_STEP": step}[approval["subject"]]
    if "approverRoles" not in approval:
        return what, ""
    until = f" until {local_time(approval['expiresAt'])}" if approval["expiresAt"] else ""
    number = approval["requiredApprovals"]
    people = "one person" if number == 1 else f"{number} people"
    return what, f"waits for {people} with the role {' or '.join(approval['approverRoles'])}{until}"


def output(as_json: bool) -> Output:
    """Return where a story goes."""
    return JsonLines() if as_json else Lines()
