"""The audit log: an entry for every change by an actor, which outlives the changed objects."""

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
"""Fields that are not logged: unreadable ones, and those that the log itself contains."""


@dataclass(frozen=True, slots=True)
class Change:
    """An object before and after a change, as core values or mappings of them; None: no object."""

    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """Who does what, why, and from which network address (None: unknown)."""

    actor_id: str
    action: str
    reason: str | None
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change of one object. `before` and `after` are JSON with the field names of the API."""

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
    """Which entries a list contains; None admits all. `since` is included, `until` is not."""

    actor_id: str | None = None
    target_id: str | None = None
    actions: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(
    context: AuditContext, changes: Mapping[str, Change], at: datetime, new_id: Callable[[IdKind], str]
) -> tuple[AuditEntry, ...]:
    """Return an entry for each object (by id) that an action changed; for all of them if it changed none.

    The values of variables with secret names are masked everywhere.
    """
    views = {id_: (view(change.before), view(change.after)) for id_, change in changes.items()}
    differing = {id_: sides for id_, sides in views.items() if sides[0] != sides[1]}
    masked = {id_: masked_views(sides) for id_, sides in (differing or views).items()}
    return tuple(
        AuditEntry(
            id=new_id(IdKind.AUDIT_ENTRY),
            at=at,
            actor_id=context.actor_id,
            action=context.action,
            target_id=id_,
            before=before,
            after=after,
            reason=context.reason,
            source_ip=context.address,
        )
        for id_, (before, after) in masked.items()
    )


FIRST_HASH = "0" * 64
"""The previous hash of the first entry."""


@dataclass(frozen=True, slots=True)
class ChainLink:
    """An entry of the hash chain: its number, its hash, and the content hashed after the previous hash."""

    number: int
    id: str
    at: datetime
    hash: str
    content: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """The state of a chain check: checked links, the last hash, and the fault of the next link."""

    length: int = 0
    head: str = FIRST_HASH
    fault: str | None = None


def check_links(check: ChainCheck, links: Iterable[ChainLink]) -> ChainCheck:
    """Continue a check over more links, up to the first that was changed or is missing."""
    length, head = check.length, check.head
    for link in links:
        if link.number != length + 1:
            return ChainCheck(length, head, f"entry {length + 1} is missing: {_label(link)} follows entry {length}")
        if sha256(f"{head} {link.content}".encode()).hexdigest() != link.hash:
            return ChainCheck(
                length, head, f"{_label(link)} was changed, or does not follow the entry that it was written after"
            )
        length, head = link.number, link.hash
    return ChainCheck(length, head)


def _label(link: ChainLink) -> str:
    return f"entry {link.number} ({link.id}, {link.at:%Y-%m-%d %H:%M:%S} UTC)"


def view(value: object) -> Any:
    """Return the logged JSON of an object: a summary of deployments and tasks, else every field."""
    if isinstance(value, Deployment):
        return {_camel(name): to_json(getattr(value, name)) for name in DEPLOYMENT}
    if isinstance(value, Task):
        return {_camel(name): to_json(getattr(value, name)) for name in TASK}
    return to_json(value)


def to_json(value: object) -> Any:
    """Return a value as JSON. Fields get their API names; keys of mappings stay unchanged."""
    if is_dataclass(value):
        names = [field.name for field in fields(value) if field.name not in HIDDEN]
        return {_camel(name): to_json(getattr(value, name)) for name in names}
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
