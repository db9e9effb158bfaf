"""The context of one attempt of a task: what its commands, checks and rollout steps need."""

from dataclasses import dataclass

from app.core.deployment import Definition
from app.core.environment import Environment, OperatorKind
from app.core.strategy.model import Strategy
from app.core.task import Task
from app.core.version import Version
from app.services.execution.executions import Executions
from app.services.execution.instruction_context import InstructionContext
from app.services.execution.log_writer import LogWriter
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class StepContext:
    """Everything that one attempt needs."""

    runtime: Runtime
    instruction_context: InstructionContext
    task: Task
    worker: str
    log: LogWriter
    executions: Executions

    @property
    def environment(self) -> Environment:
        """The environment of the deployment."""
        return self.instruction_context.environment

    @property
    def operator_kind(self) -> OperatorKind:
        """The kind of operator that serves the environment."""
        return self.instruction_context.environment.operator

    @property
    def strategy(self) -> Strategy:
        """The strategy of the deployment."""
        return self.instruction_context.deployment.strategy

    @property
    def definition(self) -> Definition | None:
        """The definition of the task's application."""
        return self.instruction_context.definition(self.task)

    @property
    def version(self) -> Version:
        """The version that is deployed."""
        return self.instruction_context.version

    @property
    def previous(self) -> Version | None:
        """The version of the application that ran before."""
        return self.instruction_context.previous.get(self.task.application_id or "")

    @property
    def serving_color(self) -> str | None:
        """The color of the set that serves now, None where the application has no two sets."""
        return self.instruction_context.colors.get(self.task.application_id or "")
