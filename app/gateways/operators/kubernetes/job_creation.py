"""The Job object of one run: created or adopted, in a form that the cluster admits, and deleted."""

import asyncio
import math
from contextlib import suppress

from app.core.environment import KubernetesAccess
from app.core.job_options import JobOptions, merged
from app.core.kubernetes import manifests
from app.core.kubernetes.manifests import Object, is_terminating, uid_of, version_of
from app.core.kubernetes.pods import NON_ROOT, Fault, Remedy
from app.core.kubernetes.workloads import annotated, is_managed
from app.gateways.operators.kubernetes.cluster import JOBS, Cluster
from app.gateways.operators.kubernetes.errors import FORBIDDEN_STATUS, ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.list_watch import OutageReport, ignore_outage, retry_while_away
from app.ports import Instruction, Origin

PAUSE_SECONDS = 0.2
"""Between two looks at a Job that is being deleted."""


class NoRoomError(Exception):
    """A quota has no room for the Job now; the message is the cluster's."""


class JobCreation:
    """The Job of one run.

    `restricted` has the connections whose clusters are known to admit only containers that do not run as root. It is
    shared and updated.
    """

    def __init__(self, cluster: Cluster, instruction: Instruction, restricted: set[KubernetesAccess]) -> None:
        assert instruction.origin is not None and instruction.connection is not None
        self._cluster = cluster
        self._instruction = instruction
        self._access: KubernetesAccess = instruction.connection
        self._origin: Origin = instruction.origin
        self._restricted = restricted
        self._tried: set[Remedy] = set()
        self._started = asyncio.get_running_loop().time()
        self._options: JobOptions = merged(self._access.job, instruction.job)
        self.name = manifests.job_name(self._origin.task_id, self._origin.run)
        self.is_adopted = False

    @property
    def refusal(self) -> str | None:
        """Why the environment does not allow the Job, None where it does."""
        return self._access.refusal(self._options.service_account_name)

    @property
    def seconds_left(self) -> float:
        """What is left of the task's time limit."""
        return self._instruction.timeout_seconds - (asyncio.get_running_loop().time() - self._started)

    async def create_or_adopt(self, report_outage: OutageReport) -> Object:
        """Create the Job, or adopt the one that exists. Raises ClusterRefusedError and NoRoomError.

        A cluster checks quotas and policies before it finds that there is a Job of that name.
        """
        while True:
            body = self._manifest()
            try:
                job = await retry_while_away(lambda: self._cluster.create(JOBS, body), report_outage)  # noqa: B023
                self.is_adopted = False
                return job
            except ClusterRefusedError as error:
                refused = error
            fault = Fault(str(refused), remedy=Remedy.NON_ROOT if NON_ROOT in str(refused) else None)
            if self.try_remedy(fault, body):
                continue
            if not (refused.is_conflict or refused.status in FORBIDDEN_STATUS):
                raise refused
            existing = await self._adopt(report_outage)
            if existing is not None:
                if not is_managed(existing):
                    why = f"there is already a Job {self.name} that Boreas did not create; delete it and retry the task"
                    raise ClusterRefusedError(409, why)
                self.is_adopted = True
                return existing
            if refused.is_full:
                raise NoRoomError(_without_subject(refused))
            if not refused.is_conflict:
                raise refused
            await asyncio.sleep(PAUSE_SECONDS)

    async def _adopt(self, report_outage: OutageReport) -> Object | None:
        """Mark the existing Job as this attempt's, and return it; None where there is none, or it is being deleted."""

        def marked(job: Object) -> Object:
            if is_terminating(job) or not is_managed(job):
                return job
            return annotated(job, {manifests.ATTEMPT: str(self._origin.attempt)})

        try:
            job = await retry_while_away(lambda: self._cluster.modify(JOBS, self.name, marked), report_outage)
        except ClusterRefusedError as error:
            if error.is_missing:
                return None
            raise
        return None if is_terminating(job) else job

    def _manifest(self) -> Object:
        instruction = self._instruction
        labels = instruction.job.labels if instruction.job else None
        return manifests.job(
            manifests.Owner(
                deployment_id=self._origin.deployment_id,
                task_id=self._origin.task_id,
                application=self._origin.application,
            ),
            self._origin.run,
            manifests.JobCommand(
                image=instruction.image or "",
                command=instruction.command or (),
                env=instruction.env,
                limit_seconds=max(1, math.ceil(self.seconds_left)),
                attempt=self._origin.attempt,
                options=self._options,
                non_root=self._access.bare in self._restricted and self._options.run_as_user != 0,
                serves_nobody=bool(labels),
            ),
        )

    def try_remedy(self, fault: Fault, job: Object) -> bool:
        """Change the form of the Job for its next creation. Return whether there is a form that was not tried yet."""
        user, remedy = self._options.run_as_user, fault.remedy
        if remedy is None or user is not None or remedy in self._tried:
            return False
        if remedy is Remedy.ROOT and self._tried:
            return False
        is_non_root = bool(job["spec"]["template"]["spec"].get("securityContext", {}).get("runAsNonRoot"))
        if is_non_root is not (remedy is Remedy.ROOT):
            return False
        self._tried.add(remedy)
        if remedy is Remedy.NON_ROOT:
            self._restricted.add(self._access.bare)
        else:
            self._restricted.discard(self._access.bare)
        return True

    @staticmethod
    def advice(fault: Fault) -> str:
        """Return why the Job cannot run, and what to do about it."""
        if fault.remedy is Remedy.ROOT:
            return f"{fault.message}; set runAsUser in its job options, or use an image that runs as another user"
        return fault.message

    async def delete(self, grace_seconds: int | None) -> None:
        """Delete the Job, its pods later. A cluster that is away or refuses leaves it to the Job's own time limit."""
        with suppress(ClusterAwayError, ClusterRefusedError):
            await self._cluster.delete(JOBS, self.name, grace_seconds=grace_seconds)

    async def delete_with_pods(self) -> None:
        """Delete the Job and wait until it and its pods are gone. Raises ClusterRefusedError."""
        deletion = self._cluster.delete
        exists = await retry_while_away(lambda: deletion(JOBS, self.name, propagation="Foreground"), ignore_outage)
        while exists:
            exists = await retry_while_away(lambda: self._cluster.get(JOBS, self.name), ignore_outage) is not None
            if exists:
                await asyncio.sleep(PAUSE_SECONDS)

    async def delete_for_recreation(self, job: Object, report_outage: OutageReport) -> None:
        """Delete a Job, and wait until it is gone. Raises ClusterRefusedError.

        A Job that another attempt has adopted since is left to that attempt.
        """
        while True:
            current = await retry_while_away(lambda: self._cluster.get(JOBS, self.name), report_outage)
            if current is None or uid_of(current) != uid_of(job):
                return
            annotations = current["metadata"].get("annotations") or {}
            if annotations.get(manifests.ATTEMPT) != str(self._origin.attempt):
                return
            if not is_terminating(current):
                await retry_while_away(lambda: self._delete_unchanged(current), report_outage)  # noqa: B023
            await asyncio.sleep(PAUSE_SECONDS)

    async def _delete_unchanged(self, job: Object) -> None:
        """Delete a Job, unless it has changed since it was read."""
        try:
            await self._cluster.delete(JOBS, self.name, grace_seconds=0, version=version_of(job))
        except ClusterRefusedError as error:
            if not error.is_conflict:
                raise


def _without_subject(error: ClusterRefusedError) -> str:
    """Return a refusal without the names in front, which the log has already."""
    return str(error).partition("is forbidden: ")[2] or str(error)
