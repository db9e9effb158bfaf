"""The Kubernetes operator: commands as Jobs, and rollouts of workloads, in the namespace of an environment."""

import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from app.core.attempt import Ending, Outcome
from app.core.environment import KubernetesAccess
from app.core.kubernetes import manifests, replicas, tracks, update_strategy
from app.core.kubernetes.event_digest import EventDigest
from app.core.log_levels import Stream
from app.core.strategy.model import Shape, Strategy
from app.gateways.authorities import USUAL, Authorities
from app.gateways.operators.execution import EndRequest, TaskExecution
from app.gateways.operators.kubernetes import (
    prerequisites,
    readiness_watch,
    rollbacks,
    rollout_events,
    rollouts,
    traffic,
)
from app.gateways.operators.kubernetes.allowed_clusters import AllowedClusters
from app.gateways.operators.kubernetes.capacity import second_sets
from app.gateways.operators.kubernetes.cluster import DAEMON_SETS, JOBS, Cluster, WriteLease
from app.gateways.operators.kubernetes.connections import Connections
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.job_creation import JobCreation
from app.gateways.operators.kubernetes.jobs import JobRun
from app.gateways.operators.kubernetes.workload import ClusterWorkload, PollIntervals, StuckError
from app.ports import Execution, Instruction, LogSink, Run, Workload

logger = logging.getLogger(__name__)

INTERVALS = PollIntervals()
MAX_DIGESTS = 256
"""Rollouts whose logged events are remembered: more than any worker runs at a time."""
ANY_NAMESPACE = AllowedClusters()
"""No kubeconfig, and every namespace that the service account of the worker's pod may use."""


