"""The audit log: who changed what."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import strawberry

from app.api.context import Info
from app.api.scalars import JSON
from app.api.types.access import Actor, load_actor
from app.api.types.common import Node
from app.core import audit as core

Finder = Callable[[Info, str], Awaitable[Any]]


@strawberry.type(description="One change of one object. Entries are never changed or removed. For ADMIN.")
class AuditEntry(Node):
    value: strawberry.Private[core.AuditEntry]
    find: strawberry.Private[Finder]
    at: datetime
    action: str = strawberry.field(description="The name of the mutation.")
    target_id: strawberry.ID
    before: JSON | None = strawberry.field(description="The object before the change. Null if it did not exist.")
    after: JSON | None = strawberry.field(description="The object after the change. Null if it no longer exists.")
    reason: str | None
    source_ip: str | None = strawberry.field(description="The network address of the client. Null if it is unknown.")

    @classmethod
    def of(cls, entry: core.AuditEntry, find: Finder) -> "AuditEntry":
        """Return an entry as clients see it. `find` loads its target."""
        return cls(
            id=strawberry.ID(entry.id),
            value=entry,
            find=find,
            at=entry.at,
            action=entry.action,
            target_id=strawberry.ID(entry.target_id),
            before=None if entry.before is None else JSON(entry.before),
            after=None if entry.after is None else JSON(entry.after),
            reason=entry.reason,
            source_ip=entry.source_ip,
        )

    @strawberry.field
    async def actor(self, info: Info) -> Actor:
        return await load_actor(info, self.value.actor_id)

    @strawberry.field(description="The object as it is now. Null if it no longer exists.")
    async def target(self, info: Info) -> Node | None:
        target: Node | None = await self.find(info, self.value.target_id)
        return target
