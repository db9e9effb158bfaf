"""Which subscriptions can share one execution: the same document and variables, from whatever cursor each starts.

The argument `after` is taken out of what subscribers must have in common (see `documents.shared_subscription`), so
those who come back with a cursor join the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from app.api.documents.shared_subscription import SharedSubscription
from app.api.schema import schema

_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class SharedOperation(SharedSubscription):
    """A subscription in its shared form, and its variables without the position that it starts from."""

    variables: bytes = b"{}"

    def given(self, position: str | None) -> dict[str, Any]:
        """Return the variables with which it starts behind a position."""
        variables: dict[str, Any] = msgspec.json.decode(self.variables)
        return variables | {self.after: position}


def shared_operation(
    text: object, variables: Mapping[str, Any] | None, operation_name: str | None
) -> tuple[SharedOperation, str | None] | None:
    """Return an operation as it can be shared, and the position that it is to start from; None when it cannot be."""
    if not isinstance(text, str):
        return None
    form = schema.documents.get(text).shared_subscription(operation_name)
    if form is None or not isinstance(variables, Mapping | None):
        return None
    others = dict(variables or {})
    position = others.pop(form.after, None)
    if position is not None and not isinstance(position, str):
        return None
    try:
        encoded = _encode(others)
    except (TypeError, ValueError):
        return None
    return SharedOperation(form.text, form.operation_name, form.after, form.personal, encoded), position
