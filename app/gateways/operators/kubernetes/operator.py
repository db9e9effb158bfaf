"""The operator: commands as Jobs, and rollouts of Deployments, in the namespace that an environment names."""

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
from app.gateways.operators.kubernetes import prerequisites, readiness_watch, rollout_events, rollouts, traffic
from app.gateways.operators.kubernetes.allowed_clusters import AllowedClusters
from app.gateways.operators.kubernetes.capacity import beside
from app.gateways.operators.kubernetes.cluster import DAEMON_SETS, JOBS, Cluster, Hold
from app.gateways.operators.kubernetes.connections import Connections
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.job_creation import JobCreation
from app.gateways.operators.kubernetes.jobs import JobRun
from app.gateways.operators.kubernetes.workload import ClusterWorkload, PollIntervals, StuckError
from app.ports import Execution, Instruction, LogSink, Run, Workload

logger = logging.getLogger(__name__)

PACE = PollIntervals()
DIGESTS = 256
"""Of how many rollouts it is known which events were told: of more than any worker moves at a time."""
ALL = AllowedClusters()
"""No kubeconfig, and every namespace that the service account of the worker's pod may reach."""


class KubernetesOperator:
    """Runs each command as a Job, which outlives this worker: who asks for the same run again goes on with it.

    `pace.patience` is how many seconds something may keep a pod from starting that rarely passes by itself, like an
    image that can not be pulled; what waits for a node waits until the task's limit. A cluster that is away delays.
    `reach` is what the worker was started to serve; all else is refused.
    """

    def __init__(
        self, pace: PollIntervals = PACE, reach: AllowedClusters = ALL, authorities: Authorities = USUAL
    ) -> None:
        self._pace = pace
        self._connections = Connections(reach, authorities)
        self._hold = Hold()
        self._digests: dict[str, EventDigest] = {}
        self._restricted: set[KubernetesAccess] = set()

    def start(self, instruction: Instruction, log: LogSink) -> Execution:
        """Begin to run the command of an instruction as a Job.

        `stop` and `kill` delete the Job with its pods; `detach` leaves it. An error of `log` leaves it too: the
        attempt is another worker's then.
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
        making = JobCreation(cluster, instruction, self._restricted)
        return await JobRun(cluster, instruction, log, making, self._pace.patience).run(request)

    def renew_lease(self, seconds: float) -> None:
        """Take note that this worker may change things for `seconds` more. Jobs run on, for the next attempt."""
        self._hold.renew(seconds)

    def renew_lease_from_thread(self, seconds: float) -> None:
        """Do nothing: nothing is changed while the event loop is held up, and `hold` comes before anything else is."""

    async def list_runs(self, connection: KubernetesAccess) -> Sequence[Run]:
        """Return the runs of Jobs in a namespace, but those that somebody deletes already."""
        selector = f"{manifests.MANAGED_BY}={manifests.MANAGER},{manifests.RUN_LABEL}"
        try:
            listing = await self._cluster(connection).list(JOBS, selector)
        except (ClusterAwayError, ClusterRefusedError) as error:
            logger.warning("it can not be seen which Jobs of %s run: %s", connection.namespace, error)
            return ()
        there = [job for job in listing.items if not manifests.is_terminating(job)]
        return [_run(job, run) for job in there if (run := manifests.run_of(job))]

    async def end_run(self, connection: KubernetesAccess, run: Run) -> bool:
        """Delete the Job of a run with its pods: one that was found, as it was then and once its pods are gone."""
        propagation = "Foreground" if run.state else "Background"
        name = manifests.job_name(run.task_id, run.name)
        try:
            return await self._cluster(connection).delete(JOBS, name, propagation=propagation, version=run.state)
        except (ClusterAwayError, ClusterRefusedError) as error:
            logger.warning("Job %s of %s could not be deleted: %s", name, connection.namespace, error)
            return False

    async def size(self, workload: Workload) -> int:
        """Return how many replicas the workload is to have; one where that can not be known: `bring` will tell why."""
        moving = self._moving(workload, _unheard)
        try:
            return await self._size(moving)
        except (StuckError, ClusterRefusedError):
            return 1

    @staticmethod
    async def _size(moving: ClusterWorkload) -> int:
        base = await moving.base()
        if moving.kind is DAEMON_SETS:
            return replicas.desired_nodes(base)
        moved = moving.recall(base) or moving.workload.store.unfinished or replicas.annotated_workload(base)
        is_split = bool(await beside(moving)) or bool(moved and moving.moved and moved.beside)
        return replicas.target_replicas(base, moved, is_split=is_split, is_scaled=await moving.is_scaled())

    async def incompatibility(self, workload: Workload, strategy: Strategy, size: int) -> str | None:
        """Return why a strategy can not work for the workload, as far as the cluster tells."""
        moving = self._moving(workload, _unheard)
        try:
            base = await prerequisites.look(moving)
            if moving.is_in_place:
                return update_strategy.incompatibility_in_place(base, moving.what, strategy, size)
            scaled, routed = await moving.is_scaled(), workload.target.http_route is not None
            return update_strategy.incompatibility(base, strategy, size, is_routed=routed, is_scaled=scaled)
        except (StuckError, ClusterRefusedError) as error:
            return str(error)

    async def apply(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Give the workload a shape; go on with what another worker has begun. Ends when cancelled, and leaves all."""
        moving = self._moving(workload, rollout_events.in_turns(log))
        async with self._told(moving):
            outcome = await rollouts.bring(moving, shape)
            if outcome.ending is Ending.SUCCEEDED and not shape.finished:
                await readiness_watch.brought(moving, shape)
            return outcome

    async def observe(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Look at what was brought: whether it has served all the time, and whether somebody changed it."""
        moving = self._moving(workload, rollout_events.in_turns(log))
        async with self._told(moving):
            return await readiness_watch.look(moving, shape)

    async def resolve_service(self, workload: Workload, shape: Shape) -> str | None:
        """Return by which Service what carries the new version is asked: that of the set beside the base, if any."""
        try:
            return await traffic.reached_by(self._moving(workload, _unheard), tracks.checked_track(shape))
        except ClusterRefusedError:
            return workload.target.service

    async def roll_back(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Bring the version before back: at once where its replicas are still there."""
        moving = self._moving(workload, rollout_events.in_turns(log))
        async with self._told(moving):
            return await rollouts.take_back(moving, shape)

    def _told(self, moving: ClusterWorkload) -> AbstractAsyncContextManager[None]:
        """Tell what happens to a workload meanwhile; what happened since this worker moved it last is told first."""
        rollout = f"{moving.workload.deployment_id}/{moving.workload.task_id}"
        known = self._digests.pop(rollout, None)
        self._digests[rollout] = digest = known or EventDigest()
        if len(self._digests) > DIGESTS:
            del self._digests[next(iter(self._digests))]
        return rollout_events.told(moving, digest, is_first=known is None)

    def _moving(self, workload: Workload, log: LogSink) -> ClusterWorkload:
        return ClusterWorkload(self._cluster(workload.connection), workload, log, self._pace)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    def _cluster(self, connection: KubernetesAccess) -> Cluster:
        return Cluster(self._connections, connection, self._hold)


def _run(job: manifests.Object, name: str) -> Run:
    known = job["metadata"]["labels"]
    return Run(known[manifests.DEPLOYMENT_LABEL], known[manifests.TASK_LABEL], name, manifests.version_of(job))


async def _unheard(_stream: Stream, _lines: Sequence[str]) -> None:
    """Take no note."""
