"""The checks of a run find each kind of fault: a correct story passes, altered ones do not."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.chaos.faults import checks, feeds, waits
from tests.chaos.faults.observe import Approval, Attempt, Effect, Event, Line, Seen, Task
from tests.chaos.faults.people import Said
from tests.chaos.faults.scripts import POLICIES, Ground, Scripted, ScriptedTask, Step
from tests.chaos.faults.sets import sets

GROUND = Ground({"app": ("i1", "i2")}, (None, *POLICIES))
SCRIPT = ScriptedTask(key="a", block_by=(), max_attempts=2, fails=1, lines=2)
ASKED = Scripted(
    number=1,
    environment=0,
    applications=(),
    kind="ROLLING",
    steps=(Step(),),
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
        Line(number, attempt, f"line {line} of 2 attempt {attempt} at -/-")
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
    yield from feeds.logs(seen, "d", {task.key: task.lines for task in asked.tasks})
    yield from waits.approvals(asked, seen, GROUND, {"ap": 0}, "d")
    yield from waits.weights(seen, "d")


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


ASKING = replace(ASKED, tasks=(replace(SCRIPT, asks=True, fails=0),))
APPROVAL = Approval("ap", "APPROVED", "TASK", "t", None, 1, (("ann", "APPROVE"),))


def story(*steps: str) -> tuple[Event, ...]:
    """Return events from words: asked, APPROVE, REJECT, or the statuses of the task one after the other."""
    made: list[Event] = []
    status = "PENDING"
    for number, word in enumerate(("PENDING", "RUNNING", *steps, "SUCCESS"), 1):
        if number <= 2 or number == len(steps) + 3:
            made.append(Event(number, None, (None, "PENDING", "RUNNING")[min(number - 1, 2)], word))
        elif word in ("asked", "APPROVE", "REJECT"):
            made.append(Event(number, None, None, None, approval_id="ap", verdict=None if word == "asked" else word))
        else:
            made.append(Event(number, "t", status, word))
            status = word
    return tuple(made)


WAITED = replace(
    RIGHT,
    tasks=(replace(TASK, attempts=(attempt(1, "SUCCESS"),), log=lines((1, 1), (1, 2))),),
    events=story("WAITING_CONFIRM", "asked", "APPROVE", "PENDING", "RUNNING", "SUCCESS"),
    effects={"t": [replace(effect, at=at) for at, effect in enumerate(effects("start1", "end1"), 1)]},
    approvals=(APPROVAL,),
)


def test_a_right_wait_is_let_pass() -> None:
    assert list(told(WAITED, ASKING)) == []


@pytest.mark.parametrize(
    "seen",
    [
        replace(WAITED, approvals=()),
        replace(WAITED, approvals=(replace(APPROVAL, status="PENDING"),)),
        replace(WAITED, approvals=(replace(APPROVAL, required=2),)),
        replace(WAITED, approvals=(replace(APPROVAL, decisions=(("ann", "APPROVE"), ("ann", "APPROVE"))),)),
        replace(WAITED, approvals=(replace(APPROVAL, status="REJECTED", decisions=(("ann", "REJECT"),)),)),
        replace(WAITED, approvals=(APPROVAL, replace(APPROVAL, id="other"))),
        replace(WAITED, approvals=(replace(APPROVAL, task_id="other"),)),
        replace(WAITED, events=story("WAITING_CONFIRM", "asked", "PENDING", "APPROVE", "RUNNING", "SUCCESS")),
        replace(WAITED, events=story("WAITING_CONFIRM", "asked", "PENDING", "RUNNING", "APPROVE", "SUCCESS")),
        replace(WAITED, events=story("WAITING_CONFIRM", "APPROVE", "PENDING", "RUNNING", "SUCCESS")),
        replace(WAITED, effects={"t": [replace(effect, at=-1) for effect in WAITED.effects["t"]]}),
    ],
)
def test_what_is_wrong_with_a_wait_is_found(seen: Seen) -> None:
    assert "approval" in kinds(seen, ASKING)


def test_a_refused_deployment_ends_by_what_it_touched() -> None:
    refusal = replace(APPROVAL, status="REJECTED", subject="DEPLOYMENT", task_id=None, decisions=(("ann", "REJECT"),))
    deploying = replace(ASKED, tasks=(replace(SCRIPT, application="app"),), asks=True)
    seen = replace(RIGHT, tasks=(replace(TASK, status="CANCELLED", attempts=()),), approvals=(refusal,), effects={})
    assert "ending" in kinds(seen, deploying)
    assert "ending" not in kinds(replace(seen, status="CANCELLED"), deploying)
    assert "approval" in kinds(replace(seen, tasks=RIGHT.tasks, effects=RIGHT.effects), deploying)


def test_what_expires_is_an_event_of_its_own() -> None:
    late = replace(APPROVAL, status="EXPIRED", decisions=())
    seen = replace(
        WAITED, approvals=(late,), events=story("WAITING_CONFIRM", "asked", "REJECT", "CANCELLED"), effects={}
    )
    seen = replace(seen, status="CANCELLED", tasks=(replace(TASK, status="CANCELLED", attempts=()),))
    assert "approval" not in kinds(seen, ASKING)
    assert "approval" in kinds(replace(seen, events=story("WAITING_CONFIRM", "asked", "CANCELLED")), ASKING)


def test_weights_only_grow_until_they_fall() -> None:
    def progress(*told: float) -> Seen:
        moves = [Event(number, "t", None, None, weight=abs(each)) for number, each in enumerate(told, 1)]
        back = next((number for number, each in enumerate(told) if each < 0), len(told))
        return replace(RIGHT, events=(*moves[:back], Event(0, None, "RUNNING", "ROLLING_BACK"), *moves[back:]))

    for right in ((0.0, 0.5, 0.5, 1.0), (0.5, 1.0, -0.5, -0.0)):
        assert list(waits.weights(replace(progress(*right), events=_numbered(progress(*right).events)), "d")) == []
    for wrong in ((0.5, 0.4), (0.5, -0.2, -0.4)):
        assert list(waits.weights(replace(progress(*wrong), events=_numbered(progress(*wrong).events)), "d"))


def _numbered(told: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(replace(event, number=number) for number, event in enumerate(told, 1))


def test_what_people_were_answered_is_what_is_kept() -> None:
    took = Said("ap", "ann", "APPROVE", "a", True, ())
    late = replace(took, key="b", took=False, codes=("ALREADY_DECIDED",))
    assert list(waits.answers([took, took, late], [WAITED], ["ann"])) == []
    assert list(waits.answers([took], [WAITED], ["bob"]))
    for said in ([], [took, replace(took, actor_id="bob")], [took, replace(took, key="b")]):
        assert list(waits.answers(said, [WAITED], ["ann", "bob"]))
    assert list(waits.answers([took, replace(late, codes=("INVALID",))], [WAITED], ["ann"]))


def rolled(number: int, *words: str) -> tuple[Scripted, Seen]:
    """Return a blue-green deployment with these commands, such as bring-blue-1, each started and ended."""
    made = []
    for at, word in enumerate(words):
        phase, color, instance = word.split("-")
        kind, phase = ("undo", phase[5:]) if phase.startswith("undo_") else ("run", phase)
        effect = Effect("start", "t", 1, f"i{instance}", kind, phase, 1, color, "v", number * 100 + at)
        made += [effect, replace(effect, word="end")]
    asked = replace(ASKED, kind="BLUE_GREEN", number=number, tasks=(replace(SCRIPT, application="app"),))
    return asked, replace(RIGHT, id=f"d{number}", effects={"t": made})


BROUGHT = ("bring-blue-1", "bring-blue-2", "switch-blue-1", "switch-blue-2")
NEXT = tuple(word.replace("blue", "green") for word in BROUGHT)


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ((BROUGHT, (*NEXT, "retire-blue-1", "retire-blue-2")), True),
        ((BROUGHT, BROUGHT), False),
        ((BROUGHT, (*NEXT, "retire-green-1")), False),
        (((*BROUGHT[::2], *BROUGHT[1::2]),), False),
        (((*BROUGHT[:3], "retire-old-1", BROUGHT[3]),), False),
        (((*BROUGHT[:2], "bring-green-1"),), False),
        (((*BROUGHT, "undo_retire-green-1"),), False),
    ],
)
def test_the_set_that_serves_is_left_alone(words: tuple[tuple[str, ...], ...], right: bool) -> None:
    made = [rolled(number, *each) for number, each in enumerate(words)]
    found = list(sets({seen.id: asked for asked, seen in made}, [seen for _, seen in made], GROUND))
    assert (found == []) is right, found
