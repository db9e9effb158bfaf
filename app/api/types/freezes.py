"""Freeze windows, and whether an environment is frozen."""

from datetime import datetime

import strawberry

from app.api.context import Info
from app.api.types.common import Node
from app.core import freeze as core


@strawberry.type(
    description="A time during which no deployment to an environment starts. Running deployments continue."
)
class FreezeWindow(Node):
    name: str
    reason: str = strawberry.field(description="The reason. People whose deployments wait see it.")
    starts_at: datetime = strawberry.field(
        description="When the window starts. For a recurring window, when its first occurrence starts."
    )
    ends_at: datetime = strawberry.field(
        description="When the window ends. For a recurring window, when its first occurrence ends."
    )
    recurrence: str | None = strawberry.field(
        description="The RFC 5545 rule of a recurring window. Null if the window occurs once."
    )
    timezone: str = strawberry.field(description="The IANA time zone in whose local time the window recurs.")
    value: strawberry.Private[core.FreezeWindow]

    @strawberry.field(
        description="Why the occurrences cannot be computed, such as an unknown time zone. Such a window freezes "
        "until it is deleted. Null if there is no fault."
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


@strawberry.type(description="Whether an environment is frozen. Windows that touch or overlap count as one freeze.")
class FreezeStatus:
    frozen: bool
    window: FreezeWindow | None = strawberry.field(
        description="The active freeze window; of several, the one that ends last. Null if none is active."
    )
    next_start: datetime | None = strawberry.field(description="When the next freeze starts. Null if none is known.")
    next_end: datetime | None = strawberry.field(
        description="When the active freeze ends, or the next one if none is active. Null if no end is known."
    )

    @classmethod
    def of(cls, status: core.FreezeStatus) -> "FreezeStatus":
        return cls(
            frozen=status.frozen,
            window=FreezeWindow.of(status.window) if status.window else None,
            next_start=status.next_start,
            next_end=status.next_end,
        )
