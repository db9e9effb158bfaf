"""Observations after a run: through the API, and in the file that commands wrote."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.chaos.faults.calls import Calls

PAGE = 500
READERS = 4
LOG = "nodes { cursor message attempt } pageInfo { hasNextPage endCursor }"
STORY = f"""query($id: ID!, $first: Int!) {{ deployment(id: $id) {{ id status errorMessage
  approvals {{ id status subject rolloutStep requiredApprovals task {{ id }} decisions {{ actor {{ id }} verdict }} }}
  tasks {{ id key type status errorMessage maxAttempts attempt
    attempts {{ number status worker startedAt completedAt errorMessage exitCode }}
    logs(first: $first) {{ {LOG} }} }} }} }}"""
MORE_LOG = f"""query($id: ID!, $first: Int!, $after: Cursor) {{ task(id: $id) {{
  logs(first: $first, after: $after) {{ {LOG} }} }} }}"""
EVENTS = """query($id: ID!, $first: Int!, $after: Cursor) { deployment(id: $id) {
  events(first: $first, after: $after) { nodes { __typename cursor
    ... on DeploymentStatusChanged { was: from now: to }
    ... on TaskStatusChanged { taskId taskWas: from taskNow: to }
    ... on RolloutProgressed { taskId rollout { weight batch } }
    ... on ApprovalRequested { approval { id } }
    ... on ApprovalDecided { approval { id } verdict } }
  pageInfo { hasNextPage endCursor } } } }"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt as it is recorded. Times are seconds since 1970."""

    number: int
    status: str
    worker: str
    started_at: float
    message: str

    @property
    def worker_pid(self) -> int:
        """The number of the process that ran it, which its worker's name tells; 0 where it does not."""
        numbers = [int(part) for part in self.worker.split(":") if part.isdecimal()]
        return numbers[-1] if numbers else 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a task's log."""

    number: int
    attempt: int
    message: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task with its attempts and its whole log."""

    id: str
    key: str
    type: str
    status: str
    message: str
    max_attempts: int
    attempts: tuple[Attempt, ...]
    log: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """An event: a status change of a task or (None) the deployment; both are empty for other events.

    `weight` and `batch` belong to the progress of a rollout; `verdict` is the decision of an approval, None where
    it was requested.
    """

    number: int
    task_id: str | None
    was: str | None
    now: str | None
    weight: float | None = None
    batch: int = 0
    approval_id: str | None = None
    verdict: str | None = None


REFUSALS = frozenset({"REJECTED", "EXPIRED"})
"""How an approval ends that ends its deployment."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval, and each person's decision (by id)."""

    id: str
    status: str
    subject: str
    task_id: str | None
    step: int | None
    required: int
    decisions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """A line that a command wrote: start, still or end of running or undoing.

    `at` is its place among all lines. `color` is “old” for the set without one, “-” where there are no sets;
    `previous` is the version before, “-” where there was none.
    """

    word: str
    task_id: str
    attempt: int
    instance: str
    kind: str
    phase: str = "-"
    batch: int = 0
    color: str = "-"
    previous: str = "-"
    at: int = 0

    @property
    def place(self) -> str:
        """The action and its place: unique within an attempt."""
        return f"{self.instance}/{self.phase}"


@dataclass(frozen=True, slots=True)
class ObservedDeployment:
    """A deployment with all that belongs to it."""

    id: str
    status: str
    message: str
    tasks: tuple[Task, ...]
    events: tuple[Event, ...]
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    """By task, each in the order it was written."""
    approvals: tuple[Approval, ...] = ()


def number_of(cursor: str) -> int:
    """Return the number in a feed's cursor."""
    text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    return int(text.partition(":")[2])


APPROVE = "approve"
"""A person writes a line with this word before approving: the approved work may start after it."""


