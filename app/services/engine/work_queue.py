"""Jobs that tell workers that a deployment has work for them, now or at a later time."""

from collections.abc import Collection, Sequence

from app.core.tick.state import TaskSnapshot
from app.ports import Job
from app.services.engine.locked_deployment import LockedDeployment
from app.services.engine.tick import TickResult, tick

WORK_JOB = "work_on"
"""The job that looks for tasks to take in a deployment."""


def work_job(pool: str, deployment_id: str, state: str) -> Job:
    """Return the job that makes a worker look for tasks. Queued jobs of the same `state` are one."""
    return Job(pool=pool, name=WORK_JOB, args=(deployment_id,), key=f"work:{pool}:{deployment_id}:{state}")


def enqueue_work(locked: LockedDeployment, ticked: TickResult, *, taken: Collection[str] = ()) -> None:
    """After the commit, send a job to each pool with work that is not `taken`, and for the wake-up.

    A job of the same state of the deployment is queued once. A worker without room for all tasks enqueues the rest
    itself, so one job is enough to make all workers of the pool busy, one after the other.
    """
    deployment, wake_at = locked.deployment, ticked.plan.wake_at
    for pool in dict.fromkeys(locked.pools.of(ticked.tasks[id_].type) for id_ in ticked.plan.work if id_ not in taken):
        locked.unit.jobs.append(work_job(pool, deployment.id, str(deployment.last_event)))
    if wake_at is not None:
        delay = max(0.0, (wake_at - locked.now).total_seconds())
        locked.unit.jobs.extend(
            Job(
                pool=pool,
                name=WORK_JOB,
                args=(deployment.id,),
                key=f"wake:{pool}:{deployment.id}:{wake_at.timestamp()}",
                delay=delay,
            )
            for pool in locked.pools.all
        )


async def tick_and_enqueue(locked: LockedDeployment, tasks: Sequence[TaskSnapshot] | None = None) -> None:
    """Tick a locked deployment, and enqueue its work after the commit. `tasks` is as for `tick`."""
    enqueue_work(locked, await tick(locked, tasks))
