"""Applications."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.context import Info
from app.api.scalars import JSON, Cursor
from app.api.types.common import Connection, Node, PageArguments
from app.api.types.connections import OF_APPLICATION, VERSIONS
from app.api.types.jobs import JobOptions, job_options
from app.api.types.references import wrap
from app.core import application as core
from app.core.command_visibility import CommandVisibility, of_application
from app.core.deployment import Definition

if TYPE_CHECKING:
    from app.api.types.deployments import Deployment
    from app.api.types.environments import Release
    from app.api.types.versions import Version


@strawberry.type(
    description="A command as a list of arguments, with its limits. *** replaces values that you may not see."
)
class CommandStep:
    command: list[str]
    image: str | None
    env: JSON = strawberry.field(
        description="Environment variables beside those that Boreas sets: an object of names and strings. Only "
        "DEPLOYER sees the values."
    )
    timeout_seconds: int = strawberry.field(description="How many seconds one attempt may take.")
    max_attempts: int = strawberry.field(description="How many attempts the command gets, including the first.")
    job: JobOptions | None = strawberry.field(
        description="Options of the Job that runs the command in a cluster. Null means that the options of the "
        "environment apply."
    )

    @classmethod
    def of(cls, command: core.CommandStep, visibility: CommandVisibility) -> "CommandStep":
        step = visibility.step(command)
        return cls(
            command=list(step.command),
            image=step.image,
            env=JSON(dict(step.env)),
            timeout_seconds=step.timeout_seconds,
            max_attempts=step.max_attempts,
            job=job_options(step.job),
        )


def command_step(step: core.CommandStep | None, visibility: CommandVisibility) -> CommandStep | None:
    """Return a step with what the viewer may see of it."""
    return CommandStep.of(step, visibility) if step else None


@strawberry.type(description="Deploys by a command that runs once for each instance.")
class ShellTarget:
    command: list[str]
    instances: list[str]
    rollback_command: list[str] | None = strawberry.field(
        description="The command that rolls one instance back. Null means the deploy command with the previous version."
    )


@strawberry.type(description="Deploys by changing the image of one container of a workload in a cluster.")
class KubernetesTarget:
    workload: str = strawberry.field(description="The name of the workload, such as a Deployment object.")
    container: str
    service: str | None = strawberry.field(
        description="The Service whose traffic canary and blue-green rollouts control. Null if none is set."
    )
    http_route: str | None = strawberry.field(
        description="A Gateway API HTTPRoute. With it, the weight of a canary is its share of traffic, not of "
        "replicas. Null if none is set."
    )
    restart: bool = strawberry.field(description="Whether pods that already run the image are replaced too.")


DeployTarget = Annotated[
    ShellTarget | KubernetesTarget, strawberry.union("DeployTarget", description="How an application is deployed.")
]


@strawberry.type(description="A Prometheus query and the bounds of its healthy values.")
class MetricCheck:
    name: str
    prometheus_url: str
    query: str = strawberry.field(
        description="The query. It may contain {version} and {color}. Every series of the result must be healthy."
    )
    min: float | None
    max: float | None


@strawberry.type(
    description="How health is checked. At most one of command and httpUrl checks each instance; metrics check the "
    "whole application."
)
class HealthCheck:
    command: list[str] | None
    http_url: str | None = strawberry.field(
        description="The URL to request. It may contain {instance}, {version}, {color} and {service}. Null if no URL "
        "is used."
    )
    expect_status: int
    interval_seconds: int
    timeout_seconds: int
    success_threshold: int = strawberry.field(description="How many successes in a row mean healthy.")
    failure_threshold: int = strawberry.field(description="How many failures in a row mean that the check has failed.")
    metrics: list[MetricCheck]


@strawberry.type(description="A program that can be built, tested and deployed.")
class Application(Node):
    name: str = strawberry.field(description="The unique name, a DNS label.")
    description: str
    repository_url: str | None
    value: strawberry.Private[core.Application]
    archived_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, application: core.Application) -> "Application":
        return cls(
            id=strawberry.ID(application.id),
            name=application.name,
            description=application.description,
            repository_url=application.repository_url,
            value=application,
            archived_at=application.archived_at,
            created_at=application.created_at,
        )

    @strawberry.field(description="The command of the build task. Null if there is no build task.")
    def build(self, info: Info) -> CommandStep | None:
        return command_step(self.value.build, self._visibility(info))

    @strawberry.field(description="The command of the test task. Null if there is no test task.")
    def test(self, info: Info) -> CommandStep | None:
        return command_step(self.value.test, self._visibility(info))

    @strawberry.field
    def deploy(self, info: Info) -> DeployTarget:
        return deploy_target(self.value, self._visibility(info))

    @strawberry.field
    def health_check(self, info: Info) -> HealthCheck | None:
        return health_check(self.value.health_check, self._visibility(info))

    def _visibility(self, info: Info) -> CommandVisibility:
        return of_application(info.context.viewer, self.id)

    @strawberry.field(description="The version that runs now in each environment, as far as you may see it.")
    async def releases(self, info: Info) -> list[Annotated["Release", strawberry.lazy("app.api.types.environments")]]:
        return [wrap(info, "Release", release) for release in await info.context.loaders.releases_of.load(self.id)]

    @strawberry.field(description="The deployments of the application that you may see, newest first.")
    async def deployments(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Annotated["Deployment", strawberry.lazy("app.api.types.deployments")]]:
        arguments = PageArguments(first, after, last, before)
        return await OF_APPLICATION.page(info, self.id, partial(wrap, info, "Deployment"), arguments)

    @strawberry.field(description="The versions that contain the application, newest first.")
    async def versions(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Annotated["Version", strawberry.lazy("app.api.types.versions")]]:
        arguments = PageArguments(first, after, last, before)
        return await VERSIONS.page(info, self.id, partial(wrap, info, "Version"), arguments)


def deploy_target(
    application: core.Application | Definition, visibility: CommandVisibility
) -> ShellTarget | KubernetesTarget:
    """Return the target of an application or definition, with what the viewer may see of it. Raises LookupError."""
    if (kubernetes := application.kubernetes) is not None:
        return KubernetesTarget(
            workload=kubernetes.workload,
            container=kubernetes.container,
            service=kubernetes.service,
            http_route=kubernetes.http_route,
            restart=kubernetes.restart,
        )
    shell = application.shell
    if shell is None:
        raise LookupError(f"application {application.name} has no target")
    rollback = shell.rollback_command
    return ShellTarget(
        command=visibility.command(shell.command),
        instances=list(shell.instances),
        rollback_command=None if rollback is None else visibility.command(rollback),
    )


def health_check(check: core.HealthCheck | None, visibility: CommandVisibility) -> HealthCheck | None:
    """Return a health check with what the viewer may see of it."""
    if check is None:
        return None
    return HealthCheck(
        command=None if check.command is None else visibility.command(check.command),
        http_url=None if check.http_url is None else visibility.text(check.http_url),
        expect_status=check.expect_status,
        interval_seconds=check.interval_seconds,
        timeout_seconds=check.timeout_seconds,
        success_threshold=check.success_threshold,
        failure_threshold=check.failure_threshold,
        metrics=[
            MetricCheck(
                name=metric.name,
                prometheus_url=visibility.text(metric.prometheus_url),
                query=visibility.text(metric.query),
                min=metric.minimum,
                max=metric.maximum,
            )
            for metric in check.metrics
        ],
    )
