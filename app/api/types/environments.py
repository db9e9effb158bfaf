"""Environments, and what runs in them."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.context import Info
from app.api.scalars import Cursor
from app.api.types.applications import Application
from app.api.types.approvals import ApprovalPolicy
from app.api.types.common import Connection, Node, PageArguments
from app.api.types.connections import OF_ENVIRONMENT
from app.api.types.freezes import FreezeStatus, FreezeWindow
from app.api.types.jobs import JobOptions, job_options
from app.api.types.references import require, wrap
from app.core import environment as core
from app.core import freeze

if TYPE_CHECKING:
    from app.api.types.deployments import Deployment
    from app.api.types.versions import Version


@strawberry.type(description="How workers reach a cluster. Credentials cannot be read.")
class KubernetesAccess:
    context: str | None
    namespace: str
    job: JobOptions | None = strawberry.field(
        description="Options of all Jobs in the cluster. Options of a step override them. Null if none are set."
    )
    service_accounts: list[str] = strawberry.field(
        description="The service accounts that steps may choose, beside the one that `job` names."
    )

    @classmethod
    def of(cls, access: core.KubernetesAccess) -> "KubernetesAccess":
        return cls(
            context=access.context,
            namespace=access.namespace,
            job=job_options(access.job),
            service_accounts=list(access.service_accounts),
        )


@strawberry.type(description="A place that versions are deployed to.")
class Environment(Node):
    name: str = strawberry.field(description="The unique name, a DNS label.")
    rank: int = strawberry.field(description="The position in promotion order, such as dev 0, staging 1, production 2.")
    operator: core.OperatorKind
    kubernetes: KubernetesAccess | None = strawberry.field(
        description="The access to the cluster. Null unless the operator is KUBERNETES."
    )
    worker_pool: str = strawberry.field(description="The pool of workers that serves the environment.")
    build_pool: str | None = strawberry.field(
        description="The pool that runs PREPARE, BUILD and TEST tasks. Null means the same as `workerPool`."
    )
    max_concurrent_deployments: int
    approval_policy: ApprovalPolicy | None = strawberry.field(
        description="The approval policy, which applies to every deployment. Null if there is none; tasks and steps "
        "can still require approvals."
    )

    @classmethod
    def of(cls, environment: core.Environment) -> "Environment":
        return cls(
            id=strawberry.ID(environment.id),
            name=environment.name,
            rank=environment.rank,
            operator=environment.operator,
            kubernetes=KubernetesAccess.of(environment.kubernetes) if environment.kubernetes else None,
            worker_pool=environment.worker_pool,
            build_pool=environment.build_pool,
            max_concurrent_deployments=environment.max_concurrent_deployments,
            approval_policy=ApprovalPolicy.of(environment.approval_policy) if environment.approval_policy else None,
        )

    @strawberry.field(description="The freeze windows, ordered by their first start.")
    async def freeze_windows(self, info: Info) -> list[FreezeWindow]:
        return [FreezeWindow.of(window) for window in await info.context.loaders.freeze_windows_of.load(self.id)]

    @strawberry.field(description="Whether a freeze is active now, and when that changes.")
    async def freeze(self, info: Info) -> FreezeStatus:
        windows = await info.context.loaders.freeze_windows_of.load(self.id)
        runtime = info.context.runtime
        return FreezeStatus.of(freeze.freeze_status(windows, runtime.clock.now(), runtime.calendar))

    @strawberry.field(description="The version that runs now of each application that you may see.")
    async def releases(self, info: Info) -> list["Release"]:
        return [Release.of(release) for release in await info.context.loaders.releases_in.load(self.id)]

    @strawberry.field(description="The deployments to the environment that you may see, newest first.")
    async def deployments(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Annotated["Deployment", strawberry.lazy("app.api.types.deployments")]]:
        arguments = PageArguments(first, after, last, before)
        return await OF_ENVIRONMENT.page(info, self.id, partial(wrap, info, "Deployment"), arguments)


@strawberry.type(description="The version of an application that runs now in an environment.")
class Release:
    value: strawberry.Private[core.Release]
    since: datetime

    @classmethod
    def of(cls, release: core.Release) -> "Release":
        return cls(value=release, since=release.since)

    @strawberry.field
    async def application(self, info: Info) -> Application:
        return await require(info, "Application", self.value.application_id)

    @strawberry.field
    async def environment(self, info: Info) -> Environment:
        return await require(info, "Environment", self.value.environment_id)

    @strawberry.field
    async def version(self, info: Info) -> Annotated["Version", strawberry.lazy("app.api.types.versions")]:
        return await require(info, "Version", self.value.version_id)

    @strawberry.field
    async def deployment(self, info: Info) -> Annotated["Deployment", strawberry.lazy("app.api.types.deployments")]:
        return await require(info, "Deployment", self.value.deployment_id)
