"""One tick of a deployment.

In: a deployment's status and its tasks as they are stored, and the time. Out: a plan: changes, the next status, work
for workers, attempts to stop, when to plan again.
Tested: a table for each status, and the effect of a pause. Whole deployments are simulated in test_whole_deployments.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.approval import ApprovalSubject, Request
from app.core.deployment import DeploymentStatus
from app.core.task import Activity, TaskStatus
from app.core.tick.planning import plan
from app.core.tick.state import DeploymentSnapshot, Plan, TaskChange, TaskSnapshot
from app.core.workflow import TaskType
from tests.core.support.build import NOW, at, item, property_of

S, D = TaskStatus, DeploymentStatus
"""Short names for the tables below: S is TaskStatus, D is DeploymentStatus."""
RUN, UNDO, DEPLOY = Activity.RUN, Activity.UNDO, TaskType.DEPLOY
SUCCESS, FAILED = item("ok", S.SUCCESS), item("bad", S.FAILED, error_message="exit 1")
HELD = item("held", S.RUNNING, activity=RUN, worker="w")
STOPPED = item("held", S.RUNNING, activity=RUN, worker="w", stop=True)
PARKED = item("parked", S.RUNNING, activity=RUN, resume_at=at(30))
DUE = item("due", S.RUNNING, activity=RUN, resume_at=at(0))
LEFT = item("left", S.RUNNING, activity=RUN)
FREE = item("free", S.PENDING)
ASKING = item("ask", S.WAITING_CONFIRM, require_confirm=True)
BEHIND = item("behind", S.BLOCKED, "free")
LATER = item("later", S.PENDING, retry_at=at(10))
UNDONE = item("two", S.ROLLED_BACK, "check", type=DEPLOY, completed_at=at(-9))
TOUCHED = item("dep", S.FAILED, type=DEPLOY, touched=True)


def cancelled(*ids: str) -> tuple[TaskChange, ...]:
    return tuple(TaskChange(id, S.CANCELLED) for id in ids)


def tick(status: DeploymentStatus, *items: TaskSnapshot, auto: bool = False, error: str | None = None) -> Plan:
    return plan(DeploymentSnapshot(status=status, tasks=items, auto_rollback=auto, undo_error=error), NOW)


@pytest.mark.parametrize("status", [D.PENDING, D.SUCCESS, D.FAILED, D.ROLLED_BACK, D.CANCELLED])
def test_unstarted_and_ended_deployments_need_nothing(status: DeploymentStatus) -> None:
    assert tick(status, FREE, BEHIND, LATER, LEFT, TOUCHED, auto=True) == Plan()


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([FREE], Plan(start=("free",))),
        ([FREE, BEHIND], Plan(start=("free",))),
        ([FREE, item("other", S.PENDING)], Plan(start=("free", "other"))),
        ([SUCCESS, item("t", S.BLOCKED, "ok")], Plan(changes=(TaskChange("t", S.PENDING),), start=("t",))),
        ([item("s", S.SKIPPED), item("t", S.BLOCKED, "s")], Plan(changes=(TaskChange("t", S.PENDING),), start=("t",))),
        ([SUCCESS, HELD, item("t", S.BLOCKED, "ok", "held")], Plan()),
        ([item("t", S.BLOCKED), HELD], Plan(changes=(TaskChange("t", S.PENDING),), start=("t",))),
        ([HELD], Plan()),
        ([HELD, item("t", S.PENDING, "held")], Plan(changes=(TaskChange("t", S.BLOCKED),))),
        ([HELD, item("t", S.WAITING_CONFIRM, "held")], Plan(changes=(TaskChange("t", S.BLOCKED),))),
        ([ASKING], Plan(requests=(Request(ApprovalSubject.TASK, "ask"),), to=D.WAITING_CONFIRM)),
        ([LATER], Plan(wake_at=at(10))),
        ([item("t", S.PENDING, retry_at=at(0))], Plan(start=("t",))),
        ([PARKED], Plan(wake_at=at(30))),
        ([LATER, PARKED], Plan(wake_at=at(10))),
        ([DUE], Plan(resume=("due",))),
        ([LEFT], Plan(resume=("left",))),
        ([FREE, LEFT, PARKED], Plan(start=("free",), resume=("left",), wake_at=at(30))),
        ([SUCCESS], Plan(to=D.SUCCESS)),
        ([SUCCESS, item("s", S.SKIPPED)], Plan(to=D.SUCCESS)),
        ([], Plan(to=D.SUCCESS)),
    ],
)
def test_a_running_deployment_starts_free_tasks(items: list[TaskSnapshot], expected: Plan) -> None:
    assert tick(D.RUNNING, *items) == expected


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([FAILED, HELD, FREE], Plan()),
        ([FAILED, PARKED, FREE], Plan(wake_at=at(30))),
        ([FAILED, DUE, FREE, LATER], Plan(resume=("due",))),
        ([FAILED, SUCCESS, item("t", S.BLOCKED, "ok"), HELD], Plan()),
        ([FAILED, FREE, BEHIND, LATER], Plan(to=D.FAILED, reason="bad: exit 1")),
        ([item("bad", S.FAILED)], Plan(to=D.FAILED, reason="bad: failed")),
        ([item("bad", S.CANCELLED)], Plan(to=D.FAILED, reason="bad: cancelled")),
        ([SUCCESS, FAILED, item("worse", S.FAILED)], Plan(to=D.FAILED, reason="bad: exit 1")),
    ],
)
def test_after_a_failure_no_task_starts_and_running_ones_end(
    items: list[TaskSnapshot], expected: Plan, auto: bool
) -> None:
    assert tick(D.RUNNING, *items, auto=auto) == expected


OLD = item("old", S.FAILED, completed_at=at(-9))


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([OLD, FREE], Plan(start=("free",))),
        ([OLD, FREE, BEHIND, LATER], Plan(start=("free",), wake_at=at(10))),
        ([OLD, LATER], Plan(wake_at=at(10))),
        ([OLD, HELD, FREE], Plan(start=("free",))),
        ([OLD, HELD], Plan()),
        ([OLD, PARKED], Plan(wake_at=at(30))),
        ([OLD, DUE], Plan(resume=("due",))),
        ([OLD, SUCCESS], Plan(to=D.FAILED, reason="old: failed")),
        ([OLD, SUCCESS, item("t", S.BLOCKED, "old")], Plan(to=D.FAILED, reason="old: failed")),
        ([item("new", S.FAILED, completed_at=at(-1)), OLD, FREE], Plan(to=D.FAILED, reason="new: failed")),
    ],
)
def test_a_retried_task_is_not_held_up_by_older_failures(items: list[TaskSnapshot], expected: Plan) -> None:
    assert plan(DeploymentSnapshot(status=D.RUNNING, tasks=items, resumed_at=at(-5)), NOW) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([FREE, BEHIND], Plan()),
        ([item("t", S.PENDING, retry_at=at(0))], Plan()),
        ([FREE, HELD], Plan()),
        ([SUCCESS, item("t", S.BLOCKED, "ok")], Plan(changes=(TaskChange("t", S.PENDING),))),
        ([LATER, FREE], Plan(wake_at=at(10))),
        ([PARKED, FREE], Plan(wake_at=at(30))),
        ([DUE, LEFT, FREE], Plan(resume=("due", "left"))),
        ([SUCCESS, item("s", S.SKIPPED)], Plan(to=D.SUCCESS)),
        ([FAILED, FREE], Plan(to=D.FAILED, reason="bad: exit 1")),
        ([FAILED, HELD, FREE], Plan()),
        ([FAILED, DUE, FREE], Plan(resume=("due",))),
        ([OLD, FREE], Plan()),
        ([OLD, BEHIND, SUCCESS], Plan(to=D.FAILED, reason="old: failed")),
    ],
)
def test_while_paused_no_task_starts_and_running_ones_end(items: list[TaskSnapshot], expected: Plan) -> None:
    assert plan(DeploymentSnapshot(status=D.RUNNING, tasks=items, resumed_at=at(-5), paused=True), NOW) == expected


def test_a_failure_rolls_back_while_paused() -> None:
    state = DeploymentSnapshot(status=D.RUNNING, tasks=[TOUCHED, FREE], auto_rollback=True, paused=True)
    rolling_back = Plan(changes=cancelled("free"), to=D.ROLLING_BACK, reason="dep: failed", undo=("dep",))
    assert plan(state, NOW) == rolling_back


ANY = [SUCCESS, FAILED, HELD, STOPPED, PARKED, DUE, LEFT, FREE, ASKING, BEHIND, LATER, UNDONE, TOUCHED, OLD]


def without_unknown_blockers(items: list[TaskSnapshot]) -> list[TaskSnapshot]:
    """Return the tasks without edges to tasks outside of them."""
    ids = {task.id for task in items}
    return [replace(item, block_by=tuple(id_ for id_ in item.block_by if id_ in ids)) for item in items]


@property_of
@given(
    st.sampled_from(DeploymentStatus),
    st.lists(st.sampled_from(ANY), unique_by=lambda one: one.id).map(without_unknown_blockers),
    st.booleans(),
    st.none() | st.just("no route"),
    st.none() | st.just(at(-5)),
)
def test_a_pause_keeps_tasks_from_starting_and_changes_nothing_else(
    status: DeploymentStatus, items: list[TaskSnapshot], auto: bool, error: str | None, resumed_at: datetime | None
) -> None:
    state = DeploymentSnapshot(status=status, tasks=items, auto_rollback=auto, undo_error=error, resumed_at=resumed_at)
    assert plan(replace(state, paused=True), NOW) == replace(plan(state, NOW), start=())


@pytest.mark.parametrize(
    ("items", "to"),
    [
        ([UNDONE, SUCCESS], D.FAILED),
        ([UNDONE, item("t", S.BLOCKED, "two")], D.FAILED),
        ([UNDONE, FREE], None),
        ([UNDONE, HELD], None),
        ([UNDONE, PARKED], None),
        ([UNDONE, LATER], None),
    ],
)
def test_a_deployment_with_only_undone_tasks_ends(items: list[TaskSnapshot], to: DeploymentStatus | None) -> None:
    assert plan(DeploymentSnapshot(status=D.RUNNING, tasks=items, resumed_at=at(-5)), NOW).to is to


@pytest.mark.parametrize(
    ("items", "auto", "expected"),
    [
        ([TOUCHED], False, Plan(to=D.FAILED, reason="dep: failed")),
        ([TOUCHED], True, Plan(to=D.ROLLING_BACK, reason="dep: failed", undo=("dep",))),
        ([TOUCHED, HELD], True, Plan()),
        (
            [TOUCHED, FREE, ASKING, BEHIND],
            True,
            Plan(changes=cancelled("free", "ask", "behind"), to=D.ROLLING_BACK, reason="dep: failed", undo=("dep",)),
        ),
        (
            [item("first", S.SUCCESS, type=DEPLOY, touched=True), item("bad", S.FAILED, "first", error_message="no")],
            True,
            Plan(to=D.ROLLING_BACK, reason="bad: no", undo=("first",)),
        ),
    ],
)
def test_a_failure_rolls_back_automatically_where_a_task_is_touched(
    items: list[TaskSnapshot], auto: bool, expected: Plan
) -> None:
    assert tick(D.RUNNING, *items, auto=auto) == expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], Plan(to=D.CANCELLED)),
        ([SUCCESS, FAILED], Plan(to=D.CANCELLED)),
        ([HELD], Plan(stop=("held",))),
        ([STOPPED], Plan()),
        ([STOPPED, item("two", S.RUNNING, activity=RUN, worker="w")], Plan(stop=("two",))),
        ([FREE, BEHIND, ASKING, LATER], Plan(changes=cancelled("free", "behind", "ask", "later"), to=D.CANCELLED)),
        ([FREE, HELD], Plan(changes=cancelled("free"), stop=("held",))),
        ([PARKED], Plan(changes=cancelled("parked"), to=D.CANCELLED)),
        ([PARKED, LEFT, STOPPED], Plan(changes=cancelled("parked", "left"))),
        ([TOUCHED, SUCCESS], Plan(to=D.CANCELLED)),
    ],
)
def test_cancelling_stops_running_attempts_and_waits_for_them(items: list[TaskSnapshot], expected: Plan) -> None:
    assert tick(D.CANCELLING, *items) == expected


def deploy(id: str, *block_by: str, touched: bool = True, **more: Any) -> TaskSnapshot:
    return item(id, S.SUCCESS, *block_by, type=DEPLOY, touched=touched, **more)


CHAIN = [deploy("one"), item("check", S.SUCCESS, "one"), deploy("two", "check"), deploy("three", "one")]
UNDOING = deploy("two", "check", activity=UNDO, worker="w")


@pytest.mark.parametrize(
    ("items", "error", "expected"),
    [
        ([SUCCESS], None, Plan(to=D.ROLLED_BACK)),
        ([FREE, BEHIND, FAILED], None, Plan(changes=cancelled("free", "behind"), to=D.ROLLED_BACK)),
        ([TOUCHED, HELD], None, Plan(stop=("held",))),
        ([TOUCHED, STOPPED, FREE], None, Plan(changes=cancelled("free"))),
        (CHAIN, None, Plan(undo=("two", "three"))),
        (CHAIN[:3], None, Plan(undo=("two",))),
        ([*CHAIN[:2], UNDOING], None, Plan()),
        ([*CHAIN[:2], UNDOING, CHAIN[3]], None, Plan(undo=("three",))),
        ([*CHAIN[:2], UNDONE, CHAIN[3]], None, Plan(undo=("three",))),
        ([*CHAIN[:2], UNDONE], None, Plan(undo=("one",))),
        ([deploy("one"), deploy("gap", "one", touched=False), deploy("two", "gap")], None, Plan(undo=("two",))),
        ([deploy("one"), deploy("gap", "one", touched=False)], None, Plan(undo=("one",))),
        (CHAIN, "no route", Plan(to=D.FAILED, reason="no route")),
        ([*CHAIN[:2], UNDOING, CHAIN[3]], "no route", Plan(reason="no route")),
        ([TOUCHED, FREE], "no route", Plan(changes=cancelled("free"), to=D.FAILED, reason="no route")),
        ([UNDONE, SUCCESS], None, Plan(to=D.ROLLED_BACK)),
    ],
)
def test_rolling_back_undoes_in_reverse(items: list[TaskSnapshot], error: str | None, expected: Plan) -> None:
    assert tick(D.ROLLING_BACK, *items, error=error) == expected


def test_a_rollback_undoes_a_parked_deploy_task() -> None:
    parked = item("dep", S.RUNNING, type=DEPLOY, activity=RUN, resume_at=at(30), touched=True)
    assert tick(D.ROLLING_BACK, parked) == Plan(changes=cancelled("dep"), undo=("dep",))


def test_the_work_of_a_plan_is_every_claimable_task() -> None:
    assert Plan(start=("a",), resume=("b",), undo=("c",), stop=("d",)).work == ("a", "b", "c")


def test_the_largest_graph_is_planned() -> None:
    chain = [deploy(f"n{i}", *([f"n{i - 1}"] if i else [])) for i in range(2000)]
    assert tick(D.ROLLING_BACK, *chain) == Plan(undo=("n1999",))
    blocked = [item(f"n{i}", S.BLOCKED, "ok") for i in range(1999)]
    assert len(tick(D.RUNNING, SUCCESS, *blocked).start) == 1999
