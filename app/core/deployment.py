"""Deployments: their states, the one table of legal changes, and a deployment as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.core.application import Application, CommandStep, HealthCheck, KubernetesTarget, ShellTarget
from app.core.errors import IllegalTransitionError
from app.core.strategy.model import Strategy


class DeploymentStatus(StrEnum):
    """The status of a deployment."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING_CONFIRM = "WAITING_CONFIRM"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


class RollbackStatus(StrEnum):
    """The status of a rollback."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class WorkflowSource(StrEnum):
    """The origin of the first revision of a deployment's workflow.

    GENERATED: from the definitions of its applications at that time. REPEATED: from definitions that earlier
    deployments to the same environment had copied. CUSTOM: from the caller. TEMPLATE: from a template version.
    """

    GENERATED = "GENERATED"
    REPEATED = "REPEATED"
    CUSTOM = "CUSTOM"
    TEMPLATE = "TEMPLATE"


_S = DeploymentStatus
TRANSITIONS: Mapping[DeploymentStatus, tuple[DeploymentStatus, ...]] = {
    _S.PENDING: (_S.RUNNING, _S.CANCELLED),
    _S.RUNNING: (_S.WAITING_CONFIRM, _S.SUCCESS, _S.FAILED, _S.ROLLING_BACK, _S.CANCELLING),
    _S.WAITING_CONFIRM: (_S.RUNNING, _S.ROLLING_BACK, _S.CANCELLED),
    _S.CANCELLING: (_S.CANCELLED,),
    _S.ROLLING_BACK: (_S.ROLLED_BACK, _S.FAILED),
    _S.SUCCESS: (),
    _S.ROLLED_BACK: (),
    _S.CANCELLED: (),
    _S.FAILED: (_S.RUNNING, _S.ROLLING_BACK),
}
ACTIVE = frozenset({_S.RUNNING, _S.WAITING_CONFIRM, _S.CANCELLING, _S.ROLLING_BACK})
PAUSABLE = frozenset({_S.PENDING, _S.RUNNING, _S.WAITING_CONFIRM})
"""Statuses in which tasks may still start. In all others the `paused` flag is cleared."""
ENDED = frozenset({_S.SUCCESS, _S.FAILED, _S.ROLLED_BACK, _S.CANCELLED})


def transition(current: DeploymentStatus, target: DeploymentStatus) -> DeploymentStatus:
    """Return `target` if the table allows it. Raises IllegalTransitionError."""
    if target not in TRANSITIONS[current]:
        raise IllegalTransitionError("deployment", current, target, TRANSITIONS[current])
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentApplication:
    """One application of a deployment, and the release that ran there when its deploy task began.

    `previous_version_id` is None before that, and stays None when no release ran.
    """

    application_id: str
    previous_version_id: str | None = None
    previous_deployment_id: str | None = None
    previous_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The definition of an application, copied when a deployment is created.

    `image` is that of the deployment's version. A generated workflow runs `build` and `test`; the tasks of the workflow
    decide what this deployment runs.
    """

    application_id: str
    name: str
    repository_url: str | None
    image: str | None
    health_check: HealthCheck | None
    shell: ShellTarget | None = None
    kubernetes: KubernetesTarget | None = None
    build: CommandStep | None = None
    test: CommandStep | None = None


def definition_of(application: Application, image: str | None) -> Definition:
    """Return the current definition of an application, with the image of a version."""
    return Definition(
        application_id=application.id,
        name=application.name,
        repository_url=application.repository_url,
        image=image,
        health_check=application.health_check,
        shell=application.shell,
        kubernetes=application.kubernetes,
        build=application.build,
        test=application.test,
    )


def with_restart(definition: Definition) -> Definition:
    """Return a definition that replaces pods even if they run the image already."""
    target = definition.kubernetes
    return definition if target is None else replace(definition, kubernetes=replace(target, restart=True))


PARTS: Mapping[str, tuple[str, ...]] = {
    "repositoryUrl": ("repository_url",),
    "build": ("build",),
    "test": ("test",),
    "deploy": ("shell", "kubernetes"),
    "healthCheck": ("health_check",),
}
"""The parts of a definition that decide what runs: their API names, and the fields of each.

The image is not among them: it comes with the version.
"""


def differing_parts(definition: Definition, other: Definition | None) -> tuple[str, ...]:
    """Return the names of the parts in which two definitions differ; all its parts if `other` is None."""
    return tuple(
        part
        for part, names in PARTS.items()
        if any(getattr(definition, name) != (getattr(other, name) if other else None) for name in names)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """The rollback of a deployment's applications. `requested_by` is None for an automatic one."""

    status: RollbackStatus
    automatic: bool
    reason: str
    requested_by: str | None
    started_at: datetime
    completed_at: datetime | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment as it is stored.

    `queued_at` is when its start was requested (None: not yet). `resumed_at` is when it last became RUNNING, except
    after an approval. No task starts while it is `paused`. With `manual_approval`, everything but preparing, building
    and testing needs an approval. `freeze_override_reason` says why it may start during a freeze. `attempt` counts
    retries from 1. `progress` is in percent. `last_event` is the number of the newest event of its feed; `revision` is
    the number of its workflow's newest revision, the first of which came from `source`.
    """

    id: str
    version_id: str
    environment_id: str
    applications: tuple[DeploymentApplication, ...]
    status: DeploymentStatus
    progress: int
    strategy: Strategy
    must_in_order: tuple[str, ...]
    created_by: str
    created_at: datetime
    updated_at: datetime
    source: WorkflowSource = WorkflowSource.CUSTOM
    error_message: str | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    resumed_at: datetime | None = None
    completed_at: datetime | None = None
    paused: bool = False
    attempt: int = 1
    revision: int = 1
    last_event: int = 0
    manual_approval: bool = False
    freeze_override_reason: str | None = None
    template_version_id: str | None = None
    rollback: Rollback | None = None
    rollback_of: str | None = None

    @property
    def application_ids(self) -> tuple[str, ...]:
        """The ids of its applications, in the order of the request."""
        return tuple(application.application_id for application in self.applications)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFilter:
    """Which deployments a list contains; None admits all. The times bound the time of creation.

    `visible` holds the (environment, application) pairs of the viewer's grants, None for any. They must cover every
    application of a deployment.
    """

    statuses: tuple[DeploymentStatus, ...] | None = None
    environment_ids: tuple[str, ...] | None = None
    application_ids: tuple[str, ...] | None = None
    version_id: str | None = None
    created_by_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    visible: tuple[tuple[str | None, str | None], ...] = ()

    def admits(self, deployment: Deployment) -> bool:
        """Tell whether a deployment matches, regardless of who may see it."""
        return (
            (self.statuses is None or deployment.status in self.statuses)
            and (self.environment_ids is None or deployment.environment_id in self.environment_ids)
            and (self.application_ids is None or not set(self.application_ids).isdisjoint(deployment.application_ids))
            and self.version_id in (None, deployment.version_id)
            and self.created_by_id in (None, deployment.created_by)
            and (self.created_after is None or deployment.created_at >= self.created_after)
            and (self.created_before is None or deployment.created_at < self.created_before)
        )
