"""What can be seen from outside when all is over: through the API, and in the file that commands wrote."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.faults.calls import Calls

PAGE = 500
READERS = 4
LOG = "nodes { cursor message attempt } pageInfo { hasNextPage endCursor }"
STORY = f"""query($id: ID!, $first: Int!) {{ deployment(id: $id) {{ id status errorMessage
  tasks {{ id key type status errorMessage maxAttempts attempt
    attempts {{ number status worker startedAt completedAt errorMessage exitCode }}
    logs(first: $first) {{ {LOG} }} }} }} }}"""
MORE_LOG = f"""query($id: ID!, $first: Int!, $after: Cursor) {{ task(id: $id) {{
  logs(first: $first, after: $after) {{ {LOG} }} }} }}"""
EVENTS = """query($id: ID!, $first: Int!, $after: Cursor) { deployment(id: $id) {
  events(first: $first, after: $after) { nodes { __typename cursor
    ... on DeploymentStatusChanged { was: from now: to }
    ... on TaskStatusChanged { taskId taskWas: from taskNow: to } }
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
    """An event: a change of a status, of a task or (None) the deployment; both are empty for any other event."""

    number: int
    task_id: str | None
    was: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    """A line that a command wrote: start, still or end of running or undoing."""

    word: str
    task_id: str
    attempt: int
    instance: str
    kind: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A deployment with all that belongs to it."""

    id: str
    status: str
    message: str
    tasks: tuple[Task, ...]
    events: tuple[Event, ...]
    effects: dict[str, list[Effect]] = field(default_factory=dict)
    """By task, each in the order it was written."""


def number_of(cursor: str) -> int:
    """Return the number that a feed's cursor stands for."""
    text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    return int(text.partition(":")[2])


def read_effects(path: Path) -> dict[str, list[Effect]]:
    """Return what commands wrote, by task. Raises ValueError where a line is not whole."""
    found: dict[str, list[Effect]] = {}
    for line in path.read_text().splitlines():
        word, task_id, attempt, instance, _, kind = line.split(" ")
        found.setdefault(task_id, []).append(Effect(word, task_id, int(attempt), instance, kind))
    return found


async def observe(calls: Calls, ids: Sequence[str], effects: dict[str, list[Effect]]) -> list[Seen]:
    """Read deployments, some at a time."""
    turns = asyncio.Semaphore(READERS)

    async def read(id_: str) -> Seen:
        async with turns:
            return await _seen(calls, id_, effects)

    return list(await asyncio.gather(*map(read, ids)))


async def _seen(calls: Calls, id_: str, effects: dict[str, list[Effect]]) -> Seen:
    story = (await calls.query(STORY, id=id_, first=PAGE))["deployment"]
    tasks = [await _task(calls, task) for task in story["tasks"]]
    events = await _events(calls, id_)
    mine = {task.id: effects[task.id] for task in tasks if task.id in effects}
    return Seen(id_, story["status"], story["errorMessage"] or "", tuple(tasks), tuple(events), mine)


async def _task(calls: Calls, found: dict[str, Any]) -> Task:
    page = found["logs"]
    lines = list(page["nodes"])
    while page["pageInfo"]["hasNextPage"]:
        after = page["pageInfo"]["endCursor"]
        page = (await calls.query(MORE_LOG, id=found["id"], first=PAGE, after=after))["task"]["logs"]
        lines += page["nodes"]
    return Task(
        id=found["id"],
        key=found["key"],
        type=found["type"],
        status=found["status"],
        message=found["errorMessage"] or "",
        max_attempts=found["maxAttempts"],
        attempts=tuple(map(_attempt, found["attempts"])),
        log=tuple(Line(number_of(line["cursor"]), line["attempt"], line["message"]) for line in lines),
    )


def _attempt(found: dict[str, Any]) -> Attempt:
    return Attempt(
        number=found["number"],
        status=found["status"],
        worker=found["worker"] or "",
        started_at=datetime.fromisoformat(found["startedAt"]).timestamp(),
        message=found["errorMessage"] or "",
    )


async def _events(calls: Calls, id_: str) -> list[Event]:
    events: list[Event] = []
    after = None
    while True:
        page = (await calls.query(EVENTS, id=id_, first=PAGE, after=after))["deployment"]["events"]
        events += map(_event, page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            return events
        after = page["pageInfo"]["endCursor"]


def _event(node: dict[str, Any]) -> Event:
    number = number_of(node["cursor"])
    if node["__typename"] == "TaskStatusChanged":
        return Event(number, node["taskId"], node["taskWas"], node["taskNow"])
    return Event(number, None, node.get("was"), node.get("now"))
