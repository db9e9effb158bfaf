"""The checks of a run find each kind of violation: a valid deployment passes, altered ones do not."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.chaos.faults import checks, feeds, waits
from tests.chaos.faults.observe import Approval, Attempt, Effect, Event, Line, ObservedDeployment, Task
from tests.chaos.faults.people import Decision
from tests.chaos.faults.scripts import POLICIES, Ground, Scripted, ScriptedTask, Step
from tests.chaos.faults.sets import sets

GROUND = Ground({"app": ("i1", "i2")}, (None, *POLICIES))
SCRIPT = ScriptedTask(key="a", block_by=(), max_attempts=2, fails=1, lines=2)
SCRIPTED = Scripted(
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


def lines(*positions: tuple[int, int]) -> tuple[Line, ...]:
    """Return a log from (attempt, number of its line)."""
    return tuple(
        Line(number, attempt, f"line {line} of 2 attempt {attempt} at -/-")
        for number, (attempt, line) in enumerate(positions, 1)
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
VALID = ObservedDeployment("d", "SUCCESS", "", (TASK,), events(*CHANGES), {"t": effects(*WORDS)})


def kinds(observed: ObservedDeployment, scripted: Scripted = SCRIPTED) -> set[str]:
    return {violation.kind for violation in violations(observed, scripted)}


def violations(observed: ObservedDeployment, scripted: Scripted = SCRIPTED) -> Iterable[checks.Violation]:
    yield from checks.deployment(scripted, observed, GROUND)
    yield from feeds.events(observed, "d")
    yield from feeds.logs(observed, "d", {task.key: task.lines for task in scripted.tasks})
    yield from waits.approvals(scripted, observed, GROUND, {"ap": 0}, "d")
    yield from waits.weights(observed, "d")


def with_effects(*words: str) -> ObservedDeployment:
    return replace(VALID, effects={"t": effects(*words)})


def with_task(**fields: object) -> ObservedDeployment:
    return replace(VALID, tasks=(replace(TASK, **fields),))  # type: ignore[arg-type]


def test_a_valid_deployment_has_no_violations() -> None:
    assert list(violations(VALID)) == []


@pytest.mark.parametrize(
    ("observed", "kind"),
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
        (replace(VALID, status="FAILED"), "ending"),
        (replace(VALID, status="RUNNING"), "ending"),
        (replace(VALID, events=VALID.events[:-1]), "feed"),
        (replace(VALID, events=VALID.events[:3] + VALID.events[4:]), "feed"),
        (replace(VALID, events=events(*CHANGES[:4], *CHANGES[6:])), "feed"),
        (replace(VALID, events=events(*CHANGES[:3], *CHANGES[4:])), "feed"),
        (replace(VALID, events=events(*CHANGES, ("t", "SUCCESS", "PENDING"))), "feed"),
    ],
)
def test_an_invalid_deployment_is_found(observed: ObservedDeployment, kind: str) -> None:
    assert kind in kinds(observed)


def test_a_task_may_fail_finally_only_as_its_script_says() -> None:
    failing = replace(SCRIPT, fails=2)
    observed = replace(
        VALID,
        status="FAILED",
        tasks=(replace(TASK, status="FAILED", attempts=(attempt(1, "FAILED"), attempt(2, "FAILED"))),),
        events=events(*CHANGES[:6], ("t", "RUNNING", "FAILED"), (None, "RUNNING", "FAILED")),
    )
    assert "ending" in kinds(observed, replace(SCRIPTED, tasks=(failing,)))
    always_failing = replace(SCRIPT, fails=10**6)
    assert kinds(observed, replace(SCRIPTED, tasks=(always_failing,))) == set()
    assert "attempts" in kinds(with_task(status="FAILED", attempts=(attempt(1, "FAILED"),)), SCRIPTED)


def test_a_lost_attempt_may_end_anywhere() -> None:
    retried_task = replace(
        TASK, attempts=(attempt(1, "CANCELLED"), attempt(2, "SUCCESS")), log=lines((1, 1), (2, 1), (2, 2))
    )
    for words in ((), ("start1",), ("start1", "end1")):
        observed = replace(VALID, tasks=(retried_task,), effects={"t": effects(*words, "start2", "end2")})
        assert list(violations(observed)) == []


def test_each_deployment_exists_once() -> None:
    deployment_ids, versions = {1: "d1"}, {1: "v1"}
    row = {"id": "d1", "versionId": "v1"}
    assert list(checks.existence([row], versions, deployment_ids)) == []
    for rows in (
        [],
        [row, row],
        [row, {"id": "d2", "versionId": "v1"}],
        [row, {"id": "d2", "versionId": "v2"}],
    ):
        assert list(checks.existence(rows, versions, deployment_ids))


SCRIPTED_WITH_APPROVAL = replace(SCRIPTED, tasks=(replace(SCRIPT, asks=True, fails=0),))
APPROVAL = Approval("ap", "APPROVED", "TASK", "t", None, 1, (("ann", "APPROVE"),))


def story(*steps: str) -> tuple[Event, ...]:
    """Return events from words: asked, APPROVE, REJECT, or the statuses of the task one after the other."""
    events: list[Event] = []
    status = "PENDING"
    for number, word in enumerate(("PENDING", "RUNNING", *steps, "SUCCESS"), 1):
        if number <= 2 or number == len(steps) + 3:
            events.append(Event(number, None, (None, "PENDING", "RUNNING")[min(number - 1, 2)], word))
        elif word in ("asked", "APPROVE", "REJECT"):
            events.append(Event(number, None, None, None, approval_id="ap", verdict=None if word == "asked" else word))
        else:
            events.append(Event(number, "t", status, word))
            status = word
    return tuple(events)


VALID_WAIT = replace(
    VALID,
    tasks=(replace(TASK, attempts=(attempt(1, "SUCCESS"),), log=lines((1, 1), (1, 2))),),
    events=story("WAITING_CONFIRM", "asked", "APPROVE", "PENDING", "RUNNING", "SUCCESS"),
    effects={"t": [replace(effect, at=at) for at, effect in enumerate(effects("start1", "end1"), 1)]},
    approvals=(APPROVAL,),
)


def test_a_valid_wait_has_no_violations() -> None:
    assert list(violations(VALID_WAIT, SCRIPTED_WITH_APPROVAL)) == []


@pytest.mark.parametrize(
    "observed",
    [
        replace(VALID_WAIT, approvals=()),
        replace(VALID_WAIT, approvals=(replace(APPROVAL, status="PENDING"),)),
        replace(VALID_WAIT, approvals=(replace(APPROVAL, required=2),)),
        replace(VALID_WAIT, approvals=(replace(APPROVAL, decisions=(("ann", "APPROVE"), ("ann", "APPROVE"))),)),
        replace(VALID_WAIT, approvals=(replace(APPROVAL, status="REJECTED", decisions=(("ann", "REJECT"),)),)),
        replace(VALID_WAIT, approvals=(APPROVAL, replace(APPROVAL, id="other"))),
        replace(VALID_WAIT, approvals=(replace(APPROVAL, task_id="other"),)),
        replace(VALID_WAIT, events=story("WAITING_CONFIRM", "asked", "PENDING", "APPROVE", "RUNNING", "SUCCESS")),
        replace(VALID_WAIT, events=story("WAITING_CONFIRM", "asked", "PENDING", "RUNNING", "APPROVE", "SUCCESS")),
        replace(VALID_WAIT, events=story("WAITING_CONFIRM", "APPROVE", "PENDING", "RUNNING", "SUCCESS")),
        replace(VALID_WAIT, effects={"t": [replace(effect, at=-1) for effect in VALID_WAIT.effects["t"]]}),
    ],
)
def test_an_invalid_wait_is_found(observed: ObservedDeployment) -> None:
    assert "approval" in kinds(observed, SCRIPTED_WITH_APPROVAL)


def test_a_rejected_deployment_ends_by_the_tasks_it_touched() -> None:
    refusal = replace(APPROVAL, status="REJECTED", subject="DEPLOYMENT", task_id=None, decisions=(("ann", "REJECT"),))
    deploying = replace(SCRIPTED, tasks=(replace(SCRIPT, application="app"),), asks=True)
    observed = replace(VALID, tasks=(replace(TASK, status="CANCELLED", attempts=()),), approvals=(refusal,), effects={})
    assert "ending" in kinds(observed, deploying)
    assert "ending" not in kinds(replace(observed, status="CANCELLED"), deploying)
    assert "approval" in kinds(replace(observed, tasks=VALID.tasks, effects=VALID.effects), deploying)


def test_an_expired_approval_has_its_own_event() -> None:
    expired = replace(APPROVAL, status="EXPIRED", decisions=())
    observed = replace(
        VALID_WAIT, approvals=(expired,), events=story("WAITING_CONFIRM", "asked", "REJECT", "CANCELLED"), effects={}
    )
    observed = replace(observed, status="CANCELLED", tasks=(replace(TASK, status="CANCELLED", attempts=()),))
    assert "approval" not in kinds(observed, SCRIPTED_WITH_APPROVAL)
    assert "approval" in kinds(
        replace(observed, events=story("WAITING_CONFIRM", "asked", "CANCELLED")), SCRIPTED_WITH_APPROVAL
    )


def test_weights_only_grow_until_they_fall() -> None:
    def progress(*weights: float) -> ObservedDeployment:
        events = [Event(number, "t", None, None, weight=abs(weight)) for number, weight in enumerate(weights, 1)]
        rollback_index = next((number for number, weight in enumerate(weights) if weight < 0), len(weights))
        return replace(
            VALID,
            events=(*events[:rollback_index], Event(0, None, "RUNNING", "ROLLING_BACK"), *events[rollback_index:]),
        )

    for valid_weights in ((0.0, 0.5, 0.5, 1.0), (0.5, 1.0, -0.5, -0.0)):
        assert (
            list(
                waits.weights(replace(progress(*valid_weights), events=_numbered(progress(*valid_weights).events)), "d")
            )
            == []
        )
    for invalid_weights in ((0.5, 0.4), (0.5, -0.2, -0.4)):
        assert list(
            waits.weights(replace(progress(*invalid_weights), events=_numbered(progress(*invalid_weights).events)), "d")
        )


def _numbered(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(replace(event, number=number) for number, event in enumerate(events, 1))


def test_the_accepted_decisions_are_the_stored_ones() -> None:
    accepted = Decision("ap", "ann", "APPROVE", "a", True, ())
    repeated = replace(accepted, key="b", accepted=False, codes=("ALREADY_DECIDED",))
    assert list(waits.answers([accepted, accepted, repeated], [VALID_WAIT], ["ann"])) == []
    assert list(waits.answers([accepted], [VALID_WAIT], ["bob"]))
    for decisions in ([], [accepted, replace(accepted, actor_id="bob")], [accepted, replace(accepted, key="b")]):
        assert list(waits.answers(decisions, [VALID_WAIT], ["ann", "bob"]))
    assert list(waits.answers([accepted, replace(repeated, codes=("INVALID",))], [VALID_WAIT], ["ann"]))


def blue_green(number: int, *words: str) -> tuple[Scripted, ObservedDeployment]:
    """Return a blue-green deployment with these commands, such as bring-blue-1, each started and ended."""
    rolled_effects = []
    for at, word in enumerate(words):
        phase, color, instance = word.split("-")
        kind, phase = ("undo", phase[5:]) if phase.startswith("undo_") else ("run", phase)
        effect = Effect("start", "t", 1, f"i{instance}", kind, phase, 1, color, "v", number * 100 + at)
        rolled_effects += [effect, replace(effect, word="end")]
    scripted = replace(SCRIPTED, kind="BLUE_GREEN", number=number, tasks=(replace(SCRIPT, application="app"),))
    return scripted, replace(VALID, id=f"d{number}", effects={"t": rolled_effects})


BLUE = ("bring-blue-1", "bring-blue-2", "switch-blue-1", "switch-blue-2")
GREEN = tuple(word.replace("blue", "green") for word in BLUE)


@pytest.mark.parametrize(
    ("words", "is_valid"),
    [
        ((BLUE, (*GREEN, "retire-blue-1", "retire-blue-2")), True),
        ((BLUE, BLUE), False),
        ((BLUE, (*GREEN, "retire-green-1")), False),
        (((*BLUE[::2], *BLUE[1::2]),), False),
        (((*BLUE[:3], "retire-old-1", BLUE[3]),), False),
        (((*BLUE[:2], "bring-green-1"),), False),
        (((*BLUE, "undo_retire-green-1"),), False),
    ],
)
def test_the_serving_set_is_not_changed(words: tuple[tuple[str, ...], ...], is_valid: bool) -> None:
    pairs = [blue_green(number, *deployment_words) for number, deployment_words in enumerate(words)]
    violations_found = list(
        sets({observed.id: scripted for scripted, observed in pairs}, [observed for _, observed in pairs], GROUND)
    )
    assert (violations_found == []) is is_valid, violations_found
