"""Options of Jobs in a cluster."""

import strawberry

from app.api.scalars import JSON
from app.core import job_options as core


@strawberry.type(description="A taint of nodes that the pod of a Job tolerates.")
class Toleration:
    key: str | None = strawberry.field(description="The key of the taint. Null means every taint.")
    operator: core.TolerationOperator = strawberry.field(
        description="Whether the taint must have a certain value or may have any."
    )
    value: str | None = strawberry.field(description="The value of the taint, with EQUAL. Null if none is set.")
    effect: core.TaintEffect | None = strawberry.field(description="The effect of the taint. Null means every effect.")
    toleration_seconds: int | None = strawberry.field(
        description="How many seconds the taint is tolerated, with NO_EXECUTE. Null means without limit."
    )

    @classmethod
    def of(cls, toleration: core.Toleration) -> "Toleration":
        return cls(
            key=toleration.key,
            operator=toleration.operator,
            value=toleration.value,
            effect=toleration.effect,
            toleration_seconds=toleration.toleration_seconds,
        )


@strawberry.type(description="The resource requests and limits of a container, as Kubernetes quantities.")
class JobResources:
    requests: JSON | None = strawberry.field(
        description="The requests: an object of names and quantities. Null if none are set."
    )
    limits: JSON | None = strawberry.field(
        description="The limits: an object of names and quantities. Null if none are set."
    )

    @classmethod
    def of(cls, resources: core.JobResources) -> "JobResources":
        return cls(requests=_json(resources.requests), limits=_json(resources.limits))


@strawberry.type(
    description="Options of Jobs in a cluster. Options of a step override those of its environment: objects are "
    "merged by key, and lists and single values are replaced. Null means not set."
)
class JobOptions:
    resources: JobResources | None = strawberry.field(description="The resource requests and limits of the container.")
    service_account_name: str | None = strawberry.field(
        description="The service account of the Jobs, with its token. Null means the default one of the namespace, "
        "without its token."
    )
    node_selector: JSON | None = strawberry.field(description="The labels that a node must have.")
    tolerations: list[Toleration] | None = strawberry.field(description="The taints of nodes that the pod tolerates.")
    image_pull_secrets: list[str] | None = strawberry.field(description="The names of the secrets that pull the image.")
    labels: JSON | None = strawberry.field(description="Labels of the Job and its pod.")
    annotations: JSON | None = strawberry.field(
        description="Annotations of the Job and its pod. *** replaces the values if you may not see the command."
    )
    run_as_user: int | None = strawberry.field(
        description="The numeric id of the user that runs the command. Null means the user of the image."
    )

    @classmethod
    def of(cls, options: core.JobOptions) -> "JobOptions":
        resources, tolerations = options.resources, options.tolerations
        return cls(
            resources=JobResources.of(resources) if resources else None,
            service_account_name=options.service_account_name,
            node_selector=_json(options.node_selector),
            tolerations=None if tolerations is None else [Toleration.of(toleration) for toleration in tolerations],
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
