"""Deploy targets: how applications are deployed."""

from typing import Annotated

import strawberry

from app.core import application as core
from app.core.command_visibility import CommandVisibility
from app.core.deployment import Definition


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


def deploy_target(
    application: core.Application | Definition, visibility: CommandVisibility
) -> ShellTarget | KubernetesTarget:
    """Return the target of an application or definition, with what the viewer may see of it.

    Raises LookupError.
    """
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
