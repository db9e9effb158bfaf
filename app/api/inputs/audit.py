"""Inputs about the audit log."""

from datetime import datetime

import strawberry

from app.core import audit
from app.core.validation import bounds, checks
from app.services.use_cases import refuse_if


@strawberry.input(name="AuditFilter", description="Which entries a list holds. Null admits all.")
class AuditFilterInput:
    actor_id: strawberry.ID | None = None
    target_id: strawberry.ID | None = None
    actions: list[str] | None = strawberry.field(default=None, description="Names of mutations.")
    since: datetime | None = strawberry.field(default=None, description="The first moment in the list.")
    until: datetime | None = strawberry.field(default=None, description="The first moment behind it.")

    def filter(self) -> audit.AuditFilter:
        """Return it as a core value. Raises Refused."""
        refuse_if(
            [
                *checks.list_size(self.actions, "filter", "actions"),
                *(
                    problem
                    for each in (self.actions or ())[:1000]
                    for problem in bounds.search(each, "filter", "actions")
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
