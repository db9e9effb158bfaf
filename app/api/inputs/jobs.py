"""Inputs about Jobs: what a cluster is told of them beside the command."""

from collections.abc import Mapping

import strawberry

from app.api.execution.plain_inputs import plain_input
from app.api.inputs.common import mapping
from app.api.scalars import JSON
from app.core import job_options as core
from app.core.job_options import TaintEffect, TolerationOperator


def texts(value: object, *path: str) -> Mapping[str, str] | None:
    """Return names to texts, None where nothing is given. Numbers become texts. Raises Refused."""
    if value is None:
        return None
    return {
        name: str(content) if type(content) in (int, float) else content
        for name, content in mapping(value, *path).items()
    }


@plain_input()
@strawberry.input(description="A taint of nodes that a Job's pod bears.")
class TolerationInput:
    key: str | None = strawberry.field(default=None, description="The taint's key; null, with EXISTS: every taint.")
    operator: TolerationOperator | None = strawberry.field(
        default=TolerationOperator.EQUAL, description="Whether the taint has this value, or any."
    )
    value: str | None = strawberry.field(default=None, description="The taint's value, with EQUAL.")
    effect: TaintEffect | None = strawberry.field(default=None, description="The taint's effect; null: each of them.")
    toleration_seconds: int | None = strawberry.field(
        default=None, description="How long it is borne, with NO_EXECUTE; null: for ever."
    )

    def toleration(self) -> core.Toleration:
        """Return it as a core value; null stands for the default."""
        return core.Toleration(
            key=self.key,
            operator=self.operator or TolerationOperator.EQUAL,
            value=self.value,
            effect=self.effect,
            toleration_seconds=self.toleration_seconds,
        )


@plain_input()
@strawberry.input(description="What a container is given at least, and at most. Quantities are as a cluster has them.")
class JobResourcesInput:
    requests: JSON | None = strawberry.field(
        default=None, description='What it is given at least: names to quantities, such as {"cpu": "500m"}.'
    )
    limits: JSON | None = strawberry.field(
        default=None, description='What it gets at most: names to quantities, such as {"memory": "1Gi"}.'
    )

    def resources(self, *path: str) -> core.JobResources:
        """Return it as a core value. Raises Refused."""
        return core.JobResources(
            requests=texts(self.requests, *path, "requests"), limits=texts(self.limits, *path, "limits")
        )


@plain_input(resources=JobResourcesInput, tolerations=TolerationInput)
@strawberry.input(
    description="Options of Jobs in a cluster. A step's go before its environment's: maps are merged by their keys, "
    "lists and single values replace. Null says nothing."
)
class JobOptionsInput:
    resources: JobResourcesInput | None = strawberry.field(
        default=None, description="What the container is given at least, and at most."
    )
    service_account_name: str | None = strawberry.field(
        default=None,
        description="The service account that Jobs run as, with its token. A step may name one of its environment's.",
    )
    node_selector: JSON | None = strawberry.field(
        default=None, description="The labels of the nodes that may take it: keys to strings."
    )
    tolerations: list[TolerationInput] | None = strawberry.field(
        default=None, description="The taints of nodes that it bears."
    )
    image_pull_secrets: list[str] | None = strawberry.field(
        default=None, description="The names of secrets with which its image is pulled."
    )
    labels: JSON | None = strawberry.field(
        default=None, description="Labels of the Job and its pod: keys to strings; none of boreas.dev."
    )
    annotations: JSON | None = strawberry.field(
        default=None, description="Annotations of the Job and its pod: keys to strings; none of boreas.dev."
    )
    run_as_user: int | None = strawberry.field(
        default=None, description="The number of the user that runs the command; null: the image's own."
    )

    def options(self, *path: str) -> core.JobOptions:
        """Return it as a core value. Raises Refused."""
        return core.JobOptions(
            resources=self.resources.resources(*path, "resources") if self.resources else None,
            service_account_name=self.service_account_name,
            node_selector=texts(self.node_selector, *path, "nodeSelector"),
            tolerations=None if self.tolerations is None else tuple(one.toleration() for one in self.tolerations),
            image_pull_secrets=None if self.image_pull_secrets is None else tuple(self.image_pull_secrets),
            labels=texts(self.labels, *path, "labels"),
            annotations=texts(self.annotations, *path, "annotations"),
            run_as_user=self.run_as_user,
        )
