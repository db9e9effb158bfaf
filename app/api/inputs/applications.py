"""Inputs about applications."""

from typing import Any

import strawberry

from app.api.inputs.commands import CommandStepInput
from app.api.inputs.common import NEVER, without_unset
from app.api.inputs.kubernetes import KubernetesTargetInput
from app.core import application
from app.core.texts import normalized


@strawberry.input(description="Deploys by a command that runs once for each instance.")
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


@strawberry.input(description="A Prometheus query and the bounds of its healthy values. Set min, max or both.")
class MetricCheckInput:
    name: str
    prometheus_url: str
    query: str = strawberry.field(
        description="The query. It may contain {version} and {color}. Every series of the result must be healthy."
    )
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
    description="How health is checked. Set exactly one of command and httpUrl. With metrics, both may be left out."
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
        """Return it as a core value. Null means the default."""
        numbers = {
            "expect_status": self.expect_status,
            "interval_seconds": self.interval_seconds,
            "timeout_seconds": self.timeout_seconds,
            "success_threshold": self.success_threshold,
            "failure_threshold": self.failure_threshold,
        }
        set_numbers: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
        return application.HealthCheck(
            command=None if self.command is None else tuple(self.command),
            http_url=self.http_url,
            metrics=tuple(metric.check() for metric in self.metrics or ()),
            **set_numbers,
        )


@strawberry.input(description="A new application.")
class CreateApplicationInput:
    name: str
    description: str | None = ""
    repository_url: str | None = None
    build: CommandStepInput | None = None
    test: CommandStepInput | None = None
    shell: ShellTargetInput | None = strawberry.field(
        default=None,
        description="How the application is deployed by a command. Set exactly one of shell and kubernetes.",
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


@strawberry.input(description="Changes to an application. Fields that are left out stay as they are.")
class UpdateApplicationInput:
    id: strawberry.ID
    description: str | None = strawberry.UNSET
    repository_url: str | None = strawberry.UNSET
    build: CommandStepInput | None = strawberry.UNSET
    test: CommandStepInput | None = strawberry.UNSET
    shell: ShellTargetInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="How the application is deployed by a command. Given without kubernetes, it replaces kubernetes.",
    )
    kubernetes: KubernetesTargetInput | None = strawberry.UNSET
    health_check: HealthCheckInput | None = strawberry.UNSET
    idempotency_key: str | None = None

    def changes(self) -> tuple[str, dict[str, object]]:
        """Return the id of the application, and the fields to change."""
        shell, kubernetes = self.shell, self.kubernetes
        if shell and kubernetes is strawberry.UNSET:
            kubernetes = None
        if kubernetes and shell is strawberry.UNSET:
            shell = None
        fields = without_unset(
            description="" if self.description is None else self.description,
            repository_url=self.repository_url,
            build=self.build.step("build") if self.build else self.build,
            test=self.test.step("test") if self.test else self.test,
            shell=shell.target() if shell else shell,
            kubernetes=kubernetes.target() if kubernetes else kubernetes,
            health_check=self.health_check.check() if self.health_check else self.health_check,
        )
        return self.id, fields
