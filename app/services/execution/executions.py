"""The instructions that one attempt is running."""

from app.core.attempt import Outcome
from app.ports import Execution, Instruction, LogSink, Operator


class Executions:
    """Runs an attempt's instructions, concurrently or one after the other, and ends all that run together."""

    def __init__(self) -> None:
        self._running: set[Execution] = set()

    async def run(self, operator: Operator, instruction: Instruction, log: LogSink) -> Outcome:
        """Carry an instruction out and return its outcome. Raises what `Execution.wait` raises."""
        execution = operator.start(instruction, log)
        self._running.add(execution)
        try:
            return await execution.wait()
        finally:
            self._running.discard(execution)

    def stop(self) -> None:
        """Ask everything that runs to end."""
        for execution in self._running:
            execution.stop()

    def kill(self) -> None:
        """End everything that runs at once."""
        for execution in self._running:
            execution.kill()

    def detach(self) -> None:
        """Leave what outlives this worker to another one, and stop everything else that runs."""
        for execution in self._running:
            execution.detach()
