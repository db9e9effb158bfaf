"""The operator: commands as Jobs, and rollouts of Deployments, in the namespace that an environment names."""

import logging
from collections.abc import Sequence

from app.core import manifests, pods, replicas
from app.core.attempt import Ending, Outcome
from app.core.environment import KubernetesAccess
from app.core.logs import Stream
from app.core.strategy import Shape
from app.core.workloads import CANARY, PREVIEW
from app.gateways.operators.kubernetes import rollouts
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, JOBS, Cluster, Hold
from app.gateways.operators.kubernetes.connections import Connections
from app.gateways.operators.kubernetes.errors import ClusterAwayError, ClusterRefusedError
from app.gateways.operators.kubernetes.jobs import JobRun
from app.gateways.operators.kubernetes.moving import Moving, Pace, StuckError
from app.gateways.operators.kubernetes.reach import Reach
from app.gateways.trust import USUAL, Authorities
from app.ports import Instruction, LogSink, Run, Workload

logger = logging.getLogger(__name__)

PACE = Pace()
ALL = Reach()
"""No kubeconfig, and every namespace that the service account of the worker's pod may reach."""
UNENDED = "status.successful=0"
"""Most Jobs that are there have succeeded, and need not be sent: the one field of a Job by which a cluster selects."""


class KubernetesOperator:
    """Runs each command as a Job, which outlives this worker: who asks for the same run again goes on with it.

    `pace.patience` is how many seconds something may keep a pod from starting that rarely passes by itself, like an
    image that can not be pulled; what waits for a node waits until the task's limit. A cluster that is away delays.
    `reach` is what the worker was started to serve; all else is refused.
    """

    def __init__(self, pace: Pace = PACE, reach: Reach = ALL, authorities: Authorities = USUAL) -> None:
        self._pace = pace
        self._connections = Connections(reach, authorities)
        self._hold = Hold()

    async def execute(self, instruction: Instruction, log: LogSink) -> Outcome:
        """Run the command to its end. Without one there is nothing to run.

        When cancelled, the Job is deleted with its pods, unless the cancellation says LEAVE. Raises what `log` raises,
        and leaves the Job then: the attempt is another worker's.
        """
        if instruction.command is None:
            return Outcome(Ending.SUCCEEDED)
        if instruction.connection is None or instruction.origin is None:
            return Outcome(Ending.FAILED, "the environment has no connection to a cluster")
        if not instruction.image:
            return Outcome(Ending.FAILED, "it has a command, but neither it nor the version's artifact has an image")
        return await JobRun(self._cluster(instruction.connection), instruction, log, self._pace.patience).run()

    def hold(self, seconds: float) -> None:
        """Take note that this worker may change things for `seconds` more. Jobs run on, for the next attempt."""
        self._hold.renew(seconds)

    def extend(self, seconds: float) -> None:
        """Do nothing: nothing is changed while the event loop is held up, and `hold` comes before anything else is."""

    async def running(self, connection: KubernetesAccess) -> Sequence[Run]:
        """Return the runs of Jobs in a namespace that have not ended, and that nobody deletes already."""
        selector = f"{manifests.MANAGED_BY}={manifests.MANAGER},{manifests.RUN_LABEL}"
        try:
            listing = await self._cluster(connection).list(JOBS, selector, UNENDED)
        except (ClusterAwayError, ClusterRefusedError) as error:
            logger.warning("it can not be seen which Jobs of %s run: %s", connection.namespace, error)
            return ()
        return [_run(job, run) for job in listing.items if (run := manifests.run_of(job)) and _goes_on(job)]

    async def end(self, connection: KubernetesAccess, run: Run) -> bool:
        """Delete the Job of a run with its pods, as it was when it was found."""
        name = manifests.job_name(run.task_id, run.name)
        try:
            return await self._cluster(connection).delete(JOBS, name, propagation="Foreground", version=run.state)
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
    async def _size(moving: Moving) -> int:
        base = await moving.base()
        beside = [await moving.get(DEPLOYMENTS, f"{moving.name}-{track}") for track in (CANARY, PREVIEW)]
        return replicas.size(base, is_split=any(beside), is_scaled=await moving.is_scaled())

    async def bring(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Give the workload a shape; go on with what another worker has begun. Ends when cancelled, and leaves all."""
        return await rollouts.bring(self._moving(workload, log), shape)

    async def take_back(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        """Bring the version before back: at once where its replicas are still there."""
        return await rollouts.take_back(self._moving(workload, log), shape)

    def _moving(self, workload: Workload, log: LogSink) -> Moving:
        return Moving(self._cluster(workload.connection), workload, log, self._pace)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    def _cluster(self, connection: KubernetesAccess) -> Cluster:
        return Cluster(self._connections, connection, self._hold)


def _goes_on(job: manifests.Object) -> bool:
    return not (pods.is_done(job) or manifests.is_going(job))


def _run(job: manifests.Object, name: str) -> Run:
    known = job["metadata"]["labels"]
    return Run(known[manifests.DEPLOYMENT_LABEL], known[manifests.TASK_LABEL], name, manifests.version_of(job))


async def _unheard(_stream: Stream, _lines: Sequence[str]) -> None:
    """Take no note."""
