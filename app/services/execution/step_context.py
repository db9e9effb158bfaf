"""What driving one attempt of a deploy task takes, and who carries out what its strategy decides."""

from dataclasses import dataclass
from typing import Protocol

from app.core.attempt import Outcome
from app.core.deployment import Definition
from app.core.moved_workload import MovedWorkload
from app.core.strategy.model import Observed, Progress, Strategy
from app.core.strategy.rollback import RollbackStep
from app.core.task import Task
from app.core.version import Version
from app.services.execution.executions import Executions
from app.services.execution.health_checks import Patient
from app.services.execution.instructions import InstructionContext
from app.services.execution.log_writer import LogWriter
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class StepContext:
    """Everything that driving one attempt takes."""

    runtime: Runtime
    setting: InstructionContext
    task: Task
    worker: str
    log: LogWriter
    executions: Executions

    @property
    def patient(self) -> Patient:
        """Whose health is asked for."""
        return Patient(self.runtime, self.setting, self.task, self.log, self.executions)

    @property
    def strategy(self) -> Strategy:
        """The strategy of the deployment."""
        return self.setting.deployment.strategy

    @property
    def definition(self) -> Definition | None:
        """How the task's application is defined."""
        return self.setting.definition(self.task)

    @property
    def previous(self) -> Version | None:
        """The version that ran before."""
        return self.setting.previous.get(self.task.application_id or "")


@dataclass(frozen=True, slots=True)
class RolloutSize:
    """What a rollout is about: its instances in order, and whether traffic is split apart from them."""

    instances: tuple[str, ...]
    split: bool = False


class RolloutExecutor(Protocol):
    """Carries out what a strategy decides: instance by instance, or on a workload as a whole.

    Whatever goes wrong is told in what was observed. Everything may be asked for again, after a crash in the middle.
    """

    @property
    def moved(self) -> MovedWorkload | None:
        """What was done to a workload that is moved as a whole, as it is stored with the progress."""
        ...

    @property
    def look_seconds(self) -> float | None:
        """How often `watch` is to be asked for meanwhile; None: not at all."""
        ...

    async def extent(self) -> RolloutSize:
        """Find out what the rollout is about."""
        ...

    async def unfit(self) -> str | None:
        """Return why the strategy can not work for what `extent` found, before anything is touched."""
        ...

    async def watch(self, progress: Progress, observed: Observed) -> Observed:
        """Look at what is being watched."""
        ...

    async def update(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Bring the new version to instances."""
        ...

    async def check(self, progress: Progress, instances: tuple[str, ...], observed: Observed) -> Observed:
        """Find out whether instances are healthy."""
        ...

    async def check_serving(self, color: str | None) -> str | None:
        """Find out whether what serves, the set of that color, is healthy. Return what is wrong."""
        ...

    async def switch(self, progress: Progress, observed: Observed) -> Observed:
        """Give all traffic to the new set."""
        ...

    async def retire(self, progress: Progress, observed: Observed) -> Observed:
        """End the old set."""
        ...

    async def finish(self, progress: Progress) -> str | None:
        """Leave nothing of the rollout but its result. Return what went wrong."""
        ...

    def said_done(self, progress: Progress) -> str:
        """Say what has come of a rollout that is done."""
        ...

    def cannot_undo(self) -> str | None:
        """Return why nothing could be taken back, None where something can."""
        ...

    async def take_back(self, step: RollbackStep) -> Outcome:
        """Go one step back."""
        ...
