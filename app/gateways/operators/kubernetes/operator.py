"""The operator: commands as Jobs in the namespace that an environment names."""

from app.core.attempt import Ending, Outcome
from app.core.environment import KubernetesConnection
from app.gateways.operators.kubernetes.cluster import Cluster, Hold
from app.gateways.operators.kubernetes.connections import Connections
from app.gateways.operators.kubernetes.jobs import JobRun
from app.ports import Instruction, LogSink

PATIENCE_SECONDS = 60.0


class KubernetesOperator:
    """Runs each command as a Job, which outlives this worker: who asks for the same run again goes on with it.

    `patience_seconds` is how long something may keep a pod from starting that rarely passes by itself, like an image
    that can not be pulled; what waits for a node waits until the task's limit. A cluster that is away delays.
    """

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._patience = patience_seconds
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
        return await JobRun(self._cluster(instruction.connection), instruction, log, self._patience).run()

    def hold(self, seconds: float) -> None:
        """Take note that this worker may change things for `seconds` more. Jobs run on, for the next attempt."""
        self._hold.renew(seconds)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    def _cluster(self, connection: KubernetesConnection) -> Cluster:
        return Cluster(self._connections, connection, self._hold)
