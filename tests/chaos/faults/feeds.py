"""Checks of the feeds: events without gap, legal, consistent with the state; complete logs."""

import re
from collections.abc import Iterator, Sequence

from tests.chaos.faults.checks import Violation, Violations
from tests.chaos.faults.observe import Seen, Task
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


def events(seen: Seen, where: str) -> Violations:
    """Replay the events of a deployment."""
    numbers = [event.number for event in seen.events]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Violation("feed", where, f"events are not numbered without gap: {_gaps(numbers)}")
    stands: dict[str | None, str] = {}
    for event in seen.events:
        if event.now is None:
            continue
        what = f"event {event.number}: {event.task_id or 'deployment'} {event.was} → {event.now}"
        table = TASK if event.task_id else DEPLOYMENT
        if event.task_id in stands:
            if event.was != stands[event.task_id]:
                yield Violation("feed", where, f"{what}, but it was {stands[event.task_id]}")
        elif event.was not in (BEGINNINGS if event.task_id else {None}):
            yield Violation("feed", where, f"{what} is its first event")
        if event.was is not None and event.now not in table.get(event.was, "").split():
            yield Violation("feed", where, f"{what} is not allowed")
        stands[event.task_id] = event.now
    if stands.get(None) != seen.status:
        yield Violation("feed", where, f"leads to {stands.get(None)}, but it is {seen.status}")
    for task in seen.tasks:
        if task.id in stands and stands[task.id] != task.status:
            yield Violation("feed", where, f"leads to {task.key} {stands[task.id]}, but it is {task.status}")
        elif task.id not in stands and task.status not in BEGINNINGS:
            yield Violation("feed", where, f"does not tell how {task.key} became {task.status}")
    yield from _runs(seen, where)


def _runs(seen: Seen, where: str) -> Violations:
    """Each attempt was announced, where none of them can be one that undoes."""
    if seen.status != "SUCCESS":
        return
    for task in seen.tasks:
        announced = sum(
            (event.task_id, event.was, event.now) == (task.id, "PENDING", "RUNNING") for event in seen.events
        )
        if announced != len(task.attempts):
            yield Violation(
                "feed", where, f"{task.key} became RUNNING {announced} times in {len(task.attempts)} attempts"
            )


def _gaps(numbers: Sequence[int]) -> str:
    odd = [(earlier, later) for earlier, later in zip([0, *numbers], numbers, strict=False) if later != earlier + 1]
    return ", ".join(f"{later} after {earlier}" for earlier, later in odd[:3])


def logs(seen: Seen, where: str, lines: dict[str, int]) -> Violations:
    """Check the logs of all tasks. `lines` has the number of lines, by key, of those that print many."""
    for task in seen.tasks:
        place = f"{where} task {task.key}"
        numbers = [line.number for line in task.log]
        if numbers != list(range(1, len(numbers) + 1)):
            yield Violation("log", place, f"lines are not numbered without gap: {_gaps(numbers)}")
        yield from _printed(seen, task, place, lines[task.key])


def _printed(seen: Seen, task: Task, where: str, lines: int) -> Violations:
    """Each settled attempt printed all of its lines once and in order; a lost one the first of them."""
    found: dict[tuple[int, str], list[int]] = {}
    for line in task.log:
        if match := PRINTED.search(line.message):
            number, _, attempt, place = match.groups()
            if int(attempt) != line.attempt:
                yield Violation("log", where, f"a line of attempt {attempt} is kept as one of attempt {line.attempt}")
            found.setdefault((int(attempt), place), []).append(int(number))
    statuses = {attempt.number: attempt.status for attempt in task.attempts}
    whole = {
        (effect.attempt, effect.place): FEW_LINES if effect.kind == "undo" or effect.phase in BRIEF else lines
        for effect in seen.effects.get(task.id, [])
        if effect.word == "end" and statuses.get(effect.attempt) in ("SUCCESS", "FAILED", "ROLLED_BACK")
    }
    for key in sorted(found.keys() | whole.keys()):
        numbers = found.get(key, [])
        wanted = whole.get(key, len(numbers))
        if numbers != list(range(1, wanted + 1)):
            what = f"attempt {key[0]} ({statuses.get(key[0])}) at {key[1]} printed {wanted} lines"
            yield Violation("log", where, f"{what}, kept are {list(_runs_of(numbers))}")


def _runs_of(numbers: Sequence[int]) -> Iterator[str]:
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
