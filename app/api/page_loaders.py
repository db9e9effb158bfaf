"""Loads pages of lists that belong to objects: one statement for all objects with the same page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.core.paging import PageRequest
from app.store import access, approvals, event_feed, templates, versions, workflows
from app.store.history import DeploymentsOf
from app.store.paging import Children

APPROVALS = approvals.OF_DEPLOYMENTS
EVENTS = event_feed.EVENTS
REVISIONS = workflows.REVISIONS
TEMPLATE_VERSIONS = templates.VERSIONS
TOKENS = access.TOKENS
VERSIONS = versions.OF_APPLICATIONS
__all__ = [
    "APPROVALS",
    "EVENTS",
    "REVISIONS",
    "TEMPLATE_VERSIONS",
    "TOKENS",
    "VERSIONS",
    "Children",
    "CountKey",
    "DeploymentsOf",
    "PageKey",
    "load_counts",
    "load_pages",
]


@dataclass(frozen=True, slots=True)
class PageKey:
    """A page of a list that belongs to an object."""

    id: str
    of: Children[Any]
    span: PageRequest


CountKey = tuple[str, Children[Any]]
"""The id of an object, and a list that belongs to it."""


async def load_pages(keys: Sequence[PageKey]) -> list[list[Any]]:
    """Return pages, in the order of the keys."""
    groups: dict[tuple[Children[Any], PageRequest], list[str]] = {}
    for key in keys:
        groups.setdefault((key.of, key.span), []).append(key.id)
    pages = {group: await group[0].pages(ids, group[1]) for group, ids in groups.items()}
    return [pages[key.of, key.span][key.id] for key in keys]


async def load_counts(keys: Sequence[CountKey]) -> list[int]:
    """Return the lengths of lists, in the order of the keys."""
    groups: dict[Children[Any], list[str]] = {}
    for id_, of in keys:
        groups.setdefault(of, []).append(id_)
    counts = {of: await of.counts(ids) for of, ids in groups.items()}
    return [counts[of][id_] for id_, of in keys]
