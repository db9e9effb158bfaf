"""Inputs about clusters: how one is reached, and what of an application is deployed to it."""

import strawberry

from app.api.inputs.jobs import JobOptionsInput
from app.core import application, environment


@strawberry.input(description="Deploys by changing the image of one container of a workload in a cluster.")
class KubernetesTargetInput:
    workload: str = strawberry.field(
        description="The name of a Deployment object, else of a StatefulSet or a DaemonSet: those take ROLLING only."
    )
    container: str = strawberry.field(description="The container whose image is changed; it may be an init container.")
    service: str | None = strawberry.field(
        default=None, description="The Service that serves it; needed for BLUE_GREEN and with httpRoute."
    )
    http_route: str | None = strawberry.field(
        default=None, description="A Gateway API HTTPRoute: with it, weights of a canary are traffic, not replicas."
    )
    restart: bool | None = strawberry.field(
        default=False,
        description="Replace pods also where they run the image already, as its tag may have moved.",
    )

    def target(self) -> application.KubernetesTarget:
        """Return it as a core value."""
        return application.KubernetesTarget(
            workload=self.workload,
            container=self.container,
            service=self.service,
            http_route=self.http_route,
            restart=bool(self.restart),
        )


@strawberry.input(
    description="How workers reach a cluster. Without context and kubeconfigPath: by the service account of their pod."
)
class KubernetesAccessInput:
    context: str | None = None
    kubeconfig_path: str | None = strawberry.field(
        default=None,
        description="The name of a file in the folder that the workers were started with; it cannot be read again.",
    )
    namespace: str | None = "default"
    job: JobOptionsInput | None = strawberry.field(
        default=None, description="Options of all Jobs there; a step's own go before them."
    )
    service_accounts: list[str] | None = strawberry.field(
        default_factory=list,
        description="The service accounts that steps may choose, beside the one named in job.",
    )

    def connection(self, *path: str) -> environment.KubernetesAccess:
        """Return it as a core value; null stands for the default. Raises Refused."""
        return environment.KubernetesAccess(
            context=self.context,
            kubeconfig_path=self.kubeconfig_path,
            namespace="default" if self.namespace is None else self.namespace,
            job=self.job.options(*path, "job") if self.job else None,
            service_accounts=tuple(self.service_accounts or ()),
        )
