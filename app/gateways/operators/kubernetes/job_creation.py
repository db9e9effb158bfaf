"""Making the Job of a run, or finding it: whatever form of it the cluster takes, once a quota has room for it."""

import asyncio
import math

from app.core.environment import KubernetesAccess
from app.core.job_options import JobOptions, merged
from app.core.kubernetes import manifests
from app.core.kubernetes.manifests import Object, is_terminating, uid_of, version_of
from app.core.kubernetes.pods import NON_ROOT, Fault, Remedy
from app.core.kubernetes.workloads import annotated, is_managed
from app.gateways.operators.kubernetes.cluster import JOBS, Cluster
from app.gateways.operators.kubernetes.errors import FORBIDDEN_STATUS, ClusterRefusedError
from app.gateways.operators.kubernetes.list_watch import Trouble, persistently
from app.ports import Instruction, Origin

PAUSE_SECONDS = 0.2
ROOM_SECONDS = 5.0
"""The longest between two tries at a quota that has no room."""


class NoRoomError(Exception):
    """A quota has no room for the Job now: why, in the cluster's words."""


class JobCreation:
    """The Job of one run. `restricted` has the connections known to refuse what may run as root, and is added to."""

    def __init__(self, cluster: Cluster, instruction: Instruction, restricted: set[KubernetesAccess]) -> None:
        assert instruction.origin is not None and instruction.connection is not None
        self._cluster = cluster
        self._instruction = instruction
        self._access: KubernetesAccess = instruction.connection
        self._origin: Origin = instruction.origin
        self._restricted = restricted
        self._refused: set[Remedy] = set()
        self._since = asyncio.get_running_loop().time()
        self._options: JobOptions = merged(self._access.job, instruction.job)
        self.name = manifests.job_name(self._origin.task_id, self._origin.run)
        self.is_found = False

    @property
    def refusal(self) -> str | None:
        """Why the environment does not let it be made, None where it does."""
        return self._access.refusal(self._options.service_account_name)

    @property
    def seconds_left(self) -> float:
        """What is left of the task's limit."""
        return self._instruction.timeout_seconds - (asyncio.get_running_loop().time() - self._since)

    async def ensure(self, trouble: Trouble) -> Object:
        """Make the Job, or find the one that is there. Raises ClusterRefusedError and NoRoomError.

        A cluster asks its quotas and policies before it finds that there is a Job of that name.
        """
        while True:
            body = self._manifest()
            try:
                made = await persistently(lambda: self._cluster.create(JOBS, body), trouble)  # noqa: B023
                self.is_found = False
                return made
            except ClusterRefusedError as error:
                refused = error
            fault = Fault(str(refused), remedy=Remedy.NON_ROOT if NON_ROOT in str(refused) else None)
            if self.otherwise(fault, body):
                continue
            if not (refused.is_conflict or refused.status in FORBIDDEN_STATUS):
                raise refused
            found = await self._taken(trouble)
            if found is not None:
                if not is_managed(found):
                    raise ClusterRefusedError(409, f"there is a Job {self.name} that Boreas did not make")
                self.is_found = True
                return found
            if refused.is_full:
                raise NoRoomError(_why(refused))
            if not refused.is_conflict:
                raise refused
            await asyncio.sleep(PAUSE_SECONDS)

    async def _taken(self, trouble: Trouble) -> Object | None:
        """Mark the Job that is there as this attempt's, and return it; None where there is none, or not for long."""

        def marked(seen: Object) -> Object:
            if is_terminating(seen) or not is_managed(seen):
                return seen
            return annotated(seen, {manifests.ATTEMPT: str(self._origin.attempt)})

        try:
            found = await persistently(lambda: self._cluster.modify(JOBS, self.name, marked), trouble)
        except ClusterRefusedError as error:
            if error.is_missing:
                return None
            raise
        return None if is_terminating(found) else found

    def _manifest(self) -> Object:
        instruction = self._instruction
        own = instruction.job.labels if instruction.job else None
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
                serves_nobody=bool(own),
            ),
        )

    def otherwise(self, fault: Fault, job: Object) -> bool:
        """Tell whether the Job can be made in another form that the cluster may take; it is made so next time."""
        user, remedy = self._options.run_as_user, fault.remedy
        if remedy is None or user is not None or remedy in self._refused:
            return False
        if remedy is Remedy.ROOT and self._refused:
            return False
        is_non_root = bool(job["spec"]["template"]["spec"].get("securityContext", {}).get("runAsNonRoot"))
        if is_non_root is not (remedy is Remedy.ROOT):
            return False
        self._refused.add(remedy)
        if remedy is Remedy.NON_ROOT:
            self._restricted.add(self._access.bare)
        else:
            self._restricted.discard(self._access.bare)
        return True

    def told(self, fault: Fault) -> str:
        """Return what keeps the Job for good, with what to do about it."""
        if fault.remedy is Remedy.ROOT:
            return f"{fault.message}; give it a runAsUser by its job options, or an image that runs as another user"
        return fault.message

    async def clear(self, job: Object, trouble: Trouble) -> None:
        """Remove a Job that is to be made anew, and wait until it is gone. Raises ClusterRefusedError.

        One that another attempt has taken since is left to that.
        """
        while True:
            seen = await persistently(lambda: self._cluster.get(JOBS, self.name), trouble)
            if seen is None or uid_of(seen) != uid_of(job):
                return
            notes = seen["metadata"].get("annotations") or {}
            if notes.get(manifests.ATTEMPT) != str(self._origin.attempt):
                return
            if not is_terminating(seen):
                await persistently(lambda: self._removed(seen), trouble)  # noqa: B023
            await asyncio.sleep(PAUSE_SECONDS)

    async def _removed(self, seen: Object) -> None:
        """Delete a Job as it was seen. One that has changed meanwhile is looked at again."""
        try:
            await self._cluster.delete(JOBS, self.name, grace_seconds=0, version=version_of(seen))
        except ClusterRefusedError as error:
            if not error.is_conflict:
                raise


def _why(error: ClusterRefusedError) -> str:
    return str(error).partition("is forbidden: ")[2] or str(error)
