"""The output of followed deployments: lines with symbols and a progress bar for people, or JSON lines."""

import sys
from collections.abc import Mapping
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from app.cli.status_styles import STATUS_STYLES
from app.cli.terminal_text import json_text, printable
from app.cli.times import local_time_of_day

Data = Mapping[str, Any]
LEVEL_STYLES = {"ERROR": "red", "WARN": "yellow", "DEBUG": "dim"}


class FollowOutput(Protocol):
    """Prints the events, log lines and results of deployments."""

    def event(self, deployment: Data, event: Data, key: str | None) -> None:
        """Print an event; `key` is that of its task."""
        ...

    def log_line(self, deployment_id: str, key: str, line: Data) -> None:
        """Print a log line."""
        ...

    def progress(self, deployment_id: str, done: int, total: int) -> None:
        """Update how many tasks of a deployment are done."""
        ...

    def result(self, deployment: Data) -> None:
        """Print how a deployment ended."""
        ...

    def close(self) -> None:
        """Finish the output."""
        ...


class JsonOutput:
    """Prints one JSON object per line, with times in UTC."""

    def event(self, deployment: Data, event: Data, key: str | None) -> None:
        """Print an event."""
        self._write({"type": "event", "deploymentId": deployment["id"], "task": key, "event": event})

    def log_line(self, deployment_id: str, key: str, line: Data) -> None:
        """Print a log line."""
        self._write({"type": "log", "deploymentId": deployment_id, "task": key, "line": line})

    def progress(self, deployment_id: str, done: int, total: int) -> None:
        """Do nothing: programs count the events."""

    def result(self, deployment: Data) -> None:
        """Print how a deployment ended."""
        self._write({"type": "result", "deployment": deployment})

    def close(self) -> None:
        """Do nothing: every line is flushed."""

    def _write(self, value: Data) -> None:
        sys.stdout.write(json_text(value) + "\n")
        sys.stdout.flush()


class TextOutput:
    """Prints lines for people; a terminal gets colours, and a progress bar below the lines."""

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
        """Print a status change, a decision, or the progress of a rollout."""
        time = event["at"]
        match event["__typename"]:
            case "RolloutProgressed":
                self._status(time, "RUNNING", f"{key} ({rollout_progress(event['rollout'])})", None)
            case "TaskStatusChanged" if event["taskTo"] != "PENDING":
                self._status(time, event["taskTo"], str(key), event["reason"])
            case "TaskStatusChanged" if event["taskFrom"] == "RUNNING":
                self._status(time, "PENDING", f"{key} is retried", event["reason"])
            case "DeploymentStatusChanged":
                self._status(time, event["to"], _title(deployment), event["reason"])
            case "DeploymentPaused":
                self._status(time, "PAUSED" if event["paused"] else "RESUMED", _title(deployment), None)
            case "ApprovalRequested":
                subject = _approval_subject(event["approval"], deployment)
                self._status(time, "ASKED", subject, _missing_approvals(event["approval"]))
            case "ApprovalDecided":
                subject = _approval_subject(event["approval"], deployment)
                self._status(time, decision_status(event), subject, _decision_reason(event))
            case "WorkflowChanged":
                summary = f"{_title(deployment)}, revision {event['revision']}"
                self._status(time, "EDITED", summary, event["summary"])

    def log_line(self, deployment_id: str, key: str, line: Data) -> None:
        """Print a log line after the key of its task."""
        text = Text(f"{printable(key)} │ ", style="dim")
        text.append(printable(line["message"]), style=LEVEL_STYLES.get(line["level"], ""))
        self._console.print(text)

    def progress(self, deployment_id: str, done: int, total: int) -> None:
        """Update the bar, which counts the tasks of all followed deployments."""
        self._counts[deployment_id] = (done, total)
        if self._bar:
            done, total = (sum(counts) for counts in zip(*self._counts.values(), strict=True))
            self._bar.update(self._row, completed=done, total=total)

    def result(self, deployment: Data) -> None:
        """Print how a deployment ended, and its errors."""
        symbol, style = STATUS_STYLES[deployment["status"]]
        text = Text(f"{symbol} {deployment['status']}", style=style)
        seconds = deployment["duration"]
        duration = f" in {seconds:.1f} s" if seconds is not None else ""
        name = f"{deployment['version']['name']} in {deployment['environment']['name']}"
        self._console.print(text.append(f"  {printable(name)}{duration}  {deployment['id']}", style="default"))
        if deployment["errorMessage"]:
            self._console.print(Text(f"  {printable(deployment['errorMessage'])}"))
        rollback = deployment["rollback"]
        if rollback and rollback["errorMessage"]:
            self._console.print(Text(f"  rollback: {printable(rollback['errorMessage'])}"))

    def close(self) -> None:
        """Remove the bar."""
        if self._bar:
            self._bar.stop()

    def _status(self, time: str, status: str, subject: str, reason: str | None) -> None:
        symbol, style = STATUS_STYLES.get(status, (" ", ""))
        text = Text(f"{local_time_of_day(time)} ").append(f"{symbol} {status:<12}", style=style)
        text.append(f" {printable(subject)}")
        if reason:
            text.append(f": {printable(reason)}", style="dim")
        self._console.print(text)


def rollout_progress(rollout: Data) -> str:
    """Return the progress of a rollout in words."""
    batch = f"batch {rollout['batch']}/{rollout['batches']}"
    return f"{batch}, {rollout['healthy']}/{rollout['total']} healthy, weight {rollout['weight']:.0%}"


def decision_status(event: Data) -> str:
    """Return the status that an ApprovalDecided event led to. An approval expires without an actor."""
    if event["verdict"] == "APPROVE":
        return "APPROVED"
    return "REJECTED" if event["actor"] else "EXPIRED"


def _title(deployment: Data) -> str:
    return f"deployment of {deployment['version']['name']} to {deployment['environment']['name']}"


def _approval_subject(approval: Data, deployment: Data) -> str:
    key = approval["task"]["key"] if approval["task"] else "a task"
    step = f"step {(approval['rolloutStep'] or 0) + 1} of {key}"
    return str({"DEPLOYMENT": _title(deployment), "TASK": key, "ROLLOUT_STEP": step}[approval["subject"]])


def _missing_approvals(approval: Data) -> str:
    until = f" until {local_time_of_day(approval['expiresAt'])}" if approval["expiresAt"] else ""
    number = approval["requiredApprovals"]
    people = "one person" if number == 1 else f"{number} people"
    return f"waits for {people} with the role {' or '.join(approval['approverRoles'])}{until}"


def _decision_reason(event: Data) -> str:
    who = f"by {event['actor']['name']}" if event["actor"] else ""
    return ": ".join(filter(None, [who, event["comment"]]))


def follow_output(as_json: bool) -> FollowOutput:
    """Return an output for programs or for people."""
    return JsonOutput() if as_json else TextOutput()
