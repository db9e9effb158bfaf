"""Approvals in words: what they are for, and what will run when they are given."""

import shlex
from collections.abc import Iterator

from app.cli.client import Data
from app.cli.terminal_text import printable
from app.cli.times import local_time


def approval_line(approval: Data) -> str:
    """Return what an approval is for, at which revision, how many votes are missing, and when it expires."""
    deployment = approval["deployment"]
    place = f"{deployment['version']['name']} to {deployment['environment']['name']}"
    key = str(approval["task"]["key"]) if approval["task"] else "a task"
    step = (approval["rolloutStep"] or 0) + 1
    subject = {
        "DEPLOYMENT": f"deployment of {place}",
        "TASK": f"{key}, {place}",
        "ROLLOUT_STEP": f"step {step} of {key}, {place}",
    }[approval["subject"]]
    if approval["status"] != "PENDING":
        return printable(subject)
    until = f", until {local_time(approval['expiresAt'])}" if approval["expiresAt"] else ""
    revision = f", revision {approval['revision']}" if approval["revision"] > 1 else ""
    missing = f"{approval['missing']} of {approval['requiredApprovals']} missing"
    return printable(f"{subject}{revision}: {missing}{until}")


def workflow_lines(deployment: Data) -> Iterator[str]:
    """Yield what a deployment will run: its tasks with their commands, then its definitions."""
    yield f"{deployment['id']}, revision {deployment['workflow']['revision']}, will run:"
    for task in deployment["tasks"]:
        command = f": {shlex.join(task['command']['command'])}" if task["command"] else ""
        yield f"  {task['key']} ({task['type']}){command}"
    yield from definition_lines(deployment)


def definition_lines(deployment: Data) -> Iterator[str]:
    """Yield how each application is deployed, and how its definition differs from others."""
    for definition in deployment["definitions"]:
        name, deploy = definition["application"]["name"], definition["deploy"]
        if deploy["__typename"] == "ShellTarget":
            yield f"  {name} is deployed by: {shlex.join(deploy['command'])}"
            if deploy["rollbackCommand"]:
                yield f"  {name} is rolled back by: {shlex.join(deploy['rollbackCommand'])}"
        else:
            yield f"  {name} is deployed to {deploy['workload']}/{deploy['container']}: {definition['image']}"
        if definition["differsFromRunning"]:
            yield f"  {name} differs from what runs now in: {', '.join(definition['differsFromRunning'])}"
        if definition["differsFromCurrent"]:
            yield f"  {name} was changed since then in: {', '.join(definition['differsFromCurrent'])}"
