"""Legal transitions of statuses.

In: the current status and the next one. Out: the next one, or an error.
Tested: both tables, and the error of every change that is in neither.
"""

from itertools import product

import pytest

from app.core import deployment, task
from app.core.deployment import DeploymentStatus
from app.core.errors import IllegalTransitionError
from app.core.task import TaskStatus

DEPLOYMENTS = {
    "PENDING": "RUNNING CANCELLED",
    "RUNNING": "WAITING_CONFIRM SUCCESS FAILED ROLLING_BACK CANCELLING",
    "WAITING_CONFIRM": "RUNNING ROLLING_BACK CANCELLED",
    "CANCELLING": "CANCELLED",
    "ROLLING_BACK": "ROLLED_BACK FAILED",
    "SUCCESS": "",
    "ROLLED_BACK": "",
    "CANCELLED": "",
    "FAILED": "RUNNING ROLLING_BACK",
}
TASKS = {
    "BLOCKED": "PENDING SKIPPED CANCELLED",
    "PENDING": "WAITING_CONFIRM RUNNING SKIPPED CANCELLED BLOCKED",
    "WAITING_CONFIRM": "RUNNING PENDING SKIPPED CANCELLED BLOCKED",
    "RUNNING": "SUCCESS FAILED CANCELLED PENDING WAITING_CONFIRM",
    "SUCCESS": "ROLLED_BACK",
    "SKIPPED": "",
    "FAILED": "PENDING BLOCKED SKIPPED ROLLED_BACK",
    "CANCELLED": "PENDING BLOCKED SKIPPED ROLLED_BACK",
    "ROLLED_BACK": "PENDING BLOCKED",
}


@pytest.mark.parametrize(("current", "target"), list(product(DeploymentStatus, repeat=2)))
def test_deployment_transitions_follow_the_table(current: DeploymentStatus, target: DeploymentStatus) -> None:
    if target in DEPLOYMENTS[current].split():
        assert deployment.transition(current, target) is target
        return
    with pytest.raises(IllegalTransitionError) as caught:
        deployment.transition(current, target)
    expected = " or ".join(DEPLOYMENTS[current].split()) or "nothing: it has ended"
    assert str(caught.value) == f"a deployment in {current} cannot become {target}; expected {expected}"


@pytest.mark.parametrize(("current", "target"), list(product(TaskStatus, repeat=2)))
def test_task_transitions_follow_the_table(current: TaskStatus, target: TaskStatus) -> None:
    if target in TASKS[current].split():
        assert task.transition(current, target) is target
        return
    with pytest.raises(IllegalTransitionError) as caught:
        task.transition(current, target)
    expected = " or ".join(TASKS[current].split()) or "nothing: it has ended"
    assert str(caught.value) == f"a task in {current} cannot become {target}; expected {expected}"


def test_the_tables_cover_every_status() -> None:
    assert {key: " ".join(value) for key, value in deployment.TRANSITIONS.items()} == DEPLOYMENTS
    assert {key: " ".join(value) for key, value in task.TRANSITIONS.items()} == TASKS
    assert set(deployment.TRANSITIONS) == set(DeploymentStatus)
    assert set(task.TRANSITIONS) == set(TaskStatus)


def test_the_error_names_current_and_target_status() -> None:
    with pytest.raises(IllegalTransitionError) as caught:
        task.transition(TaskStatus.SKIPPED, TaskStatus.RUNNING)
    assert (caught.value.current, caught.value.target) == ("SKIPPED", "RUNNING")


def names(group: frozenset[DeploymentStatus] | frozenset[TaskStatus]) -> str:
    return " ".join(sorted(group))


def test_the_groups_of_statuses() -> None:
    assert names(deployment.ACTIVE) == "CANCELLING ROLLING_BACK RUNNING WAITING_CONFIRM"
    assert names(deployment.ENDED) == "CANCELLED FAILED ROLLED_BACK SUCCESS"
    assert names(task.UNSTARTED) == "BLOCKED PENDING WAITING_CONFIRM"
    assert names(task.ENDED) == "CANCELLED FAILED ROLLED_BACK SKIPPED SUCCESS"
    assert (names(task.UNBLOCKING), names(task.FAILURES)) == ("SKIPPED SUCCESS", "CANCELLED FAILED")
