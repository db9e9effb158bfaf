"""Options of Kubernetes Jobs: resources, placement, identity and labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

V = TypeVar("V")


class TolerationOperator(StrEnum):
    """How a toleration compares: EQUAL with its value, EXISTS with any."""

    EQUAL = "EQUAL"
    EXISTS = "EXISTS"


class TaintEffect(StrEnum):
    """The effect of a taint on pods that do not tolerate it."""

    NO_SCHEDULE = "NO_SCHEDULE"
    PREFER_NO_SCHEDULE = "PREFER_NO_SCHEDULE"
    NO_EXECUTE = "NO_EXECUTE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """A toleration of node taints. Without a key it matches every taint, without an effect every effect."""

    key: str | None = None
    operator: TolerationOperator = TolerationOperator.EQUAL
    value: str | None = None
    effect: TaintEffect | None = None
    toleration_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResources:
    """Requests and limits of a container: Kubernetes quantities by the names of resources; None: not set."""

    requests: Mapping[str, str] | None = None
    limits: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """Options of the Jobs of an environment, or of one step; None: not set.

    `labels` and `annotations` apply to the Job and its pod. `run_as_user` is a user id.
    """

    resources: JobResources | None = None
    service_account_name: str | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None
    image_pull_secrets: tuple[str, ...] | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    run_as_user: int | None = None


NONE = JobOptions()


def merged(environment: JobOptions | None, step: JobOptions | None) -> JobOptions:
    """Return the options of a Job: those of its step override those of its environment.

    Maps are merged by key; a list or single value of the step replaces that of the environment.
    """
    base, override = environment or NONE, step or NONE
    base_resources, own_resources = base.resources or JobResources(), override.resources or JobResources()
    return JobOptions(
        resources=JobResources(
            requests=_merged(base_resources.requests, own_resources.requests),
            limits=_merged(base_resources.limits, own_resources.limits),
        ),
        service_account_name=_override(base.service_account_name, override.service_account_name),
        node_selector=_merged(base.node_selector, override.node_selector),
        tolerations=_override(base.tolerations, override.tolerations),
        image_pull_secrets=_override(base.image_pull_secrets, override.image_pull_secrets),
        labels=_merged(base.labels, override.labels),
        annotations=_merged(base.annotations, override.annotations),
        run_as_user=_override(base.run_as_user, override.run_as_user),
    )


def _merged(base: Mapping[str, str] | None, override: Mapping[str, str] | None) -> Mapping[str, str] | None:
    return {**(base or {}), **(override or {})} or None


def _override(base: V | None, override: V | None) -> V | None:
    return base if override is None else override
