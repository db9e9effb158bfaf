"""Allowed actions on a deployment or a task in each status.

In: a deployment, and a task of it. Out: None if the action is allowed, else the reason.
Tested: a table of statuses for each action, that a reason names the status, and that no action is allowed that the
tables of transitions forbid.
"""

from collections.abc import Callable

import pytest

from app.core import allowed_actions
from app.core import deployment as deployments
from app.core import task as tasks
from app.core.deployment import Deployment, DeploymentStatus
from app.core.task import Activity, TaskStatus
from app.core.workflow import TaskType
from tests.core.support.build import NOW, at, deployment, task

D, S = DeploymentStatus, TaskStatus
"""Short names for the tables below: D is DeploymentStatus, S is TaskStatus."""
Deed = Callable[[Deployment], str | None]


@pytest.mark.parametrize("status", DeploymentStatus)
@pytest.mark.parametrize(
    ("why_not", "allowed"),
    [
        (allowed_actions.why_not_start, "PENDING"),
        (allowed_actions.why_not_cancel, "PENDING RUNNING WAITING_CONFIRM CANCELLING ROLLING_BACK"),
        (allowed_actions.why_not_pause, "PENDING RUNNING WAITING_CONFIRM"),
        (allowed_actions.why_not_resume, ""),
        (allowed_actions.why_not_retry, "FAILED"),
        (allowed_actions.why_not_roll_back, "RUNNING WAITING_CONFIRM FAILED SUCCESS"),
    ],
)
def test_allowed_actions_of_a_deployment(why_not: Deed, allowed: str, status: DeploymentStatus) -> None:
    reason = why_not(deployment(status))
    assert (reason is None) is (status in allowed.split())
    assert reason is None or status in reason


def test_started_tasks_are_not_started_again() -> None:
    assert allowed_actions.why_not_start(deployment(D.PENDING, queued_at=NOW)) is not None


@pytest.mark.parametrize("status", DeploymentStatus)
def test_allowed_actions_agree_with_the_transitions_of_a_deployment(status: DeploymentStatus) -> None:
    subject, targets = deployment(status), deployments.TRANSITIONS[status]
    assert allowed_actions.why_not_start(subject) is not None or D.RUNNING in targets
    assert allowed_actions.why_not_cancel(subject) is not None or {D.CANCELLED, D.CANCELLING, D.FAILED} & set(targets)
    assert allowed_actions.why_not_retry(subject) is not None or D.RUNNING in targets
    assert allowed_actions.why_not_roll_back(subject) is not None or D.ROLLING_BACK in targets or status is D.SUCCESS


@pytest.mark.parametrize("status", DeploymentStatus)
@pytest.mark.parametrize("task_status", TaskStatus)
def test_only_failed_tasks_can_be_retried(task_status: TaskStatus, status: DeploymentStatus) -> None:
    reason = allowed_actions.why_not_retry_task(deployment(status), task("t", task_status))
    assert (reason is None) is (
        status in (D.FAILED, D.RUNNING, D.WAITING_CONFIRM) and task_status in (S.FAILED, S.CANCELLED, S.ROLLED_BACK)
    )
    assert reason is None or status in reason or task_status in reason
    assert reason is not None or S.PENDING in tasks.TRANSITIONS[task_status]


@pytest.mark.parametrize("status", [D.PENDING, D.RUNNING, D.WAITING_CONFIRM])
def test_a_paused_deployment_can_be_resumed_and_not_paused(status: DeploymentStatus) -> None:
    subject = deployment(status, paused=True)
    assert allowed_actions.why_not_resume(subject) is None
    assert allowed_actions.why_not_pause(subject) is not None


@pytest.mark.parametrize("status", DeploymentStatus)
@pytest.mark.parametrize("task_status", TaskStatus)
def test_only_unstarted_and_failed_tasks_can_be_skipped(task_status: TaskStatus, status: DeploymentStatus) -> None:
    reason = allowed_actions.why_not_skip_task(deployment(status), task("t", task_status))
    may_run = status in (D.PENDING, D.RUNNING, D.WAITING_CONFIRM, D.FAILED)
    skippable = task_status in (S.BLOCKED, S.PENDING, S.WAITING_CONFIRM, S.FAILED, S.CANCELLED)
    assert (reason is None) is (may_run and skippable)
    assert reason is None or status in reason or task_status in reason
    assert reason is not None or S.SKIPPED in tasks.TRANSITIONS[task_status]


@pytest.mark.parametrize("status", DeploymentStatus)
@pytest.mark.parametrize("task_status", TaskStatus)
def test_only_tasks_that_have_not_ended_can_be_cancelled(task_status: TaskStatus, status: DeploymentStatus) -> None:
    reason = allowed_actions.why_not_cancel_task(deployment(status), task("t", task_status))
    open_ = task_status in (S.BLOCKED, S.PENDING, S.WAITING_CONFIRM, S.RUNNING)
    assert (reason is None) is (status in (D.RUNNING, D.WAITING_CONFIRM) and open_)
    assert reason is None or status in reason or task_status in reason
    assert reason is not None or S.CANCELLED in tasks.TRANSITIONS[task_status]


@pytest.mark.parametrize("status", DeploymentStatus)
def test_undoing_is_cancelled_while_its_deployment_rolls_back(status: DeploymentStatus) -> None:
    undone = task("t", S.SUCCESS, activity=Activity.UNDO)
    assert (allowed_actions.why_not_cancel_task(deployment(status), undone) is None) is (status is D.ROLLING_BACK)


@pytest.mark.parametrize(
    ("more", "allowed"),
    [
        ({"resume_at": at(5)}, True),
        ({"resume_at": at(-5)}, False),
        ({}, False),
        ({"resume_at": at(5), "worker": "w"}, False),
        ({"resume_at": at(5), "type": TaskType.BUILD}, False),
    ],
)
@pytest.mark.parametrize("status", DeploymentStatus)
def test_a_rollout_is_promoted_while_it_watches(
    status: DeploymentStatus, more: dict[str, object], allowed: bool
) -> None:
    subject = task("t", S.RUNNING, **({"type": TaskType.DEPLOY} | more))
    reason = allowed_actions.why_not_promote(deployment(status), subject, NOW)
    assert (reason is None) is (allowed and status is D.RUNNING)
