"""The checks of a run find what they are for: a story that is right, and what is said of it when one thing is wrong."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.faults import checks, feeds
from tests.faults.observe import Attempt, Effect, Event, Line, Seen, Task
from tests.faults.scripts import UNDO_LINES, Ground, Scripted, ScriptedTask

GROUND = Ground({}, 1)
SCRIPT = ScriptedTask(key="a", block_by=(), max_attempts=2, fails=1, lines=2)
ASKED = Scripted(
    number=1,
    environment=0,
    applications=(),
    batch_size=0,
    batch_interval=0,
    auto_rollback=True,
    shape="chain",
    tasks=(SCRIPT,),
)


def attempt(number: int, status: str) -> Attempt:
    return Attempt(number, status, "host:7:x", 0.0, "")


def effects(*words: str) -> list[Effect]:
    """Return effects from words such as start1."""
    return [Effect(word[:-1], "t", int(word[-1]), "-", "run") for word in words]


def lines(*printed: tuple[int, int]) -> tuple[Line, ...]:
    """Return a log from (attempt, number of its line)."""
    return tuple(
        Line(number, attempt, f"line {line} of 2 attempt {attempt} instance -")
        for number, (attempt, line) in enumerate(printed, 1)
    )


def events(*changes: tuple[str | None, str | None, str]) -> tuple[Event, ...]:
    """Return events from (task, from, to)."""
    return tuple(Event(number, task, was, now) for number, (task, was, now) in enumerate(changes, 1))


CHANGES: tuple[tuple[str | None, str | None, str], ...] = (
    (None, None, "PENDING"),
    (None, "PENDING", "RUNNING"),
    ("t", "BLOCKED", "PENDING"),
    ("t", "PENDING", "RUNNING"),
    ("t", "RUNNING", "PENDING"),
    ("t", "PENDING", "RUNNING"),
    ("t", "RUNNING", "SUCCESS"),
    (None, "RUNNING", "SUCCESS"),
)
WORDS = ("start1", "end1", "start2", "end2")
TASK = Task(
    id="t",
    key="a",
    type="CUSTOM",
    status="SUCCESS",
    message="",
    max_attempts=2,
    attempts=(attempt(1, "FAILED"), attempt(2, "SUCCESS")),
    log=lines((1, 1), (1, 2), (2, 1), (2, 2)),
)
RIGHT = Seen("d", "SUCCESS", "", (TASK,), events(*CHANGES), {"t": effects(*WORDS)})


def kinds(seen: Seen, asked: Scripted = ASKED) -> set[str]:
    return {violation.kind for violation in told(seen, asked)}


def told(seen: Seen, asked: Scripted = ASKED) -> Iterable[checks.Violation]:
    yield from checks.deployment(asked, seen, GROUND)
    yield from feeds.events(seen, "d")
    yield from feeds.logs(seen, "d", {task.key: (task.lines, UNDO_LINES) for task in asked.tasks})


def with_effects(*words: str) -> Seen:
    return replace(RIGHT, effects={"t": effects(*words)})


def with_task(**fields: object) -> Seen:
    return replace(RIGHT, tasks=(replace(TASK, **fields),))  # type: ignore[arg-type]


def test_a_right_story_is_let_pass() -> None:
    assert list(told(RIGHT)) == []


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (with_effects("start1", "end1", "start2", "start2", "end2"), "doubled start"),
        (with_effects("start1", "start2", "end1", "end2"), "overlap"),
        (with_effects(*WORDS, "start3"), "unrecorded attempt"),
        (with_effects("start1", "end1", "start2"), "effects"),
        (with_effects("start1", "end1"), "effects"),
        (with_effects("start2", "end2"), "failed attempt"),
        (with_task(log=lines((1, 1), (1, 2), (2, 2), (2, 1))), "log"),
        (with_task(log=lines((1, 1), (2, 1), (2, 2))), "log"),
        (with_task(log=TASK.log[1:]), "log"),
        (with_task(attempts=(attempt(1, "SUCCESS"), attempt(2, "SUCCESS"))), "attempts"),
        (with_task(status="RUNNING"), "ending"),
        (replace(RIGHT, status="FAILED"), "ending"),
        (replace(RIGHT, status="RUNNING"), "ending"),
        (replace(RIGHT, events=RIGHT.events[:-1]), "feed"),
        (replace(RIGHT, events=RIGHT.events[:3] + RIGHT.events[4:]), "feed"),
        (replace(RIGHT, events=events(*CHANGES[:4], *CHANGES[6:])), "feed"),
        (replace(RIGHT, events=events(*CHANGES[:3], *CHANGES[4:])), "feed"),
        (replace(RIGHT, events=events(*CHANGES, ("t", "SUCCESS", "PENDING"))), "feed"),
    ],
)
def test_what_is_wrong_is_found(seen: Seen, kind: str) -> None:
    assert kind in kinds(seen)


def test_a_task_may_fail_for_good_only_as_its_script_says() -> None:
    failing = replace(SCRIPT, fails=2)
    seen = replace(
        RIGHT,
        status="FAILED",
        tasks=(replace(TASK, status="FAILED", attempts=(attempt(1, "FAILED"), attempt(2, "FAILED"))),),
        events=events(*CHANGES[:6], ("t", "RUNNING", "FAILED"), (None, "RUNNING", "FAILED")),
    )
    assert "ending" in kinds(seen, replace(ASKED, tasks=(failing,)))
    doomed = replace(SCRIPT, fails=10**6)
    assert kinds(seen, replace(ASKED, tasks=(doomed,))) == set()
    assert "attempts" in kinds(with_task(status="FAILED", attempts=(attempt(1, "FAILED"),)), ASKED)


def test_a_lost_attempt_may_end_anywhere() -> None:
    lost = replace(TASK, attempts=(attempt(1, "CANCELLED"), attempt(2, "SUCCESS")), log=lines((1, 1), (2, 1), (2, 2)))
    for words in ((), ("start1",), ("start1", "end1")):
        seen = replace(RIGHT, tasks=(lost,), effects={"t": effects(*words, "start2", "end2")})
        assert list(told(seen)) == []


def test_each_deployment_exists_once() -> None:
    made, versions = {1: "d1"}, {1: "v1"}
    right = {"id": "d1", "versionId": "v1"}
    assert list(checks.existence([right], versions, made)) == []
    for wrong in (
        [],
        [right, right],
        [right, {"id": "d2", "versionId": "v1"}],
        [right, {"id": "d2", "versionId": "v2"}],
    ):
        assert list(checks.existence(wrong, versions, made))
