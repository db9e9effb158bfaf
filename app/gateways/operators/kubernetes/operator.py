"""The operator: commands as Jobs, and rollouts of Deployments, in the namespace that an environment names."""

from collections.abc import Sequence

from app.core import replicas
from app.core.attempt import Ending, Outcome
from app.core.environment import KubernetesConnection
from app.core.logs import Stream
from app.core.strategy import Shape
from app.gateways.operators.kubernetes import rollouts
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, Cluster, Hold
from app.gateways.operators.kubernetes.connections import Connections
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.jobs import JobRun
from app.gateways.operators.kubernetes.moving import Moving, Pace, StuckError
from app.ports import Instruction, LogSink, Workload

PACE = Pace()


class KubernetesOperator:
    """Runs each command as a Job, which outlives this worker: who asks for the same run again goes on with it.

    `pace.patience` is how many seconds something may keep a pod from starting that rarely passes by itself, like an
    image that can not be pulled; what waits for a node waits until the task's limit. A cluster that is away delays.
    """

    def __init__(self, pace: Pace = PACE) -> None:
        self._pace = pace
        self._connections = Connections()
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
        beside = [
            await moving.get(DEPLOYMENTS, f"{moving.name}-{track}") for track in (rollouts.CANARY, rollouts.PREVIEW)
        ]
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

    def _cluster(self, connection: KubernetesConnection) -> Cluster:
        return Cluster(self._connections, connection, self._hold)


async def _unheard(_stream: Stream, _lines: Sequence[str]) -> None:
    """Take no note."""
