"""Runs that outlive their workers, and which of them nobody will go on with any more."""

from dataclasses import dataclass

from app.core.deployment import ENDED as DEPLOYMENT_ENDED
from app.core.deployment import DeploymentStatus
from app.core.task import ENDED as TASK_ENDED
from app.core.task import Activity, TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOwnership:
    """How the task of a run stands. `runs` counts its attempts that came to an end of their own."""

    deployment_id: str
    deployment: DeploymentStatus
    status: TaskStatus
    activity: Activity | None
    runs: int


def name(number: int, where: str = "") -> str:
    """Return the name of a run: its number, and where in a rollout it is for where there are several places."""
    return f"{number}-{where}" if where else str(number)


def is_orphan(deployment_id: str, run: str, standing: RunOwnership | None) -> bool:
    """Return whether a run that goes on is nobody's: its task has ended, or another run of it has begun since.

    One of a task that is not known (`standing` is None), or is another deployment's, is not ours to judge.
    """
    if standing is None or standing.deployment_id != deployment_id:
        return False
    if standing.activity is None and (standing.status in TASK_ENDED or standing.deployment in DEPLOYMENT_ENDED):
        return True
    return run.partition("-")[0] != name(standing.runs)