def read_effects(path: Path) -> tuple[dict[str, list[Effect]], dict[str, int]]:
    """Return the effects of commands by task, and the positions of imminent approvals.

    Raises ValueError where a line is not whole.
    """
    effects_by_task: dict[str, list[Effect]] = {}
    approval_positions: dict[str, int] = {}
    for at, line in enumerate(path.read_text().splitlines()):
        word, id_, *rest = line.split(" ")
        if word == APPROVE:
            approval_positions.setdefault(id_, at)
            continue
        attempt, place, kind, batch, color, previous = rest
        instance, phase = place.split("/")
        effect = Effect(word, id_, int(attempt), instance, kind, phase, int(batch), color, previous, at)
        effects_by_task.setdefault(id_, []).append(effect)
    return effects_by_task, approval_positions


async def observe(calls: Calls, ids: Sequence[str], effects: dict[str, list[Effect]]) -> list[ObservedDeployment]:
    """Read deployments, some at a time."""
    turns = asyncio.Semaphore(READERS)

    async def read(id_: str) -> ObservedDeployment:
        async with turns:
            return await _deployment(calls, id_, effects)

    return list(await asyncio.gather(*map(read, ids)))


async def _deployment(calls: Calls, id_: str, effects: dict[str, list[Effect]]) -> ObservedDeployment:
    document = (await calls.query(STORY, id=id_, first=PAGE))["deployment"]
    tasks = [await _task(calls, task) for task in document["tasks"]]
    events = await _events(calls, id_)
    own_effects = {task.id: effects[task.id] for task in tasks if task.id in effects}
    approvals = tuple(map(_approval, document["approvals"]))
    return ObservedDeployment(
        id_, document["status"], document["errorMessage"] or "", tuple(tasks), tuple(events), own_effects, approvals
    )


async def _task(calls: Calls, document: dict[str, Any]) -> Task:
    page = document["logs"]
    lines = list(page["nodes"])
    while page["pageInfo"]["hasNextPage"]:
        after = page["pageInfo"]["endCursor"]
        page = (await calls.query(MORE_LOG, id=document["id"], first=PAGE, after=after))["task"]["logs"]
        lines += page["nodes"]
    return Task(
        id=document["id"],
        key=document["key"],
        type=document["type"],
        status=document["status"],
        message=document["errorMessage"] or "",
        max_attempts=document["maxAttempts"],
        attempts=tuple(map(_attempt, document["attempts"])),
        log=tuple(Line(number_of(line["cursor"]), line["attempt"], line["message"]) for line in lines),
    )


def _attempt(document: dict[str, Any]) -> Attempt:
    return Attempt(
        number=document["number"],
        status=document["status"],
        worker=document["worker"] or "",
        started_at=datetime.fromisoformat(document["startedAt"]).timestamp(),
        message=document["errorMessage"] or "",
    )


def _approval(document: dict[str, Any]) -> Approval:
    return Approval(
        id=document["id"],
        status=document["status"],
        subject=document["subject"],
        task_id=document["task"]["id"] if document["task"] else None,
        step=document["rolloutStep"],
        required=document["requiredApprovals"],
        decisions=tuple((decision["actor"]["id"], decision["verdict"]) for decision in document["decisions"]),
    )


async def _events(calls: Calls, id_: str) -> list[Event]:
    events: list[Event] = []
    cursor = None
    while True:
        page = (await calls.query(EVENTS, id=id_, first=PAGE, after=cursor))["deployment"]["events"]
        events += map(_event, page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            return events
        cursor = page["pageInfo"]["endCursor"]


def _event(node: dict[str, Any]) -> Event:
    number = number_of(node["cursor"])
    if node["__typename"] == "TaskStatusChanged":
        return Event(number, node["taskId"], node["taskWas"], node["taskNow"])
    if node["__typename"] == "RolloutProgressed":
        rollout = node["rollout"]
        return Event(number, node["taskId"], None, None, weight=rollout["weight"], batch=rollout["batch"])
    approval_id = node["approval"]["id"] if "approval" in node else None
    return Event(number, None, node.get("was"), node.get("now"), approval_id=approval_id, verdict=node.get("verdict"))
