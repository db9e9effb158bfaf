"""Orphaned runs: a table of the states of their tasks."""

import pytest

from app.core.deployment import DeploymentStatus
from app.core.kubernetes.job_runs import RunOwnership, is_orphan, name
from app.core.task import Activity, TaskStatus

D, S = DeploymentStatus, TaskStatus
"""Short names for the tables below: D is DeploymentStatus, S is TaskStatus."""

HERE = "dep_1"
PLACE = name(1, "abc")


def ownership(
    status: TaskStatus, deployment: DeploymentStatus = D.RUNNING, activity: Activity | None = None, runs: int = 1
) -> RunOwnership:
    return RunOwnership(deployment_id=HERE, deployment=deployment, status=status, activity=activity, runs=runs)


@pytest.mark.parametrize(
    ("about", "orphan"),
    [
        (ownership(S.RUNNING, activity=Activity.RUN), False),
        (ownership(S.RUNNING, D.CANCELLING, Activity.RUN), False),
        (ownership(S.FAILED, D.ROLLING_BACK, Activity.UNDO), False),
        (ownership(S.WAITING_CONFIRM, D.WAITING_CONFIRM, Activity.RUN), False),
        (ownership(S.PENDING), False),
        (ownership(S.PENDING, D.FAILED), True),
        (ownership(S.CANCELLED), True),
        (ownership(S.CANCELLED, D.CANCELLED), True),
        (ownership(S.FAILED, D.RUNNING), True),
        (ownership(S.SUCCESS, D.RUNNING), True),
        (ownership(S.RUNNING, activity=Activity.RUN, runs=2), True),
        (ownership(S.PENDING, runs=2), True),
        (None, False),
    ],
)
@pytest.mark.parametrize("run", [name(1), PLACE])
def test_a_run_is_kept_while_an_attempt_can_continue_it(about: RunOwnership | None, orphan: bool, run: str) -> None:
    assert is_orphan(HERE, run, about) is orphan


def test_runs_of_other_deployments_are_no_orphans() -> None:
    assert not is_orphan("dep_2", name(0), ownership(S.CANCELLED))
