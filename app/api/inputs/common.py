"""Inputs: shapes of the contract, turned into core values. What they hold is checked further in."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import strawberry

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


Place = Callable[[int], tuple[str, ...]]
"""Returns the path of an item of a list in the input."""


def mappings(values: Sequence[object], place: Place, field: str) -> list[Mapping[str, Any]]:
    """Return the JSON objects that a field has in the items of a list. Raises Refused."""
    return [
        value if type(value) is dict else mapping(value, *place(index), field) for index, value in enumerate(values)
    ]


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
