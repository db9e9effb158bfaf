"""Reasons why deployments and tasks wait.

In: a deployment, its tasks, its queue position, live workers, and the time. Out: every reason, in words.
Tested: a table of reasons for deployments and for tasks, paused or not; that running work has none; that the advice
can be followed.
"""

from dataclasses import replace
from typing import Any

import pytest

from app.core.admission import QueuePosition, WaitReason
from app.core.approval import Approval, ApprovalPolicy, ApprovalStatus, ApprovalSubject
from app.core.deployment import TRANSITIONS, DeploymentStatus
from app.core.environment import Pools
from app.core.freeze import FreezeStatus, FreezeWindow
from app.core.gate import BlockerKind, GateContext, deployment_blockers, plan_blockers, task_blockers
from app.core.roles import Role
from app.core.task import Activity, Task, TaskStatus
from app.core.workflow import BUILD_TYPES, TaskType
from tests.core.support.build import NOW, at, deployment, task

D, S, K = DeploymentStatus, TaskStatus, BlockerKind
"""Short names for the tables below: D is DeploymentStatus, S is TaskStatus, K is BlockerKind."""
RUN, UNDO = Activity.RUN, Activity.UNDO
FREE = QueuePosition((), 1, full=False)
FULL = QueuePosition((), 3, full=True)
LOCKED = QueuePosition((WaitReason("d1", "a"), WaitReason("d1", "b"), WaitReason("d2", "b")), 3, full=False)
BOTH = QueuePosition((WaitReason("d1", "a"),), 3, full=True)

PENDING, BLOCKED = task("free"), task("behind", S.BLOCKED, "free")
HELD = task("held", S.RUNNING, activity=RUN, worker="w")
WATCHED = task("watched", S.RUNNING, activity=RUN, resume_at=at(30))
DUE = task("due", S.RUNNING, activity=RUN, resume_at=at(0))
LATER = task("later", retry_at=at(10), failures=1, max_attempts=3)
OVER = task("over", retry_at=at(0))
FAILED = task("bad", S.FAILED, error_message="exit 1")
DONE, SKIPPED = task("ok", S.SUCCESS), task("left", S.SKIPPED)
TOUCHED = task("dep", S.SUCCESS, touched=True)

Told = list[tuple[BlockerKind, str | float | None]]
BACKOFF, INTERVAL, BAD = (K.RETRY_BACKOFF, 10.0), (K.BATCH_INTERVAL, 30.0), (K.TASK, "bad")
NOBODY, PAUSED = (K.NO_WORKER, None), (K.PAUSED, None)


def gate_context(standing: QueuePosition | None = None, *, alive: bool = True) -> GateContext:
    return GateContext(
        queue_position=standing, capacity=5, pools=Pools("east"), alive=frozenset({"east"} if alive else ())
    )


def deployment_outline(status: DeploymentStatus, *tasks: Task, alive: bool = True, paused: bool = False) -> Told:
    blockers = deployment_blockers(deployment(status, paused=paused), tasks, gate_context(alive=alive), NOW)
    return [
        (blocker.kind, (blocker.until - NOW).total_seconds() if blocker.until else blocker.task_id)
        for blocker in blockers
    ]


