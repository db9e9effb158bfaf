"""Options of Jobs in a cluster."""

import strawberry

from app.api.scalars import JSON
from app.core import job_options as core


@strawberry.type(description="A taint of nodes that a Job's pod bears.")
class Toleration:
    key: str | None = strawberry.field(description="The taint's key; null: every taint.")
    operator: core.TolerationOperator = strawberry.field(description="Whether the taint has this value, or any.")
    value: str | None = strawberry.field(description="The taint's value, with EQUAL.")
    effect: core.TaintEffect | None = strawberry.field(description="The taint's effect; null: each of them.")
    toleration_seconds: int | None = strawberry.field(
        description="How long it is borne, with NO_EXECUTE; null: for ever."
    )


@strawberry.type(description="What a container is given at least, and at most. Quantities are as a cluster has them.")
class JobResources:
    requests: JSON | None = strawberry.field(description="What it is given at least: names to quantities.")
    limits: JSON | None = strawberry.field(description="What it gets at most: names to quantities.")


@strawberry.type(
    description="Options of Jobs in a cluster. A step's go before its environment's: maps are merged by their keys, "
    "lists and single values replace. What is null is not said here."
)
class JobOptions:
    resources: JobResources | None = strawberry.field(description="What the container is given at least, and at most.")
    service_account_name: str | None = strawberry.field(
        description="The service account that Jobs run as, with its token; null: the namespace's default, without."
    )
    node_selector: JSON | None = strawberry.field(description="The labels of the nodes that may take it.")
    tolerations: list[Toleration] | None = strawberry.field(description="The taints of nodes that it bears.")
    image_pull_secrets: list[str] | None = strawberry.field(
        description="The names of secrets with which its image is pulled."
    )
    labels: JSON | None = strawberry.field(description="Labels of the Job and its pod.")
    annotations: JSON | None = strawberry.field(
        description="Annotations of the Job and its pod. Values are *** where arguments of commands are."
    )
    run_as_user: int | None = strawberry.field(
        description="The number of the user that runs the command; null: the image's own."
    )

    @classmethod
    def of(cls, options: core.JobOptions) -> "JobOptions":
        found = options.resources
        return cls(
            resources=JobResources(requests=_json(found.requests), limits=_json(found.limits)) if found else None,
            service_account_name=options.service_account_name,
            node_selector=_json(options.node_selector),
            tolerations=None if options.tolerations is None else [_toleration(one) for one in options.tolerations],
            image_pull_secrets=None if options.image_pull_secrets is None else list(options.image_pull_secrets),
            labels=_json(options.labels),
            annotations=_json(options.annotations),
            run_as_user=options.run_as_user,
        )


def job_options(options: core.JobOptions | None) -> JobOptions | None:
    """Return options as clients see them."""
    return JobOptions.of(options) if options else None


def _json(value: object) -> JSON | None:
    return None if value is None else JSON(value)


def _toleration(one: core.Toleration) -> Toleration:
    return Toleration(
        key=one.key,
        operator=one.operator,
        value=one.value,
        effect=one.effect,
        toleration_seconds=one.toleration_seconds,
    )
