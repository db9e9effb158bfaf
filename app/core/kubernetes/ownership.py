"""Whose the objects of a cluster are: what an application names there, no other application may name."""

from collections.abc import Iterator, Sequence

from app.core.application import Application, KubernetesTarget
from app.core.errors import InvalidInput
from app.core.kubernetes.workloads import CANARY, PREVIEW

BESIDE = {"workload": (CANARY, PREVIEW), "service": (CANARY, PREVIEW), "http_route": ()}
"""What Boreas makes beside an object during a rollout, by the target's field: objects of its name with a suffix."""
FIELDS = {"workload": "workload", "service": "service", "http_route": "httpRoute"}
"""What the API calls the fields that name objects."""


def named_objects(target: KubernetesTarget | None) -> tuple[str | None, ...]:
    """Return the objects that a target names."""
    return tuple(getattr(target, field) if target else None for field in FIELDS)


def reserved_names(target: KubernetesTarget) -> dict[str, frozenset[str]]:
    """Return, by field, the names that no other application may have.

    These are its own names, those that Boreas makes from them, and those from which Boreas would make its own.
    """
    return {field: _rivals(getattr(target, field), suffixes) for field, suffixes in BESIDE.items()}


def _rivals(name: str | None, suffixes: Sequence[str]) -> frozenset[str]:
    if name is None:
        return frozenset()
    ends = [f"-{suffix}" for suffix in suffixes]
    above = (name.removesuffix(end) for end in ends if name.endswith(end))
    return frozenset({name, *(name + end for end in ends), *above})


def name_conflicts(
    target: KubernetesTarget, before: KubernetesTarget | None, others: Sequence[Application]
) -> Iterator[InvalidInput]:
    """Yield what a target newly names, and another application has."""
    for field, names in reserved_names(target).items():
        if before is not None and getattr(before, field) == getattr(target, field):
            continue
        for other in others:
            theirs = getattr(other.kubernetes, field, None)
            if theirs in names:
                state = " (archived)" if other.archived_at else ""
                yield InvalidInput(
                    message=f"The application “{other.name}”{state} has the {FIELDS[field]} “{theirs}”; an object of a "
                    "cluster belongs to one application. Name another one, or let an ADMIN change that one first.",
                    path=("kubernetes", FIELDS[field]),
                )
