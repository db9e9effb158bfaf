"""Inputs about the audit log."""

from datetime import datetime

import strawberry

from app.core import audit
from app.core.validation import bounds, checks
from app.services.use_cases import refuse_if

MAX_CHECKED_ACTIONS = 1000
"""How many names are checked one by one: a list that is longer is refused as a whole."""


@strawberry.input(name="AuditFilter", description="Conditions on audit entries. A null condition matches all.")
class AuditFilterInput:
    actor_id: strawberry.ID | None = None
    target_id: strawberry.ID | None = None
    actions: list[str] | None = strawberry.field(
        default=None, description="Only changes by one of these mutations, such as createDeployment. Null matches all."
    )
    since: datetime | None = strawberry.field(
        default=None, description="Only changes at this time or later. Null means no limit."
    )
    until: datetime | None = strawberry.field(
        default=None, description="Only changes before this time. Null means no limit."
    )

    def filter(self) -> audit.AuditFilter:
        """Return it as a core value. Raises Refused."""
        refuse_if(
            [
                *checks.list_size(self.actions, "filter", "actions"),
                *(
                    problem
                    for action in (self.actions or ())[:MAX_CHECKED_ACTIONS]
                    for problem in bounds.search(action, "filter", "actions")
                ),
            ]
        )
        return audit.AuditFilter(
            actor_id=self.actor_id,
            target_id=self.target_id,
            actions=None if self.actions is None else tuple(self.actions),
            since=self.since,
            until=self.until,
        )
