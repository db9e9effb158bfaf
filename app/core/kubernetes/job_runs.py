"""Runs of tasks as Jobs, which outlive their workers, and the detection of orphaned ones."""

from dataclasses import dataclass

from app.core.deployment import ENDED as DEPLOYMENT_ENDED
from app.core.deployment import DeploymentStatus
from app.core.task import ENDED as TASK_ENDED
from app.core.task import Activity, TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOwnership:
    """The state of the task that owns a run. `runs` counts its attempts that ended by themselves."""

    deployment_id: str
    deployment: DeploymentStatus
    status: TaskStatus
    activity: Activity | None
    runs: int


def name(number: int, where: str = "") -> str:
    """Return the name of a run: its number, and its place in the rollout if there are several."""
    return f"{number}-{where}" if where else str(number)


def is_orphan(deployment_id: str, run: str, owner: RunOwnership | None) -> bool:
    """Return whether an active run is an orphan: its task has ended, or a later run of the task has begun.

    A run of an unknown task (`owner` is None), or of another deployment's task, does not count as an orphan.
    """
    if owner is None or owner.deployment_id != deployment_id:
        return False
    if owner.activity is None and (owner.status in TASK_ENDED or owner.deployment in DEPLOYMENT_ENDED):
        return True
    return run.partition("-")[0] != name(owner.runs)
