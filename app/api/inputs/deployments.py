"""Inputs about deployments and their graphs."""

from dataclasses import replace
from datetime import datetime

import strawberry

from app.api.execution.plain_inputs import plain_input
from app.api.inputs.common import mapping
from app.api.inputs.workflows import WorkflowTaskInput, core_tasks
from app.api.scalars import JSON
from app.core.deployment import DeploymentFilter, DeploymentStatus
from app.core.errors import InvalidInput, Refused
from app.core.strategy import model as strategy
from app.core.validation import checks
from app.services.drafts import DeploymentRequest
from app.services.tasks import Promotion
from app.services.templates import TemplateUse
from app.services.use_cases import refuse_if


@plain_input()
@strawberry.input(description="One step of a strategy.")
class StrategyStepInput:
    batch_size: int | None = strawberry.field(default=0, description="0: all at once.")
    batch_interval: int | None = strawberry.field(default=0, description="Seconds to watch a batch.")
    canary_ratio: float | None = strawberry.field(
        default=0, description="CANARY: share of the new version once the step is done, rising to 1."
    )
    auto_rollback: bool | None = True
    require_approval: bool | None = strawberry.field(default=False, description="Ask people before the step.")


@plain_input(steps=StrategyStepInput)
@strawberry.input(
    description="How instances are changed. ROLLING: the last step serves for all batches that are left. CANARY: the "
    "last step's canaryRatio is 1. BLUE_GREEN: the last step is the switch."
)
class StrategyInput:
    kind: strategy.StrategyKind
    steps: list[StrategyStepInput]

    def strategy(self) -> strategy.Strategy:
        """Return it as a core value."""
        return strategy.Strategy(
            kind=self.kind,
            steps=tuple(
                strategy.StrategyStep(
                    batch_size=step.batch_size or 0,
                    batch_interval=step.batch_interval or 0,
                    auto_rollback=step.auto_rollback is not False,
                    canary_ratio=step.canary_ratio or 0.0,
                    require_approval=bool(step.require_approval),
                )
                for step in self.steps
            ),
        )


@strawberry.input(description="A rollout that need not wait any longer.")
class PromoteRolloutInput:
    task_id: strawberry.ID
    full: bool | None = strawberry.field(
        default=False, description="Bring all that is left at once, without watching any of it."
    )
    idempotency_key: str | None = None

    def promotion(self) -> Promotion:
        """Return it as a core value."""
        return Promotion(self.task_id, bool(self.full))


@plain_input(strategy=StrategyInput, tasks=WorkflowTaskInput)
@strawberry.input(description="A new deployment in each of some environments.")
class CreateDeploymentInput:
    version_id: strawberry.ID
    environment_ids: list[strawberry.ID]
    application_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Default: all that the version has."
    )
    must_in_order: list[strawberry.ID] | None = strawberry.field(
        default_factory=list, description="Applications that are deployed one after another."
    )
    strategy: StrategyInput | None = strawberry.field(
        default=None, description="Default: rolling, all at once, automatic rollback."
    )
    tasks: list[WorkflowTaskInput] | None = strawberry.field(
        default=None, description="A graph of the caller's own instead of the generated one."
    )
    template_version_id: strawberry.ID | None = strawberry.field(
        default=None, description="A graph from this version of a template instead of the generated one."
    )
    parameters: JSON | None = strawberry.field(
        default=None, description="Values for the template's parameters: names to strings."
    )
    auto_start: bool | None = True
    freeze_override_reason: str | None = strawberry.field(
        default=None, description="Start also during a freeze, and why. For ADMIN."
    )
    manual_approval: bool | None = strawberry.field(
        default=False, description="Ask people before its first deploy task; what comes before goes on meanwhile."
    )
    restart: bool | None = strawberry.field(
        default=False,
        description="Replace pods also where they run the image already, like kubectl rollout restart: as its tag has"
        " moved, or to start them anew.",
    )
    idempotency_key: str | None = None

    def request(self) -> DeploymentRequest:
        """Return it as a core value. Raises Refused."""
        tasks = self.tasks
        return DeploymentRequest(
            version_id=self.version_id,
            environment_ids=tuple(self.environment_ids),
            application_ids=None if self.application_ids is None else tuple(self.application_ids),
            must_in_order=tuple(self.must_in_order or ()),
            strategy=self.strategy.strategy() if self.strategy else strategy.Strategy(),
            tasks=None if tasks is None else core_tasks(tasks, "tasks"),
            template=self._template(),
            auto_start=self.auto_start is not False,
            freeze_override_reason=self.freeze_override_reason,
            manual_approval=bool(self.manual_approval),
            restart=bool(self.restart),
        )

    def _template(self) -> TemplateUse | None:
        given = mapping(self.parameters, "parameters")
        if self.template_version_id is not None:
            return TemplateUse(self.template_version_id, given)
        if given:
            raise Refused(InvalidInput(message="Parameters go with templateVersionId.", path=("parameters",)))
        return None


@strawberry.input(name="DeploymentFilter", description="Which deployments a list holds. Null admits all.")
class DeploymentFilterInput:
    statuses: list[DeploymentStatus] | None = None
    environment_ids: list[strawberry.ID] | None = None
    application_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Deployments of any of these."
    )
    version_id: strawberry.ID | None = None
    created_by_id: strawberry.ID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def narrow(self, wanted: DeploymentFilter) -> DeploymentFilter:
        """Return the filter `wanted`, narrowed by this one. Raises Refused."""
        refuse_if(
            problem
            for values, name in (
                (self.environment_ids, "environmentIds"),
                (self.application_ids, "applicationIds"),
            )
            for problem in checks.listed(values, "filter", name)
        )
        return replace(
            wanted,
            statuses=None if self.statuses is None else tuple(dict.fromkeys(self.statuses)),
            environment_ids=None if self.environment_ids is None else tuple(self.environment_ids),
            application_ids=None if self.application_ids is None else tuple(self.application_ids),
            version_id=self.version_id,
            created_by_id=self.created_by_id,
            created_after=self.created_after,
            created_before=self.created_before,
        )
