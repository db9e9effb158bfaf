"""Strategies: how the instances of an application are replaced."""

from dataclasses import dataclass

import strawberry

from app.api.context import Info
from app.core.approval import ApprovalStatus
from app.core.strategy import model as core
from app.core.workflow import TaskType

DECIDED = frozenset({ApprovalStatus.APPROVED, ApprovalStatus.REJECTED, ApprovalStatus.EXPIRED})
REFUSED = DECIDED - {ApprovalStatus.APPROVED}


@strawberry.type(description="One step of a strategy.")
class StrategyStep:
    batch_size: int = strawberry.field(description="The number of instances in a batch. 0 means all at once.")
    batch_interval: int = strawberry.field(
        description="How many seconds a batch is observed before the next one starts."
    )
    canary_ratio: float = strawberry.field(description="The share of the new version at the end of the step, 0 to 1.")
    auto_rollback: bool = strawberry.field(
        description="Whether a deployment that fails during this step is rolled back automatically."
    )
    require_approval: bool = strawberry.field(description="Whether the step needs an approval before it starts.")
    index: strawberry.Private[int]
    source: strawberry.Private["_StrategySource | None"]

    @strawberry.field(
        description="True if the step was approved, false if it was rejected. Null if it is undecided, or needs no "
        "approval."
    )
    async def manual_approval_status(self, info: Info) -> bool | None:
        if not self.require_approval or self.source is None:
            return None
        if await self.source.is_refused(info, self.index):
            return False
        rollouts = await self.source.rollouts(info)
        return True if rollouts and all(progress.approved >= self.index for progress in rollouts) else None


@dataclass(frozen=True, slots=True)
class _StrategySource:
    """The deploy tasks whose strategy it is: one task, or all tasks of a deployment."""

    deployment_id: str
    task_id: str | None = None

    async def rollouts(self, info: Info) -> list[core.Progress]:
        tasks = await info.context.loaders.tasks_of.load(self.deployment_id)
        return [
            task.rollout or core.Progress()
            for task in tasks
            if task.type is TaskType.DEPLOY and self.task_id in (None, task.id)
        ]

    async def is_refused(self, info: Info, step: int) -> bool:
        """Tell whether the latest decision on a step of any of the tasks is a refusal."""
        approvals = await info.context.loaders.approvals_of.load(self.deployment_id)
        latest_status = {
            approval.task_id: approval.status
            for approval in approvals
            if approval.rollout_step == step and approval.status in DECIDED
        }
        return any(status in REFUSED and self.task_id in (None, task_id) for task_id, status in latest_status.items())


@strawberry.type(description="How the instances of an application are replaced.")
class Strategy:
    kind: core.StrategyKind
    steps: list[StrategyStep]

    @classmethod
    def of(cls, strategy: core.Strategy, deployment_id: str, task_id: str | None = None) -> "Strategy":
        return cls(
            kind=strategy.kind,
            steps=[
                StrategyStep(
                    batch_size=step.batch_size,
                    batch_interval=step.batch_interval,
                    canary_ratio=step.canary_ratio,
                    auto_rollback=step.auto_rollback,
                    require_approval=step.require_approval,
                    index=index,
                    source=_StrategySource(deployment_id, task_id),
                )
                for index, step in enumerate(strategy.steps)
            ],
        )
