"""Inputs about people, programs, tokens and grants."""

from datetime import datetime

import strawberry

from app.core import access
from app.core.roles import Role
from app.services.access import GrantRequest


@strawberry.input(description="A new service account.")
class CreateServiceAccountInput:
    name: str
    idempotency_key: str | None = None


@strawberry.input(description="A new token, for a service account or for oneself.")
class CreateApiTokenInput:
    name: str
    scopes: list[Role] = strawberry.field(description="They narrow the owner's grants.")
    service_account_id: strawberry.ID | None = strawberry.field(default=None, description="Null: for oneself.")
    expires_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.input(description="A role on an environment, an application, both, or (where null) all of them.")
class GrantInput:
    actor_id: strawberry.ID
    role: Role
    environment_id: strawberry.ID | None = None
    application_id: strawberry.ID | None = None
    idempotency_key: str | None = None

    def request(self) -> GrantRequest:
        """Return it as a core value."""
        return GrantRequest(self.actor_id, access.Grant(self.role, self.environment_id, self.application_id))