def task_outline(
    subject: Task, status: DeploymentStatus, *other_tasks: Task, alive: bool = True, paused: bool = False
) -> Told:
    tasks = {other.id: other for other in (subject, *other_tasks)}
    blockers = task_blockers(subject, deployment(status, paused=paused), tasks, gate_context(alive=alive), NOW)
    return [
        (blocker.kind, (blocker.until - NOW).total_seconds() if blocker.until else blocker.task_id)
        for blocker in blockers
    ]


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize(
    ("is_queued", "standing", "expected"),
    [
        (False, None, [(K.NOT_STARTED, None)]),
        (True, None, [(K.NOT_STARTED, None)]),
        (False, FREE, [(K.NOT_STARTED, None)]),
        (True, FREE, []),
        (True, FULL, [(K.CAPACITY, None)]),
        (True, LOCKED, [(K.LOCK, "d1"), (K.LOCK, "d2")]),
        (True, BOTH, [(K.LOCK, "d1"), (K.CAPACITY, None)]),
    ],
)
def test_before_its_start(is_queued: bool, standing: QueuePosition | None, expected: Told, alive: bool) -> None:
    subject = deployment(D.PENDING, queued_at=NOW if is_queued else None)
    blockers = deployment_blockers(subject, [PENDING, BLOCKED], gate_context(standing, alive=alive), NOW)
    assert [(blocker.kind, blocker.deployment_id) for blocker in blockers] == [*expected, *([] if alive else [NOBODY])]
    assert task_blockers(PENDING, subject, {"free": PENDING}, gate_context(standing, alive=alive), NOW) == blockers


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize(
    ("is_queued", "standing", "expected"),
    [
        (False, None, [(K.NOT_STARTED, None), PAUSED]),
        (False, FREE, [(K.NOT_STARTED, None), PAUSED]),
        (True, None, [PAUSED]),
        (True, FREE, [PAUSED]),
        (True, LOCKED, [PAUSED, (K.LOCK, "d1"), (K.LOCK, "d2")]),
        (True, FULL, [PAUSED, (K.CAPACITY, None)]),
    ],
)
def test_before_its_start_while_it_is_paused(
    is_queued: bool, standing: QueuePosition | None, expected: Told, alive: bool
) -> None:
    subject = deployment(D.PENDING, queued_at=NOW if is_queued else None, paused=True)
    blockers = deployment_blockers(subject, [PENDING, BLOCKED], gate_context(standing, alive=alive), NOW)
    assert [(blocker.kind, blocker.deployment_id) for blocker in blockers] == [*expected, *([] if alive else [NOBODY])]
    assert task_blockers(PENDING, subject, {"free": PENDING}, gate_context(standing, alive=alive), NOW) == blockers


@pytest.mark.parametrize(
    ("paused", "standing", "kinds"),
    [
        (False, FREE, [K.FREEZE]),
        (False, BOTH, [K.FREEZE, K.LOCK, K.CAPACITY]),
        (False, None, [K.NOT_STARTED, K.FREEZE]),
        (True, None, [K.PAUSED, K.FREEZE]),
    ],
)
def test_before_its_start_while_the_environment_is_frozen(
    paused: bool, standing: QueuePosition | None, kinds: list[BlockerKind]
) -> None:
    window = FreezeWindow(
        id="w",
        environment_id="e",
        name="year end",
        reason="nobody is here",
        starts_at=NOW,
        ends_at=at(60),
        timezone="UTC",
        created_at=NOW,
    )
    situation = replace(gate_context(standing), freeze=FreezeStatus(True, window, None, at(60)))
    subject = deployment(D.PENDING, queued_at=NOW, paused=paused)
    blockers = deployment_blockers(subject, [PENDING, BLOCKED], situation, NOW)
    assert [blocker.kind for blocker in blockers] == kinds
    assert task_blockers(PENDING, subject, {"free": PENDING}, situation, NOW) == blockers
    (freeze,) = [blocker for blocker in blockers if blocker.kind is K.FREEZE]
    message = "The environment is frozen by “year end”: nobody is here."
    assert (freeze.message, freeze.until) == (message, at(60))
    if not paused:
        assert freeze in plan_blockers(situation)
    assert deployment_blockers(deployment(D.RUNNING), [PENDING], situation, NOW) == ()


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (None, []),
        (FREE, []),
        (FULL, [(K.CAPACITY, None)]),
        (BOTH, [(K.LOCK, "d1"), (K.CAPACITY, None)]),
    ],
)
def test_blockers_of_a_planned_deployment(standing: QueuePosition | None, expected: Told, alive: bool) -> None:
    blockers = plan_blockers(gate_context(standing, alive=alive))
    assert [(blocker.kind, blocker.deployment_id) for blocker in blockers] == [*expected, *([] if alive else [NOBODY])]


