"""Admission: starts the waiting deployments of an environment that locks and freezes allow."""

from datetime import datetime

from app.core import admission, freeze
from app.core.deployment import DeploymentStatus
from app.core.environment import Environment
from app.ports import Job
from app.services.engine.locked_deployment import LockedDeployment, lock_deployment
from app.services.engine.tick import cancel_unstarted
from app.services.engine.work_queue import tick_and_enqueue
from app.services.runtime import Runtime
from app.store import admission as admission_store
from app.store import applications as application_store
from app.store import environments as environment_store
from app.store import freezes as freeze_store
from app.store import tasks as task_store
from app.store.unit_of_work import Unit, unit

ADMISSION_JOB = "start_waiting"
"""The job that starts the waiting deployments of an environment that may start by then."""


async def advance(runtime: Runtime, deployment_id: str) -> None:
    """Tick a deployment, enqueue its work, and admit deployments that waited for it."""
    async with unit(runtime) as work, lock_deployment(work, deployment_id) as locked:
        await tick_and_enqueue(locked)
    await admit_waiting(runtime, work)


async def admit_waiting(runtime: Runtime, work: Unit) -> None:
    """After the commit of `work`, admit deployments in the environments whose queue it changed."""
    for environment_id in work.queues:
        await admit(runtime, environment_id)


async def admit(runtime: Runtime, environment_id: str) -> None:
    """Start every waiting deployment that neither a freeze nor another deployment holds up.

    While a freeze holds any, a job is sent for the moment at which it ends.
    """
    async with unit(runtime) as work:
        environment = await environment_store.locked(environment_id)
        if environment is None:
            return
        claims = (await admission_store.claims([environment_id]))[environment_id]
        capacity = environment.max_concurrent_deployments
        windows = (await freeze_store.of_environments([environment_id]))[environment_id] if claims.waiting else ()
        status = freeze.freeze_status(windows, work.now, runtime.calendar)
        if status.next_end and status.frozen and not all(claim.exempt for claim in claims.waiting):
            work.jobs.append(_job_after_freeze(environment, status.next_end, work.now))
        for deployment_id in admission.admit(claims.active, claims.waiting, capacity, frozen=status.frozen):
            async with lock_deployment(work, deployment_id) as locked:
                deployment = locked.deployment
                if deployment.status is DeploymentStatus.PENDING and deployment.queued_at and not deployment.paused:
                    await _start(locked)
    await admit_waiting(runtime, work)


async def _start(locked: LockedDeployment) -> None:
    """Start a waiting deployment, or cancel it where one of its applications was archived meanwhile."""
    deployment = locked.deployment
    archived = () if deployment.rollback_of else await application_store.archived_among(deployment.application_ids)
    if archived:
        names = ", ".join(f"“{name}”" for name in archived)
        reason = f"{names} was archived while it waited: bring it back with unarchiveApplication, and deploy again"
        cancel_unstarted(locked, await task_store.snapshots(deployment.id), reason)
    else:
        locked.change_status(DeploymentStatus.RUNNING)
    await tick_and_enqueue(locked)


def _job_after_freeze(environment: Environment, end: datetime, now: datetime) -> Job:
    return Job(
        pool=environment.worker_pool,
        name=ADMISSION_JOB,
        args=(environment.id,),
        key=f"thaw:{environment.id}:{end.timestamp()}",
        delay=(end - now).total_seconds(),
    )
