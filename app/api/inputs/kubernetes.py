"""Inputs about clusters: how workers reach one, and which workload an application changes."""

import strawberry

from app.api.inputs.jobs import JobOptionsInput
from app.core import application, environment

DEFAULT_NAMESPACE = "default"


@strawberry.input(description="Deploys by changing the image of one container of a workload in a cluster.")
class KubernetesTargetInput:
    workload: str = strawberry.field(
        description="The name of a Deployment object, a StatefulSet or a DaemonSet. The last two support only ROLLING."
    )
    container: str = strawberry.field(description="The container whose image is changed. It may be an init container.")
    service: str | None = strawberry.field(
        default=None, description="The Service of the workload. Required for BLUE_GREEN and with httpRoute."
    )
    http_route: str | None = strawberry.field(
        default=None,
        description="A Gateway API HTTPRoute. With it, the weight of a canary is its share of traffic, not of "
        "replicas.",
    )
    restart: bool | None = strawberry.field(
        default=False,
        description="Whether pods that already run the image are replaced too, as its tag may have moved. "
        "Default: false.",
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
    description="How workers reach a cluster. Without context and kubeconfigPath, they use the service account of "
    "their pod."
)
class KubernetesAccessInput:
    context: str | None = None
    kubeconfig_path: str | None = strawberry.field(
        default=None,
        description="The name of a file in the workers' kubeconfig folder. It cannot be read back.",
    )
    namespace: str | None = DEFAULT_NAMESPACE
    job: JobOptionsInput | None = strawberry.field(
        default=None, description="Options of all Jobs in the cluster. Options of a step override them."
    )
    service_accounts: list[str] | None = strawberry.field(
        default_factory=list,
        description="The service accounts that steps may choose, beside the one that `job` names. Default: none.",
    )

    def connection(self, *path: str) -> environment.KubernetesAccess:
        """Return it as a core value. Null means the default. Raises Refused."""
        return environment.KubernetesAccess(
            context=self.context,
            kubeconfig_path=self.kubeconfig_path,
            namespace=DEFAULT_NAMESPACE if self.namespace is None else self.namespace,
            job=self.job.options(*path, "job") if self.job else None,
            service_accounts=tuple(self.service_accounts or ()),
        )
