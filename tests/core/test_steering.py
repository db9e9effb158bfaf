"""What a person may do to a deployment or a task in its present state.

In: a deployment, and a task of it. Out: nothing when they may, else why not.
Tested: a table of statuses for each deed, that a reason names the status, and that nothing is allowed that the tables
of changes forbid.
"""

from collections.abc import Callable

import pytest

from app.core import deployment as deployments
from app.core import steering
from app.core import task as tasks
from app.core.deployment import Deployment, DeploymentStatus
from app.core.task import TaskStatus
from tests.core.build import NOW, deployment, task

D, S = DeploymentStatus, TaskStatus
Deed = Callable[[Deployment], str | None]


@pytest.mark.parametrize("status", DeploymentStatus)
@pytest.mark.parametrize(
    ("why_not", "allowed"),
    [
        (steering.why_not_start, "PENDING"),
        (steering.why_not_cancel, "PENDING RUNNING WAITING_CONFIRM CANCELLING"),
        (steering.why_not_retry, "FAILED"),
        (steering.why_not_roll_back, "RUNNING WAITING_CONFIRM FAILED SUCCESS"),
    ],
)
def test_what_may_be_done_to_a_deployment(why_not: Deed, allowed: str, status: DeploymentStatus) -> None:
    reason = why_not(deployment(status))
    assert (reason is None) is (status in allowed.split())
    assert reason is None or status in reason or "rolling back" in reason


def test_what_was_started_already_is_not_started_again() -> None:
    assert steering.why_not_start(deployment(D.PENDING, queued_at=NOW)) is not None


@pytest.mark.parametrize("status", DeploymentStatus)
def test_nothing_is_allowed_that_a_deployment_can_not_do(status: DeploymentStatus) -> None:
    one, to = deployment(status), deployments.TRANSITIONS[status]
    assert steering.why_not_start(one) is not None or D.RUNNING in to
    assert steering.why_not_cancel(one) is not None or D.CANCELLED in to or D.CANCELLING in to
    assert steering.why_not_retry(one) is not None or D.RUNNING in to
    assert steering.why_not_roll_back(one) is not None or D.ROLLING_BACK in to or status is D.SUCCESS


@pytest.mark.parametrize("status", DeploymentStatus)
@pytest.mark.parametrize("seen", TaskStatus)
def test_only_what_failed_in_a_failed_deployment_is_tried_again(seen: TaskStatus, status: DeploymentStatus) -> None:
    reason = steering.why_not_retry_task(deployment(status), task("t", seen))
    assert (reason is None) is (status is D.FAILED and seen in (S.FAILED, S.CANCELLED, S.ROLLED_BACK))
    assert reason is None or status in reason or seen in reason
    assert reason is not None or S.PENDING in tasks.TRANSITIONS[seen]
