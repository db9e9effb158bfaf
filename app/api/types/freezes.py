"""Freeze windows, and how they leave an environment."""

from datetime import datetime

import strawberry

from app.api.context import Info
from app.api.types.common import Node
from app.core import freeze as core


@strawberry.type(description="When no deployment of an environment starts; what runs goes on.")
class FreezeWindow(Node):
    name: str
    reason: str = strawberry.field(description="Shown to whom it holds up.")
    starts_at: datetime = strawberry.field(description="Of a recurring one: of its first occurrence.")
    ends_at: datetime = strawberry.field(description="Of a recurring one: of its first occurrence.")
    recurrence: str | None = strawberry.field(description="An RFC 5545 rule; null: it comes once.")
    timezone: str = strawberry.field(description="IANA. Occurrences repeat in its wall time.")
    value: strawberry.Private[core.FreezeWindow]

    @strawberry.field(
        description="Why it cannot be told when it comes, of a window whose rule or time zone is known no more: it "
        "freezes until it is deleted. Null: it can be told."
    )
    async def fault(self, info: Info) -> str | None:
        runtime = info.context.runtime
        return core.expansion_error(self.value, runtime.clock.now(), runtime.calendar)

    @classmethod
    def of(cls, window: core.FreezeWindow) -> "FreezeWindow":
        return cls(
            id=strawberry.ID(window.id),
            name=window.name,
            reason=window.reason,
            starts_at=window.starts_at,
            ends_at=window.ends_at,
            recurrence=window.recurrence,
            timezone=window.timezone,
            value=window,
        )


@strawberry.type(description="Whether an environment is frozen. Windows that touch are one freeze.")
class FreezeStatus:
    frozen: bool
    window: FreezeWindow | None = strawberry.field(
        description="The window that freezes it now, of several the one that ends last; null while it is not frozen."
    )
    next_start: datetime | None = strawberry.field(description="When the next freeze begins; null: none is in sight.")
    next_end: datetime | None = strawberry.field(
        description="When this freeze ends, or (while not frozen) the next one; null: no end is in sight."
    )

    @classmethod
    def of(cls, status: core.FreezeStatus) -> "FreezeStatus":
        return cls(
            frozen=status.frozen,
            window=FreezeWindow.of(status.window) if status.window else None,
            next_start=status.next_start,
            next_end=status.next_end,
        )
