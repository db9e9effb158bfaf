"""What a Job may be told beside its command: of the machine that runs it, and of how the cluster treats it."""

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
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NO_SCHEDULE"
    PREFER_NO_SCHEDULE = "PREFER_NO_SCHEDULE"
    NO_EXECUTE = "NO_EXECUTE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Toleration:
    """A taint of nodes that a pod bears. Without a key: every taint; without an effect: each of them."""

    key: str | None = None
    operator: TolerationOperator = TolerationOperator.EQUAL
    value: str | None = None
    effect: TaintEffect | None = None
    toleration_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResources:
    """What a container is given at least, and at most: quantities by the names of resources, as the cluster has them.

    None: nothing is said.
    """

    requests: Mapping[str, str] | None = None
    limits: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """Options of the Jobs of an environment, or of one step. What is None is not said here.

    `labels` and `annotations` are of the Job and its pod. `run_as_user` is a number of a user.
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
    """Return what holds for a Job: what its step says goes before what its environment says.

    Maps are merged by their keys; a list or a single value of the step takes the place of the environment's.
    """
    usual, own = environment or NONE, step or NONE
    given, wanted = usual.resources or JobResources(), own.resources or JobResources()
    return JobOptions(
        resources=JobResources(
            requests=_both(given.requests, wanted.requests), limits=_both(given.limits, wanted.limits)
        ),
        service_account_name=_either(usual.service_account_name, own.service_account_name),
        node_selector=_both(usual.node_selector, own.node_selector),
        tolerations=_either(usual.tolerations, own.tolerations),
        image_pull_secrets=_either(usual.image_pull_secrets, own.image_pull_secrets),
        labels=_both(usual.labels, own.labels),
        annotations=_both(usual.annotations, own.annotations),
        run_as_user=_either(usual.run_as_user, own.run_as_user),
    )


def _both(usual: Mapping[str, str] | None, own: Mapping[str, str] | None) -> Mapping[str, str] | None:
    return {**(usual or {}), **(own or {})} or None


def _either(usual: V | None, own: V | None) -> V | None:
    return usual if own is None else own
