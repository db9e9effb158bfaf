"""Inputs about service accounts, tokens and grants."""

from datetime import datetime

import strawberry

from app.core import access
from app.core.roles import Role
from app.services.access import GrantRequest


@strawberry.input(description="A new service account.")
class CreateServiceAccountInput:
    name: str
    idempotency_key: str | None = None


@strawberry.input(description="A new token, for yourself or for a service account.")
class CreateApiTokenInput:
    name: str
    scopes: list[Role] = strawberry.field(description="The roles that the token may use, within its owner's grants.")
    service_account_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of the service account. Null creates a token for yourself."
    )
    expires_at: datetime | None = None
    idempotency_key: str | None = None


@strawberry.input(description="A role on an environment, an application, or both. Null means all of them.")
class GrantInput:
    actor_id: strawberry.ID
    role: Role
    environment_id: strawberry.ID | None = None
    application_id: strawberry.ID | None = None
    idempotency_key: str | None = None

    def request(self) -> GrantRequest:
        """Return it as a core value."""
        return GrantRequest(self.actor_id, access.Grant(self.role, self.environment_id, self.application_id))
