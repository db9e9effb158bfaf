"""Inputs: shapes of the contract, turned into core values. What they hold is checked further in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import strawberry

from app.api.scalars import JSON
from app.core import application
from app.core.errors import InvalidInput, Refused
from app.services.deployments import Reasoned

NEVER = datetime.fromtimestamp(0, UTC)
"""Stands where a use case sets the time itself."""


def mapping(value: object, *path: str) -> Mapping[str, Any]:
    """Return a JSON object. Raises Refused when the value is another kind of JSON."""
    if value is None or value is strawberry.UNSET:
        return {}
    if not isinstance(value, dict):
        raise Refused(InvalidInput(message="It takes a JSON object.", path=path))
    return value


def given(**fields: object) -> dict[str, object]:
    """Return the fields that were given at all."""
    return {name: value for name, value in fields.items() if value is not strawberry.UNSET}


@strawberry.input(description="An object by its id.")
class ByIdInput:
    id: strawberry.ID
    idempotency_key: str | None = None


@strawberry.input(description="An object by its id, and why.")
class ReasonInput:
    id: strawberry.ID
    reason: str
    force: bool | None = strawberry.field(
        default=False,
        description=(
            "Cancelling: kill what runs instead of waiting for it to end. Rolling a successful deployment back: start "
            "also during a freeze, which is for ADMIN."
        ),
    )
    idempotency_key: str | None = None

    def reasoned(self) -> Reasoned:
        """Return it as a core value."""
        return Reasoned(self.id, self.reason, bool(self.force))


@strawberry.input(description="A command as an argument list, with its limits.")
class CommandStepInput:
    command: list[str]
    image: str | None = None
    env: JSON | None = strawberry.field(default=None, description="Names to strings.")
    timeout_seconds: int | None = 1800
    max_attempts: int | None = 1

    def step(self, *path: str) -> application.CommandStep:
        """Return it as a core value. Raises Refused."""
        return application.CommandStep(
            command=tuple(self.command),
            image=self.image,
            env=mapping(self.env, *path, "env"),
            timeout_seconds=1800 if self.timeout_seconds is None else self.timeout_seconds,
            max_attempts=1 if self.max_attempts is None else self.max_attempts,
        )