@pytest.mark.parametrize(
    ("standing", "alive", "words"),
    [
        (None, True, "The deployment has not been started: call startDeployment."),
        (LOCKED, True, "Another deployment comes first for an application (position 3 in the queue)."),
        (
            FULL,
            True,
            "The environment already runs its maximum of 5 concurrent deployments. This one starts when one has ended.",
        ),
        (FREE, False, "No live worker serves the pool “east”: start one with boreas worker --pool east."),
    ],
)
def test_before_its_start_in_words(standing: QueuePosition | None, alive: bool, words: str) -> None:
    blockers = deployment_blockers(deployment(D.PENDING, queued_at=NOW), [], gate_context(standing, alive=alive), NOW)
    assert blockers[0].message == words


@pytest.mark.parametrize(
    ("tasks", "expected", "without_workers"),
    [
        ([PENDING, BLOCKED], [], [NOBODY]),
        ([HELD], [], []),
        ([HELD, WATCHED, LATER], [], []),
        ([LATER, BLOCKED], [BACKOFF], [BACKOFF, NOBODY]),
        ([WATCHED], [INTERVAL], [INTERVAL, NOBODY]),
        ([LATER, WATCHED, DONE], [BACKOFF, INTERVAL], [BACKOFF, INTERVAL, NOBODY]),
        ([WATCHED, PENDING], [], [NOBODY]),
        ([LATER, DUE], [], [NOBODY]),
        ([OVER], [], [NOBODY]),
        ([FAILED, HELD, PENDING], [], []),
    ],
)
def test_while_it_runs(tasks: list[Task], expected: Told, without_workers: Told) -> None:
    assert deployment_outline(D.RUNNING, *tasks) == expected
    assert deployment_outline(D.RUNNING, *tasks, alive=False) == without_workers


@pytest.mark.parametrize(
    ("tasks", "expected", "without_workers"),
    [
        ([PENDING, BLOCKED], [PAUSED], [PAUSED, NOBODY]),
        ([OVER], [PAUSED], [PAUSED, NOBODY]),
        ([LATER], [PAUSED, BACKOFF], [PAUSED, BACKOFF, NOBODY]),
        ([WATCHED, PENDING], [PAUSED, INTERVAL], [PAUSED, INTERVAL, NOBODY]),
        ([WATCHED], [INTERVAL], [INTERVAL, NOBODY]),
        ([WATCHED, BLOCKED], [INTERVAL], [INTERVAL, NOBODY]),
        ([DUE], [], [NOBODY]),
        ([HELD, PENDING, LATER], [], []),
        ([FAILED, HELD, PENDING], [], []),
        ([FAILED, WATCHED, PENDING], [INTERVAL], [INTERVAL, NOBODY]),
    ],
)
def test_while_it_is_paused(tasks: list[Task], expected: Told, without_workers: Told) -> None:
    assert deployment_outline(D.RUNNING, *tasks, paused=True) == expected
    assert deployment_outline(D.RUNNING, *tasks, paused=True, alive=False) == without_workers


def test_after_a_failure_blocked_tasks_do_not_count_as_running() -> None:
    assert deployment_outline(D.RUNNING, FAILED, WATCHED, PENDING) == [INTERVAL]


@pytest.mark.parametrize(
    ("status", "tasks"), [(D.CANCELLING, [HELD]), (D.ROLLING_BACK, [TOUCHED]), (D.ROLLING_BACK, [HELD, TOUCHED])]
)
def test_a_rollback_waits_only_for_workers(status: DeploymentStatus, tasks: list[Task]) -> None:
    assert deployment_outline(status, *tasks) == []
    assert deployment_outline(status, *tasks, alive=False) == ([] if HELD in tasks else [NOBODY])


@pytest.mark.parametrize("alive", [True, False])
@pytest.mark.parametrize(
    ("status", "tasks", "expected"),
    [
        (D.SUCCESS, [DONE, SKIPPED], []),
        (D.FAILED, [DONE, FAILED, BLOCKED, PENDING], [BAD]),
        (D.FAILED, [FAILED, task("stopped", S.CANCELLED)], [BAD, (K.TASK, "stopped")]),
        (D.FAILED, [TOUCHED], []),
        (D.CANCELLED, [task("stopped", S.CANCELLED)], []),
        (D.ROLLED_BACK, [FAILED, task("stopped", S.CANCELLED)], []),
    ],
)
def test_after_its_end(status: DeploymentStatus, tasks: list[Task], expected: Told, alive: bool) -> None:
    assert deployment_outline(status, *tasks, alive=alive) == expected


