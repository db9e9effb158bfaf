"""Inputs about applications, environments and versions."""

from typing import Any

import strawberry

from app.api.inputs.commands import CommandStepInput
from app.api.inputs.common import NEVER, given
from app.api.inputs.kubernetes import KubernetesAccessInput, KubernetesTargetInput
from app.core import application, environment, version
from app.core.texts import normalized


@strawberry.input(description="Deploys by a command, once per instance.")
class ShellTargetInput:
    command: list[str]
    instances: list[str] | None = strawberry.field(default_factory=lambda: ["local"])
    rollback_command: list[str] | None = None

    def target(self) -> application.ShellTarget:
        """Return it as a core value."""
        return application.ShellTarget(
            command=tuple(self.command),
            instances=("local",) if self.instances is None else tuple(map(normalized, self.instances)),
            rollback_command=None if self.rollback_command is None else tuple(self.rollback_command),
        )


@strawberry.input(description="A Prometheus query whose value must lie within bounds; at least one is given.")
class MetricCheckInput:
    name: str
    prometheus_url: str
    query: str = strawberry.field(description="May hold {version} and {color}; every series counts.")
    min: float | None = None
    max: float | None = None

    def check(self) -> application.MetricCheck:
        """Return it as a core value."""
        return application.MetricCheck(
            name=normalized(self.name),
            prometheus_url=self.prometheus_url,
            query=self.query,
            minimum=self.min,
            maximum=self.max,
        )


@strawberry.input(
    description="How health is told: by exactly one of command and httpUrl, or by neither where there are metrics."
)
class HealthCheckInput:
    command: list[str] | None = None
    http_url: str | None = None
    expect_status: int | None = 200
    interval_seconds: int | None = 5
    timeout_seconds: int | None = 5
    success_threshold: int | None = 1
    failure_threshold: int | None = 3
    metrics: list[MetricCheckInput] | None = strawberry.field(default_factory=list)

    def check(self) -> application.HealthCheck:
        """Return it as a core value; null stands for the default."""
        numbers = {
            "expect_status": self.expect_status,
            "interval_seconds": self.interval_seconds,
            "timeout_seconds": self.timeout_seconds,
            "success_threshold": self.success_threshold,
            "failure_threshold": self.failure_threshold,
        }
        given_numbers: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
        return application.HealthCheck(
            command=None if self.command is None else tuple(self.command),
            http_url=self.http_url,
            metrics=tuple(metric.check() for metric in self.metrics or ()),
            **given_numbers,
        )


@strawberry.input(description="A new application.")
class CreateApplicationInput:
    name: str
    description: str | None = ""
    repository_url: str | None = None
    build: CommandStepInput | None = None
    test: CommandStepInput | None = None
    shell: ShellTargetInput | None = strawberry.field(
        default=None, description="How it is deployed: exactly one of shell and kubernetes."
    )
    kubernetes: KubernetesTargetInput | None = None
    health_check: HealthCheckInput | None = None
    idempotency_key: str | None = None

    def draft(self) -> application.Application:
        """Return it as a core value."""
        return application.Application(
            id="",
            name=self.name,
            description=self.description or "",
            repository_url=self.repository_url,
            build=self.build.step("build") if self.build else None,
            test=self.test.step("test") if self.test else None,
            shell=self.shell.target() if self.shell else None,
            kubernetes=self.kubernetes.target() if self.kubernetes else None,
            health_check=self.health_check.check() if self.health_check else None,
            archived_at=None,
            created_at=NEVER,
        )


@strawberry.input(description="Changes of an application. What is left out stays; null takes away.")
class UpdateApplicationInput:
    id: strawberry.ID
    description: str | None = strawberry.UNSET
    repository_url: str | None = strawberry.UNSET
    build: CommandStepInput | None = strawberry.UNSET
    test: CommandStepInput | None = strawberry.UNSET
    shell: ShellTargetInput | None = strawberry.field(
        default=strawberry.UNSET, description="Given alone, it takes the place of kubernetes, and the other way round."
    )
    kubernetes: KubernetesTargetInput | None = strawberry.UNSET
    health_check: HealthCheckInput | None = strawberry.UNSET
    idempotency_key: str | None = None

    def changes(self) -> tuple[str, dict[str, object]]:
        """Return the id and the fields to change."""
        shell, kubernetes = self.shell, self.kubernetes
        if shell and kubernetes is strawberry.UNSET:
            kubernetes = None
        if kubernetes and shell is strawberry.UNSET:
            shell = None
        fields = given(
            description="" if self.description is None else self.description,
            repository_url=self.repository_url,
            build=self.build.step("build") if self.build else self.build,
            test=self.test.step("test") if self.test else self.test,
            shell=shell.target() if shell else shell,
            kubernetes=kubernetes.target() if kubernetes else kubernetes,
            health_check=self.health_check.check() if self.health_check else self.health_check,
        )
        return self.id, fields


@strawberry.input(description="A new environment.")
class CreateEnvironmentInput:
    name: str
    operator: environment.OperatorKind
    rank: int | None = 0
    kubernetes: KubernetesAccessInput | None = strawberry.field(
        default=None, description="Required where the operator is KUBERNETES, and nowhere else."
    )
    worker_pool: str | None = "default"
    build_pool: str | None = strawberry.field(
        default=None, description="The pool that runs PREPARE, BUILD and TEST tasks; null: the same as for the rest."
    )
    max_concurrent_deployments: int | None = 10
    idempotency_key: str | None = None

    def draft(self) -> environment.Environment:
        """Return it as a core value."""
        return environment.Environment(
            id="",
            name=self.name,
            rank=self.rank or 0,
            operator=self.operator,
            kubernetes=self.kubernetes.connection("kubernetes") if self.kubernetes else None,
            worker_pool="default" if self.worker_pool is None else self.worker_pool,
            build_pool=self.build_pool,
            max_concurrent_deployments=(
                10 if self.max_concurrent_deployments is None else self.max_concurrent_deployments
            ),
            created_at=NEVER,
        )


@strawberry.input(description="Changes of an environment. What is left out stays, and so does what is null.")
class UpdateEnvironmentInput:
    id: strawberry.ID
    rank: int | None = None
    kubernetes: KubernetesAccessInput | None = strawberry.field(
        default=None, description="Replaces the connection as a whole."
    )
    worker_pool: str | None = None
    build_pool: str | None = strawberry.field(
        default=strawberry.UNSET, description="Null takes it away: the worker pool runs everything then."
    )
    max_concurrent_deployments: int | None = None
    idempotency_key: str | None = None

    def changes(self) -> tuple[str, dict[str, object]]:
        """Return the id and the fields to change."""
        fields = {
            "rank": self.rank,
            "kubernetes": self.kubernetes.connection("kubernetes") if self.kubernetes else None,
            "worker_pool": self.worker_pool,
            "max_concurrent_deployments": self.max_concurrent_deployments,
        }
        known = {name: value for name, value in fields.items() if value is not None}
        return self.id, known | given(build_pool=self.build_pool)


@strawberry.input(description="What a version holds of one application.")
class ArtifactInput:
    application_id: strawberry.ID
    image: str | None = None


@strawberry.input(description="A new version.")
class CreateVersionInput:
    name: str
    artifacts: list[ArtifactInput]
    commit: str | None = None
    idempotency_key: str | None = None

    def draft(self) -> version.Version:
        """Return it as a core value."""
        artifacts = tuple(version.Artifact(application_id=a.application_id, image=a.image) for a in self.artifacts)
        return version.Version(
            id="", name=normalized(self.name), commit=self.commit, created_by="", created_at=NEVER, artifacts=artifacts
        )
