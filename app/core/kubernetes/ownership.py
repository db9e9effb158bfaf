"""Ownership of cluster objects: no two applications may name the same object."""

from collections.abc import Iterator, Sequence

from app.core.application import Application, KubernetesTarget
from app.core.errors import InvalidInput
from app.core.kubernetes.workloads import CANARY, PREVIEW

SUFFIXES = {"workload": (CANARY, PREVIEW), "service": (CANARY, PREVIEW), "http_route": ()}
"""Suffixes of the names of objects that Boreas creates during a rollout, by the field of the target."""
FIELDS = {"workload": "workload", "service": "service", "http_route": "httpRoute"}
"""API names of the fields that name objects."""


def named_objects(target: KubernetesTarget | None) -> tuple[str | None, ...]:
    """Return the names of the objects of a target."""
    return tuple(getattr(target, field) if target else None for field in FIELDS)


def reserved_names(target: KubernetesTarget) -> dict[str, frozenset[str]]:
    """Return, by field, the names that no other application may use.

    These are its own names, names that Boreas derives from them, and names from which Boreas would derive its own.
    """
    return {field: _reserved(getattr(target, field), suffixes) for field, suffixes in SUFFIXES.items()}


def _reserved(name: str | None, suffixes: Sequence[str]) -> frozenset[str]:
    if name is None:
        return frozenset()
    endings = [f"-{suffix}" for suffix in suffixes]
    bases = (name.removesuffix(ending) for ending in endings if name.endswith(ending))
    return frozenset({name, *(name + ending for ending in endings), *bases})


def name_conflicts(
    target: KubernetesTarget, before: KubernetesTarget | None, others: Sequence[Application]
) -> Iterator[InvalidInput]:
    """Yield a problem for each changed name of a target that another application uses."""
    for field, names in reserved_names(target).items():
        if before is not None and getattr(before, field) == getattr(target, field):
            continue
        for other in others:
            name = getattr(other.kubernetes, field, None)
            if name in names:
                state = " (archived)" if other.archived_at else ""
                yield InvalidInput(
                    message=f"The application “{other.name}”{state} uses the {FIELDS[field]} “{name}”; "
                    "a cluster object belongs to one application. Use another name, or let an ADMIN change that one.",
                    path=("kubernetes", FIELDS[field]),
                )