@pytest.mark.parametrize("status", [D.FAILED, D.CANCELLED, D.ROLLED_BACK])
def test_the_gate_only_suggests_a_retry_that_is_allowed(status: DeploymentStatus) -> None:
    blockers = deployment_blockers(deployment(status), [DONE, FAILED], gate_context(), NOW)
    advised = any("Retry" in blocker.message for blocker in blockers)
    assert advised is (D.RUNNING in TRANSITIONS[status])


@pytest.mark.parametrize(
    ("subject", "other_tasks", "expected"),
    [
        (PENDING, [], []),
        (BLOCKED, [PENDING], [(K.TASK, "free")]),
        (task("t", S.BLOCKED, "ok", "left", "bad", "held"), [DONE, SKIPPED, FAILED, HELD], [BAD, (K.TASK, "held")]),
        (PENDING, [FAILED, HELD], [BAD]),
        (PENDING, [FAILED, task("off", S.CANCELLED)], [BAD, (K.TASK, "off")]),
        (LATER, [], [BACKOFF]),
        (LATER, [FAILED], [BAD]),
        (OVER, [], []),
        (WATCHED, [], [INTERVAL]),
        (WATCHED, [FAILED], [INTERVAL]),
        (DUE, [], []),
        (HELD, [FAILED], []),
        *((one, [BLOCKED], []) for one in (DONE, SKIPPED, FAILED, task("back", S.ROLLED_BACK))),
    ],
)
def test_why_a_task_waits(subject: Task, other_tasks: list[Task], expected: Told) -> None:
    assert task_outline(subject, D.RUNNING, *other_tasks) == expected


@pytest.mark.parametrize(
    ("subject", "other_tasks", "expected"),
    [
        (PENDING, [HELD], [PAUSED]),
        (LATER, [], [PAUSED, BACKOFF]),
        (PENDING, [FAILED], [BAD]),
        (BLOCKED, [PENDING], [(K.TASK, "free")]),
        (WATCHED, [PENDING], [INTERVAL]),
        *((one, [PENDING], []) for one in (DUE, HELD, DONE, SKIPPED, FAILED)),
    ],
)
def test_why_a_task_waits_while_it_is_paused(subject: Task, other_tasks: list[Task], expected: Told) -> None:
    assert task_outline(subject, D.RUNNING, *other_tasks, paused=True) == expected


@pytest.mark.parametrize(
    ("subject", "missed"), [(PENDING, True), (LATER, True), (DUE, True), (WATCHED, True), (HELD, False), (DONE, False)]
)
def test_a_task_that_needs_a_worker_says_when_none_lives(subject: Task, missed: bool) -> None:
    assert (NOBODY in task_outline(subject, D.RUNNING, alive=False)) is missed
    assert NOBODY not in task_outline(subject, D.RUNNING)


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (BLOCKED, "This task waits for “free”, which is PENDING."),
        (LATER, "“later” failed and will be retried (attempt 2 of 3)."),
        (WATCHED, "“watched” watches a batch before it continues."),
    ],
)
def test_why_a_task_waits_in_words(subject: Task, words: str) -> None:
    (blocker,) = task_blockers(subject, deployment(D.RUNNING), {"free": PENDING}, gate_context(), NOW)
    assert blocker.message == words


@pytest.mark.parametrize("status", [D.PENDING, D.RUNNING])
def test_how_a_pause_ends_in_words(status: DeploymentStatus) -> None:
    paused = deployment(status, queued_at=NOW, paused=True)
    (blocker,) = deployment_blockers(paused, [PENDING], gate_context(), NOW)
    assert blocker.message == "The deployment is paused: call resumeDeployment to let it continue."


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (FAILED, "“bad” is FAILED: exit 1."),
        (task("bad", S.FAILED, error_message="It was too late.\n"), "“bad” is FAILED: It was too late."),
        (task("off", S.CANCELLED), "“off” is CANCELLED."),
    ],
)
def test_failed_tasks_in_words(subject: Task, words: str) -> None:
    (blocker,) = deployment_blockers(deployment(D.FAILED), [subject], gate_context(), NOW)
    assert blocker.message == f"{words} Retry the deployment."


