"""Deployments: their states, the one table of legal changes, and a deployment as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from app.core.application import Application, CommandStep, HealthCheck, KubernetesTarget, ShellTarget
from app.core.errors import IllegalTransitionError
from app.core.strategy.model import Strategy


class DeploymentStatus(StrEnum):
    """Where a deployment stands."""

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
    """Where a rollback stands."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class WorkflowSource(StrEnum):
    """Where the first revision of a deployment's workflow came from.

    GENERATED: from its applications as they were defined then. REPEATED: from definitions that were copied into earlier
    deployments, which ran in the same environment. CUSTOM: the caller sent it. TEMPLATE: a version of a template.
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
"""Where tasks may still start, so that keeping them from it means something; everywhere else the flag is cleared."""
ENDED = frozenset({_S.SUCCESS, _S.FAILED, _S.ROLLED_BACK, _S.CANCELLED})


def transition(seen: DeploymentStatus, wanted: DeploymentStatus) -> DeploymentStatus:
    """Return `wanted` when the table allows it. Raises IllegalTransitionError."""
    if wanted not in TRANSITIONS[seen]:
        raise IllegalTransitionError("deployment", seen, wanted, TRANSITIONS[seen])
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentApplication:
    """One application of a deployment, and what ran in its environment when its deploy task began.

    `previous_version_id` is None until then, and stays None when nothing ran before.
    """

    application_id: str
    previous_version_id: str | None = None
    previous_deployment_id: str | None = None
    previous_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """How an application was defined when a deployment of it was made: later changes of it touch later deployments.

    `image` is that of the deployment's version. `build` and `test` are what a generated workflow runs; the tasks of the
    workflow say what this deployment runs.
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
    """Return how an application is defined now, with the image of a version."""
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
    """Return a definition by which pods are replaced although they run the image already."""
    target = definition.kubernetes
    return definition if target is None else replace(definition, kubernetes=replace(target, restart=True))


PARTS: Mapping[str, tuple[str, ...]] = {
    "repositoryUrl": ("repository_url",),
    "build": ("build",),
    "test": ("test",),
    "deploy": ("shell", "kubernetes"),
    "healthCheck": ("health_check",),
}
"""The parts of a definition that decide what runs: names that the API gives them, and the fields of each.

The image is none of them: it comes with the version.
"""


def differing_parts(one: Definition, other: Definition | None) -> tuple[str, ...]:
    """Return the names of the parts in which a definition differs from another; beside None, all that it has."""
    return tuple(
        part
        for part, names in PARTS.items()
        if any(getattr(one, name) != (getattr(other, name) if other else None) for name in names)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """Work that takes a deployment's applications back. `requested_by` is None when it came by itself."""

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

    `queued_at` is when its start was asked for; None while nobody has. `resumed_at` is when it last became RUNNING,
    except after a wait for people. While it is `paused` no task starts. `manual_approval` asks people before anything
    but preparing, building and testing; `freeze_override_reason` says why it may start although its environment is
    frozen. `attempt` counts retries from 1. `progress` is percent. `last_event` is the number of the newest event of
    its feed, `revision` that of its workflow, whose first one came from `source`.
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
        """The ids of its applications, in the order they were asked for."""
        return tuple(application.application_id for application in self.applications)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFilter:
    """Which deployments a list holds: None admits all. Times bound when they were created.

    `visible` holds the (environment, application) pairs of the viewer's grants, None for any; every application of a
    deployment must be covered.
    """

    statuses: tuple[DeploymentStatus, ...] | None = None
    environment_ids: tuple[str, ...] | None = None
    application_ids: tuple[str, ...] | None = None
    version_id: str | None = None
    created_by_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    visible: tuple[tuple[str | None, str | None], ...] = ()

    def admits(self, one: Deployment) -> bool:
        """Tell whether a deployment is one of these, whoever may see it."""
        return (
            (self.statuses is None or one.status in self.statuses)
            and (self.environment_ids is None or one.environment_id in self.environment_ids)
            and (self.application_ids is None or not set(self.application_ids).isdisjoint(one.application_ids))
            and self.version_id in (None, one.version_id)
            and self.created_by_id in (None, one.created_by)
            and (self.created_after is None or one.created_at >= self.created_after)
            and (self.created_before is None or one.created_at < self.created_before)
        )