class KubernetesOperator:
    """Runs each command as a Job, which outlives this worker: another worker that asks for the same run adopts it.

    A fault that rarely passes by itself, like an image that cannot be pulled, may last `intervals.fault_seconds`. A pod
    that waits for a node may wait until the task's time limit. A cluster that is away only delays. `allowed` are the
    clusters and namespaces that this worker serves; every other one is refused.
    """

    def __init__(
        self,
        intervals: PollIntervals = INTERVALS,
        allowed: AllowedClusters = ANY_NAMESPACE,
        authorities: Authorities = USUAL,
    ) -> None:
        self._intervals = intervals
        self._connections = Connections(allowed, authorities)
        self._lease = WriteLease()
        self._digests: dict[str, EventDigest] = {}
        self._restricted: set[KubernetesAccess] = set()

    def start(self, instruction: Instruction, log: LogSink) -> Execution:
        """Begin to run the command of an instruction as a Job.

        `stop` and `kill` delete the Job with its pods; `detach` leaves it. An error of `log` leaves it too: the
        attempt belongs to another worker then.
        """
        return TaskExecution(lambda request: self._execute(instruction, log, request))

    async def _execute(self, instruction: Instruction, log: LogSink, request: EndRequest) -> Outcome:
        if instruction.command is None:
            return Outcome(Ending.SUCCEEDED)
        if instruction.connection is None or instruction.origin is None:
            return Outcome(Ending.FAILED, "the environment has no connection to a cluster")
        if not instruction.image:
            return Outcome(Ending.FAILED, "it has a command, but neither it nor the version's artifact has an image")
        cluster = self._cluster(instruction.connection)
        creation = JobCreation(cluster, instruction, self._restricted)
        return await JobRun(cluster, instruction, log, creation, self._intervals.fault_seconds).run(request)

    def renew_lease(self, seconds: float) -> None:
        """Allow writes to clusters for `seconds` from now. Jobs run on without a lease, for the next attempt."""
        self._lease.renew(seconds)

    def renew_lease_from_thread(self, seconds: float) -> None:
        """Do nothing: while the event loop is blocked no write happens, and `renew_lease` comes before it is."""

    async def list_runs(self, connection: KubernetesAccess) -> Sequence[Run]:
        """Return the runs of Jobs in a namespace, without those that are being deleted."""
        selector = f"{manifests.MANAGED_BY}={manifests.MANAGER},{manifests.RUN_LABEL}"
        try:
            listing = await self._cluster(connection).list(JOBS, selector)
        except (ClusterAwayError, ClusterRefusedError) as error:
            logger.warning("the Jobs of the namespace %s cannot be listed: %s", connection.namespace, error)
            return ()
        jobs = [job for job in listing.items if not manifests.is_terminating(job)]
        return [_run(job, run) for job in jobs if (run := manifests.run_of(job))]

    async def end_run(self, connection: KubernetesAccess, run: Run) -> bool:
        """Delete the Job of a run with its pods. One from `list_runs` is deleted only if it has not changed since."""
        propagation = "Foreground" if run.state else "Background"
        name = manifests.job_name(run.task_id, run.name)
        try:
            return await self._cluster(connection).delete(JOBS, name, propagation=propagation, version=run.state)
        except (ClusterAwayError, ClusterRefusedError) as error:
            logger.warning("Job %s of the namespace %s cannot be deleted: %s", name, connection.namespace, error)
            return False

    async def size(self, workload: Workload) -> int:
        """Return how many replicas the workload is to have; 1 where it cannot be read: `apply` says why."""
        target = self._target(workload, _discard_lines)
        try:
            return await self._size(target)
        except (StuckError, ClusterRefusedError):
            return 1

    @staticmethod
    async def _size(target: ClusterWorkload) -> int:
        base = await target.base()
        if target.kind is DAEMON_SETS:
            return replicas.desired_nodes(base)
        moved = target.restore(base) or target.rollout.store.unfinished or replicas.annotated_workload(base)
        is_split = bool(await second_sets(target)) or bool(moved and target.moved and moved.beside)
        return replicas.target_replicas(base, moved, is_split=is_split, is_scaled=await target.is_scaled())

    async def incompatibility(self, workload: Workload, strategy: Strategy, size: int) -> str | None:
        """Return why a strategy cannot work for the workload, by what its cluster has; None where it can."""
        target = self._target(workload, _discard_lines)
        try:
            base = await prerequisites.check(target)
            if target.is_in_place:
                return update_strategy.incompatibility_in_place(base, target.description, strategy, size)
            is_scaled, is_routed = await target.is_scaled(), workload.target.http_route is not None
            return update_strategy.incompatibility(base, strategy, size, is_routed=is_routed, is_scaled=is_scaled)
        except (StuckError, ClusterRefusedError) as error:
            return str(error)

    async def apply(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Give the workload a shape, continuing with what another worker began."""
        target = self._target(workload, rollout_events.serialized(log))
        async with self._reporting(target):
            outcome = await rollouts.apply(target, shape)
            if outcome.ending is Ending.SUCCEEDED and not shape.finished:
                await readiness_watch.save_baseline(target, shape)
            return outcome

    async def observe(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Check whether the workload has served all the time since it got its shape, and whether it drifted."""
        target = self._target(workload, rollout_events.serialized(log))
        async with self._reporting(target):
            return await readiness_watch.check(target, shape)

    async def resolve_service(self, workload: Workload, shape: Shape) -> str | None:
        """Return the Service by which the new version can be asked: that of a second set, if there is one."""
        try:
            return await traffic.service_of(self._target(workload, _discard_lines), tracks.checked_track(shape))
        except ClusterRefusedError:
            return workload.target.service

    async def roll_back(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Bring the version before back: at once where its replicas still run."""
        target = self._target(workload, rollout_events.serialized(log))
        async with self._reporting(target):
            return await rollbacks.roll_back(target, shape)

    def _reporting(self, target: ClusterWorkload) -> AbstractAsyncContextManager[None]:
        """Log the events of a workload meanwhile, first those since the previous call for the same rollout."""
        rollout = f"{target.rollout.deployment_id}/{target.rollout.task_id}"
        previous = self._digests.pop(rollout, None)
        self._digests[rollout] = digest = previous or EventDigest()
        if len(self._digests) > MAX_DIGESTS:
            del self._digests[next(iter(self._digests))]
        return rollout_events.reporting(target, digest, is_first=previous is None)

    def _target(self, workload: Workload, log: LogSink) -> ClusterWorkload:
        return ClusterWorkload(self._cluster(workload.connection), workload, log, self._intervals)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    def _cluster(self, connection: KubernetesAccess) -> Cluster:
        return Cluster(self._connections, connection, self._lease)


def _run(job: manifests.Object, name: str) -> Run:
    labels = job["metadata"]["labels"]
    return Run(labels[manifests.DEPLOYMENT_LABEL], labels[manifests.TASK_LABEL], name, manifests.version_of(job))


async def _discard_lines(_stream: Stream, _lines: Sequence[str]) -> None:
    """Log nothing: the caller only reads."""
