"""Audit: what is kept of every change that somebody makes, in a form that outlives the objects themselves."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Any

from app.core.deployment import Deployment
from app.core.ids import IdKind
from app.core.masking import masked_views
from app.core.task import Task

DEPLOYMENT = (
    "version_id",
    "environment_id",
    "application_ids",
    "status",
    "paused",
    "manual_approval",
    "attempt",
    "revision",
    "queued_at",
    "rollback_of",
    "freeze_override_reason",
)
TASK = ("deployment_id", "key", "status", "attempt", "require_confirm", "confirmed_by", "resume_at", "error_message")

HIDDEN = frozenset({"kubeconfig_path", "authors", "held"})
"""What is not kept, of whatever object: what nobody can read, and what the log itself tells of an approval."""


@dataclass(frozen=True, slots=True)
class Change:
    """An object before and after a change: core values, or mappings of them. None: there was, or is, no such object."""

    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """Who does what, why, and from which network address (None: not known)."""

    actor_id: str
    action: str
    reason: str | None
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change of one object. `before` and `after` are JSON, with the names that the API gives to fields."""

    id: str
    at: datetime
    actor_id: str
    action: str
    target_id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    reason: str | None
    source_ip: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries a list holds. None admits all; `since` is the first moment in it, `until` the first behind it."""

    actor_id: str | None = None
    target_id: str | None = None
    actions: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(
    act: AuditContext, changes: Mapping[str, Change], at: datetime, new_id: Callable[[IdKind], str]
) -> tuple[AuditEntry, ...]:
    """Return an entry for each object (by id) that an act changed; for all it held where it changed none of them.

    Values of variables with telling names are hidden in it, wherever they stand.
    """
    kept = {id_: (view(change.before), view(change.after)) for id_, change in changes.items()}
    differing = {id_: sides for id_, sides in kept.items() if sides[0] != sides[1]}
    shown = {id_: masked_views(sides) for id_, sides in (differing or kept).items()}
    return tuple(
        AuditEntry(
            id=new_id(IdKind.AUDIT_ENTRY),
            at=at,
            actor_id=act.actor_id,
            action=act.action,
            target_id=id_,
            before=before,
            after=after,
            reason=act.reason,
            source_ip=act.address,
        )
        for id_, (before, after) in shown.items()
    )


FIRST_HASH = "0" * 64
"""What stands for the hash of the entry before the first one."""


@dataclass(frozen=True, slots=True)
class ChainLink:
    """An entry as a link of the chain: its number and hash, and all that the hash is over but the hash before."""

    number: int
    id: str
    at: datetime
    hash: str
    content: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """How far a chain was followed: how many links, the hash of the last one, and what is wrong with the next."""

    length: int = 0
    head: str = FIRST_HASH
    fault: str | None = None


def check_links(chain: ChainCheck, links: Iterable[ChainLink]) -> ChainCheck:
    """Follow a whole chain over some links more, up to the first that is not as it was written."""
    length, head = chain.length, chain.head
    for link in links:
        if link.number != length + 1:
            return ChainCheck(length, head, f"entry {length + 1} is missing; {_named(link)} follows entry {length}")
        if sha256(f"{head} {link.content}".encode()).hexdigest() != link.hash:
            return ChainCheck(
                length, head, f"{_named(link)} is not what was written, or not behind what it was written"
            )
        length, head = link.number, link.hash
    return ChainCheck(length, head)


def _named(link: ChainLink) -> str:
    return f"entry {link.number} ({link.id}, {link.at:%Y-%m-%d %H:%M:%S} UTC)"


def view(value: object) -> Any:
    """Return what is kept of an object as JSON: of deployments and tasks a summary, of everything else all of it."""
    if isinstance(value, Deployment):
        return {_camel(name): to_json(getattr(value, name)) for name in DEPLOYMENT}
    if isinstance(value, Task):
        return {_camel(name): to_json(getattr(value, name)) for name in TASK}
    return to_json(value)


def to_json(value: object) -> Any:
    """Return a value as JSON holds it. Fields are named as the API names them; keys of mappings stay as they are."""
    if is_dataclass(value):
        known = [field.name for field in fields(value) if field.name not in HIDDEN]
        return {_camel(name): to_json(getattr(value, name)) for name in known}
    if isinstance(value, Mapping):
        return {str(key): to_json(content) for key, content in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, Enum) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