def approval_for(subject: ApprovalSubject, task_id: str | None = None, **policy: Any) -> Approval:
    return Approval(
        id=f"of-{task_id}",
        deployment_id="d",
        environment_id="e",
        application_ids=("web",),
        authors=frozenset({"u"}),
        subject=subject,
        task_id=task_id,
        rollout_step=1 if subject is ApprovalSubject.ROLLOUT_STEP else None,
        revision=1,
        status=ApprovalStatus.PENDING,
        policy=ApprovalPolicy(**policy),
        requested_at=NOW,
        expires_at=at(60),
    )


ASKS = task("ask", S.WAITING_CONFIRM)
ROLLING = task("roll", S.WAITING_CONFIRM, type=TaskType.DEPLOY, activity=RUN, attempt=1)
SHIP, SHIPPED = task("ship", type=TaskType.DEPLOY), task("again", type=TaskType.DEPLOY, attempt=1)
WHOLE, PART = approval_for(ApprovalSubject.DEPLOYMENT), approval_for(ApprovalSubject.TASK, "ask", required_approvals=2)
STEP = approval_for(ApprovalSubject.ROLLOUT_STEP, "roll", approver_roles=(Role.ADMIN,))


@pytest.mark.parametrize(
    ("status", "tasks", "approvals", "kinds"),
    [
        (D.WAITING_CONFIRM, [ASKS], [PART], [K.APPROVAL]),
        (D.WAITING_CONFIRM, [SHIP, ASKS, ROLLING], [WHOLE, PART, STEP], [K.APPROVAL] * 3),
        (D.RUNNING, [SHIP, WATCHED], [WHOLE], [K.BATCH_INTERVAL, K.APPROVAL]),
        (D.RUNNING, [SHIP, replace(LATER, type=TaskType.BUILD)], [WHOLE], [K.RETRY_BACKOFF, K.APPROVAL]),
        (D.RUNNING, [SHIP, HELD], [WHOLE], []),
        (D.RUNNING, [SHIP, replace(PENDING, type=TaskType.TEST)], [WHOLE], []),
        (D.RUNNING, [PENDING], [WHOLE], [K.APPROVAL]),
    ],
)
def test_a_deployment_that_waits_for_approval(
    status: DeploymentStatus, tasks: list[Task], approvals: list[Approval], kinds: list[BlockerKind]
) -> None:
    around_it = replace(gate_context(), approvals=tuple(approvals), before_approval=BUILD_TYPES)
    assert [blocker.kind for blocker in deployment_blockers(deployment(status), tasks, around_it, NOW)] == kinds


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (SHIP, "The deployment waits for one more approval by somebody with the role APPROVER or ADMIN."),
        (ASKS, "“ask” waits for 2 more approvals by somebody with the role APPROVER or ADMIN."),
        (ROLLING, "Step 2 of the rollout of “roll” waits for one more approval by somebody with the role ADMIN."),
        (SHIPPED, "The deployment waits for one more approval by somebody with the role APPROVER or ADMIN."),
        (replace(PENDING, type=TaskType.PREPARE), None),
    ],
)
def test_a_task_that_waits_for_approval(subject: Task, words: str | None) -> None:
    around_it = replace(gate_context(), approvals=(WHOLE, PART, STEP), before_approval=BUILD_TYPES)
    blockers = task_blockers(subject, deployment(D.RUNNING), {subject.id: subject}, around_it, NOW)
    outlines = [(blocker.kind, blocker.message, blocker.until) for blocker in blockers]
    assert outlines == ([(K.APPROVAL, words, at(60))] if words else [])
    paused = task_blockers(subject, deployment(D.RUNNING, paused=True), {subject.id: subject}, around_it, NOW)
    assert [blocker.kind for blocker in paused] == [*([K.APPROVAL] if words else []), K.PAUSED]
