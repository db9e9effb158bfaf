"""Inputs about freeze windows."""

from datetime import datetime

import strawberry

from app.api.inputs.common import NEVER
from app.core.freeze import FreezeWindow
from app.core.texts import normalized


@strawberry.input(description="A new freeze window. A recurring one says when it comes first.")
class CreateFreezeWindowInput:
    environment_id: strawberry.ID
    name: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    recurrence: str | None = strawberry.field(
        default=None,
        description="An RFC 5545 rule of days or longer, such as FREQ=WEEKLY;BYDAY=FR. startsAt must be an occurrence. "
        "Parts: FREQ, INTERVAL, COUNT or UNTIL, BYDAY, BYMONTH, BYMONTHDAY, BYSETPOS, WKST.",
    )
    timezone: str | None = strawberry.field(
        default="UTC",
        description="IANA. A recurring window keeps its wall time there when the clocks change. Where they show a time "
        "twice, it begins with the first and ends with the second; what they leap over is left out that day.",
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
