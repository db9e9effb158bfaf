"""What all inputs share. Inputs become core values, and use cases validate their content."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import strawberry

from app.core.errors import InvalidInput, Refused
from app.services.deployments import ReasonedAction

NEVER = datetime.fromtimestamp(0, UTC)
"""The placeholder for a time that the use case sets."""


def mapping(value: object, *path: str) -> Mapping[str, Any]:
    """Return a JSON object, empty for null. Raises Refused if the value is another kind of JSON."""
    if value is None or value is strawberry.UNSET:
        return {}
    if not isinstance(value, dict):
        raise Refused(InvalidInput(message="The value must be a JSON object.", path=path))
    return value


PathOf = Callable[[int], tuple[str, ...]]
"""Returns the path of an item of a list in the input, by its index."""


def mappings(values: Sequence[object], path_of: PathOf, field: str) -> list[Mapping[str, Any]]:
    """Return the JSON objects that a field has in the items of a list. Raises Refused."""
    return [
        value if type(value) is dict else mapping(value, *path_of(index), field) for index, value in enumerate(values)
    ]


def without_unset(**fields: object) -> dict[str, object]:
    """Return the fields that are set, also those that are null."""
    return {name: value for name, value in fields.items() if value is not strawberry.UNSET}


@strawberry.input(description="The id of an object.")
class ByIdInput:
    id: strawberry.ID
    idempotency_key: str | None = None


@strawberry.input(description="The id of an object, and a reason.")
class ReasonInput:
    id: strawberry.ID
    reason: str
    force: bool | None = strawberry.field(
        default=False,
        description=(
            "For cancelling: kill running commands instead of waiting for their end. For rolling back a successful "
            "deployment: start also during a freeze, which takes ADMIN. Default: false."
        ),
    )
    idempotency_key: str | None = None

    def reasoned(self) -> ReasonedAction:
        """Return it as a core value."""
        return ReasonedAction(self.id, self.reason, bool(self.force))
