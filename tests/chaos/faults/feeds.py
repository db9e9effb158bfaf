"""Checks of the feeds: events without gap, legal, consistent with the state; complete logs."""

import re
from collections.abc import Iterator, Sequence

from tests.chaos.faults.checks import Violation, Violations
from tests.chaos.faults.observe import ObservedDeployment, Task
from tests.chaos.faults.scripts import FEW_LINES

DEPLOYMENT = {
    "PENDING": "RUNNING CANCELLED",
    "RUNNING": "WAITING_CONFIRM SUCCESS FAILED ROLLING_BACK CANCELLING",
    "WAITING_CONFIRM": "RUNNING ROLLING_BACK CANCELLED",
    "CANCELLING": "CANCELLED",
    "ROLLING_BACK": "ROLLED_BACK FAILED",
    "FAILED": "RUNNING ROLLING_BACK",
}
TASK = {
    "BLOCKED": "PENDING SKIPPED CANCELLED",
    "PENDING": "WAITING_CONFIRM RUNNING SKIPPED CANCELLED BLOCKED",
    "WAITING_CONFIRM": "RUNNING PENDING SKIPPED CANCELLED BLOCKED",
    "RUNNING": "SUCCESS FAILED CANCELLED PENDING WAITING_CONFIRM",
    "SUCCESS": "ROLLED_BACK",
    "FAILED": "PENDING BLOCKED SKIPPED ROLLED_BACK",
    "CANCELLED": "PENDING BLOCKED SKIPPED ROLLED_BACK",
    "ROLLED_BACK": "PENDING BLOCKED",
}
"""The changes that there may be, written down here once more: a table that is wrong must not vouch for itself."""
BRIEF = {"switch", "retire"}
BEGINNINGS = {None, "BLOCKED", "PENDING"}
PRINTED = re.compile(r"line (\d+) of (\d+) attempt (\d+) at (\S+)$")


def events(observed: ObservedDeployment, location: str) -> Violations:
    """Replay the events of a deployment."""
    numbers = [event.number for event in observed.events]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Violation("feed", location, f"events are not numbered without gap: {_gaps(numbers)}")
    status_by_task: dict[str | None, str] = {}
    for event in observed.events:
        if event.now is None:
            continue
        change = f"event {event.number}: {event.task_id or 'deployment'} {event.was} → {event.now}"
        table = TASK if event.task_id else DEPLOYMENT
        if event.task_id in status_by_task:
            if event.was != status_by_task[event.task_id]:
                yield Violation("feed", location, f"{change}, but it was {status_by_task[event.task_id]}")
        elif event.was not in (BEGINNINGS if event.task_id else {None}):
            yield Violation("feed", location, f"{change} is its first event")
        if event.was is not None and event.now not in table.get(event.was, "").split():
            yield Violation("feed", location, f"{change} is not allowed")
        status_by_task[event.task_id] = event.now
    if status_by_task.get(None) != observed.status:
        yield Violation("feed", location, f"leads to {status_by_task.get(None)}, but it is {observed.status}")
    for task in observed.tasks:
        if task.id in status_by_task and status_by_task[task.id] != task.status:
            yield Violation("feed", location, f"leads to {task.key} {status_by_task[task.id]}, but it is {task.status}")
        elif task.id not in status_by_task and task.status not in BEGINNINGS:
            yield Violation("feed", location, f"does not tell how {task.key} became {task.status}")
    yield from _runs(observed, location)


def _runs(observed: ObservedDeployment, location: str) -> Violations:
    """Each attempt was announced, where none of them can be one that undoes."""
    if observed.status != "SUCCESS":
        return
    for task in observed.tasks:
        announced = sum(
            (event.task_id, event.was, event.now) == (task.id, "PENDING", "RUNNING") for event in observed.events
        )
        if announced != len(task.attempts):
            yield Violation(
                "feed", location, f"{task.key} became RUNNING {announced} times in {len(task.attempts)} attempts"
            )


def _gaps(numbers: Sequence[int]) -> str:
    gaps = [(earlier, later) for earlier, later in zip([0, *numbers], numbers, strict=False) if later != earlier + 1]
    return ", ".join(f"{later} after {earlier}" for earlier, later in gaps[:3])


def logs(observed: ObservedDeployment, location: str, lines: dict[str, int]) -> Violations:
    """Check the logs of all tasks. `lines` has the number of lines, by key, of those that print many."""
    for task in observed.tasks:
        place = f"{location} task {task.key}"
        numbers = [line.number for line in task.log]
        if numbers != list(range(1, len(numbers) + 1)):
            yield Violation("log", place, f"lines are not numbered without gap: {_gaps(numbers)}")
        yield from _printed(observed, task, place, lines[task.key])


def _printed(observed: ObservedDeployment, task: Task, location: str, lines: int) -> Violations:
    """Each settled attempt printed all of its lines once and in order; a lost one the first of them."""
    numbers_by_place: dict[tuple[int, str], list[int]] = {}
    for line in task.log:
        if match := PRINTED.search(line.message):
            number, _, attempt, place = match.groups()
            if int(attempt) != line.attempt:
                yield Violation(
                    "log", location, f"a line of attempt {attempt} is kept as one of attempt {line.attempt}"
                )
            numbers_by_place.setdefault((int(attempt), place), []).append(int(number))
    statuses = {attempt.number: attempt.status for attempt in task.attempts}
    line_counts = {
        (effect.attempt, effect.place): FEW_LINES if effect.kind == "undo" or effect.phase in BRIEF else lines
        for effect in observed.effects.get(task.id, [])
        if effect.word == "end" and statuses.get(effect.attempt) in ("SUCCESS", "FAILED", "ROLLED_BACK")
    }
    for key in sorted(numbers_by_place.keys() | line_counts.keys()):
        numbers = numbers_by_place.get(key, [])
        expected = line_counts.get(key, len(numbers))
        if numbers != list(range(1, expected + 1)):
            details = f"attempt {key[0]} ({statuses.get(key[0])}) at {key[1]} printed {expected} lines"
            yield Violation("log", location, f"{details}, kept are {list(_ranges(numbers))}")


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """Yield the numbers as ranges: 1-4, 7-9."""
    start = last = None
    for number in numbers:
        if last is not None and number == last + 1:
            last = number
            continue
        if start is not None:
            yield f"{start}-{last}"
        start = last = number
    if start is not None:
        yield f"{start}-{last}"
