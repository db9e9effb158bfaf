"""Inputs about Jobs: the options that a cluster gets beside the command."""

from collections.abc import Mapping

import strawberry

from app.api.execution.plain_inputs import plain_input
from app.api.inputs.common import mapping
from app.api.scalars import JSON
from app.core import job_options as core
from app.core.job_options import TaintEffect, TolerationOperator


def text_mapping(value: object, *path: str) -> Mapping[str, str] | None:
    """Return a mapping of names to texts, None for null. Numbers become texts. Raises Refused."""
    if value is None:
        return None
    return {
        name: str(content) if type(content) in (int, float) else content
        for name, content in mapping(value, *path).items()
    }


@plain_input()
@strawberry.input(description="A taint of nodes that the pod of a Job tolerates.")
class TolerationInput:
    key: str | None = strawberry.field(
        default=None, description="The key of the taint. Null, with EXISTS, means every taint."
    )
    operator: TolerationOperator | None = strawberry.field(
        default=TolerationOperator.EQUAL,
        description="Whether the taint must have a certain value or may have any. Default: EQUAL.",
    )
    value: str | None = strawberry.field(default=None, description="The value of the taint, with EQUAL.")
    effect: TaintEffect | None = strawberry.field(
        default=None, description="The effect of the taint. Null means every effect."
    )
    toleration_seconds: int | None = strawberry.field(
        default=None, description="How many seconds the taint is tolerated, with NO_EXECUTE. Null means without limit."
    )

    def toleration(self) -> core.Toleration:
        """Return it as a core value. Null means the default."""
        return core.Toleration(
            key=self.key,
            operator=self.operator or TolerationOperator.EQUAL,
            value=self.value,
            effect=self.effect,
            toleration_seconds=self.toleration_seconds,
        )


@plain_input()
@strawberry.input(description="The resource requests and limits of a container, as Kubernetes quantities.")
class JobResourcesInput:
    requests: JSON | None = strawberry.field(
        default=None, description='The requests: an object of names and quantities, such as {"cpu": "500m"}.'
    )
    limits: JSON | None = strawberry.field(
        default=None, description='The limits: an object of names and quantities, such as {"memory": "1Gi"}.'
    )

    def resources(self, *path: str) -> core.JobResources:
        """Return it as a core value. Raises Refused."""
        return core.JobResources(
            requests=text_mapping(self.requests, *path, "requests"), limits=text_mapping(self.limits, *path, "limits")
        )


@plain_input(resources=JobResourcesInput, tolerations=TolerationInput)
@strawberry.input(
    description="Options of Jobs in a cluster. Options of a step override those of its environment: objects are merged "
    "by key, and lists and single values are replaced. Null means not set."
)
class JobOptionsInput:
    resources: JobResourcesInput | None = strawberry.field(
        default=None, description="The resource requests and limits of the container."
    )
    service_account_name: str | None = strawberry.field(
        default=None,
        description="The service account of the Jobs, with its token. A step may name any that its environment allows.",
    )
    node_selector: JSON | None = strawberry.field(
        default=None, description="The labels that a node must have: an object of keys and strings."
    )
    tolerations: list[TolerationInput] | None = strawberry.field(
        default=None, description="The taints of nodes that the pod tolerates."
    )
    image_pull_secrets: list[str] | None = strawberry.field(
        default=None, description="The names of the secrets that pull the image."
    )
    labels: JSON | None = strawberry.field(
        default=None,
        description="Labels of the Job and its pod: an object of keys and strings. Keys of boreas.dev are reserved.",
    )
    annotations: JSON | None = strawberry.field(
        default=None,
        description="Annotations of the Job and its pod: an object of keys and strings. Keys of boreas.dev are "
        "reserved.",
    )
    run_as_user: int | None = strawberry.field(
        default=None, description="The numeric id of the user that runs the command. Null means the user of the image."
    )

    def options(self, *path: str) -> core.JobOptions:
        """Return it as a core value. Raises Refused."""
        tolerations = self.tolerations
        return core.JobOptions(
            resources=self.resources.resources(*path, "resources") if self.resources else None,
            service_account_name=self.service_account_name,
            node_selector=text_mapping(self.node_selector, *path, "nodeSelector"),
            tolerations=None if tolerations is None else tuple(item.toleration() for item in tolerations),
            image_pull_secrets=None if self.image_pull_secrets is None else tuple(self.image_pull_secrets),
            labels=text_mapping(self.labels, *path, "labels"),
            annotations=text_mapping(self.annotations, *path, "annotations"),
            run_as_user=self.run_as_user,
        )
