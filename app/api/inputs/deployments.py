"""Inputs about deployments, their strategies and rollouts."""

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
    batch_size: int | None = strawberry.field(
        default=0, description="The number of instances in a batch. 0 means all at once. Default: 0."
    )
    batch_interval: int | None = strawberry.field(
        default=0, description="How many seconds a batch is observed before the next one starts. Default: 0."
    )
    canary_ratio: float | None = strawberry.field(
        default=0,
        description="CANARY only: the share of the new version at the end of the step. It must rise from step to step, "
        "up to 1.",
    )
    auto_rollback: bool | None = True
    require_approval: bool | None = strawberry.field(
        default=False, description="Whether the step needs an approval before it starts. Default: false."
    )

    def step(self) -> strategy.StrategyStep:
        """Return it as a core value. Null means the default."""
        return strategy.StrategyStep(
            batch_size=self.batch_size or 0,
            batch_interval=self.batch_interval or 0,
            auto_rollback=self.auto_rollback is not False,
            canary_ratio=self.canary_ratio or 0.0,
            require_approval=bool(self.require_approval),
        )


@plain_input(steps=StrategyStepInput)
@strawberry.input(
    description="How the instances of an application are replaced. ROLLING: the last step covers all remaining "
    "batches. CANARY: the canaryRatio of the last step is 1. BLUE_GREEN: the last step switches the traffic."
)
class StrategyInput:
    kind: strategy.StrategyKind
    steps: list[StrategyStepInput]

    def strategy(self) -> strategy.Strategy:
        """Return it as a core value."""
        return strategy.Strategy(kind=self.kind, steps=tuple(step.step() for step in self.steps))


@strawberry.input(description="A rollout to promote.")
class PromoteRolloutInput:
    task_id: strawberry.ID
    full: bool | None = strawberry.field(
        default=False,
        description="Whether all remaining batches are deployed at once, without observing them. Required approvals "
        "still apply. Default: false.",
    )
    idempotency_key: str | None = None

    def promotion(self) -> Promotion:
        """Return it as a core value."""
        return Promotion(self.task_id, bool(self.full))


@plain_input(strategy=StrategyInput, tasks=WorkflowTaskInput)
@strawberry.input(description="A new deployment of one version to each of several environments.")
class CreateDeploymentInput:
    version_id: strawberry.ID
    environment_ids: list[strawberry.ID]
    application_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The ids of the applications to deploy. Default: all applications of the version."
    )
    must_in_order: list[strawberry.ID] | None = strawberry.field(
        default_factory=list,
        description="The ids of applications that are deployed one after another, in this order. Default: none.",
    )
    strategy: StrategyInput | None = strawberry.field(
        default=None,
        description="The strategy of each rollout. Default: ROLLING, all instances at once, with automatic rollback.",
    )
    tasks: list[WorkflowTaskInput] | None = strawberry.field(
        default=None, description="A graph of your own. Null generates the graph from the applications."
    )
    template_version_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of a template version that provides the graph. Null generates it from the applications.",
    )
    parameters: JSON | None = strawberry.field(
        default=None, description="Values for the parameters of the template: an object of names and strings."
    )
    auto_start: bool | None = True
    freeze_override_reason: str | None = strawberry.field(
        default=None,
        description="The reason to start during a freeze. For ADMIN. Null means that the deployment waits.",
    )
    manual_approval: bool | None = strawberry.field(
        default=False,
        description="Whether the deployment needs an approval. Until then, only PREPARE, BUILD and TEST tasks run. "
        "Default: false.",
    )
    restart: bool | None = strawberry.field(
        default=False,
        description="Whether pods that already run the image are replaced too, as by kubectl rollout restart. "
        "Default: false.",
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
        values = mapping(self.parameters, "parameters")
        if self.template_version_id is not None:
            return TemplateUse(self.template_version_id, values)
        if values:
            message = "parameters need a templateVersionId."
            raise Refused(InvalidInput(message=message, path=("parameters",)))
        return None


@strawberry.input(name="DeploymentFilter", description="Conditions on deployments. A null condition matches all.")
class DeploymentFilterInput:
    statuses: list[DeploymentStatus] | None = None
    environment_ids: list[strawberry.ID] | None = None
    application_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Only deployments of at least one of these applications. Null matches all; an empty list matches "
        "none.",
    )
    version_id: strawberry.ID | None = None
    created_by_id: strawberry.ID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def narrow(self, base: DeploymentFilter) -> DeploymentFilter:
        """Return the filter `base`, narrowed by this one. Raises Refused."""
        refuse_if(
            problem
            for ids, name in (
                (self.environment_ids, "environmentIds"),
                (self.application_ids, "applicationIds"),
            )
            for problem in checks.list_size(ids, "filter", name)
        )
        return replace(
            base,
            statuses=None if self.statuses is None else tuple(dict.fromkeys(self.statuses)),
            environment_ids=None if self.environment_ids is None else tuple(self.environment_ids),
            application_ids=None if self.application_ids is None else tuple(self.application_ids),
            version_id=self.version_id,
            created_by_id=self.created_by_id,
            created_after=self.created_after,
            created_before=self.created_before,
        )
