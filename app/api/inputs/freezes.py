"""Inputs about freeze windows."""

from datetime import datetime

import strawberry

from app.api.inputs.common import NEVER
from app.core.freeze import FreezeWindow
from app.core.texts import normalized


@strawberry.input(description="A new freeze window, once or recurring.")
class CreateFreezeWindowInput:
    environment_id: strawberry.ID
    name: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    recurrence: str | None = strawberry.field(
        default=None,
        description="An RFC 5545 rule with a frequency of days or longer, such as FREQ=WEEKLY;BYDAY=FR. startsAt must "
        "be an occurrence. Parts: FREQ, INTERVAL, COUNT or UNTIL, BYDAY, BYMONTH, BYMONTHDAY, BYSETPOS, WKST. Null "
        "means once.",
    )
    timezone: str | None = strawberry.field(
        default="UTC",
        description="An IANA time zone. A recurring window keeps its local time when the clocks change. If a local "
        "time occurs twice, the window starts at the first and ends at the second. Skipped local times are left out.",
    )
    idempotency_key: str | None = None

    def draft(self) -> FreezeWindow:
        """Return it as a core value."""
        return FreezeWindow(
            id="",
            environment_id=self.environment_id,
            name=normalized(self.name),
            reason=self.reason,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            recurrence=self.recurrence,
            timezone="UTC" if self.timezone is None else self.timezone,
            created_at=NEVER,
        )
