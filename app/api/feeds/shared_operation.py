"""Subscriptions that can share one execution: the same document and variables, with any cursors.

The argument `after` is taken out of the variables (see `documents.shared_subscription`), so that clients that come back
with a cursor join the others.
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
    """A subscription in its shared form, and its variables without the cursor."""

    encoded_variables: bytes = b"{}"

    def variables_behind(self, cursor: str | None) -> dict[str, Any]:
        """Return the variables with which the operation starts behind a cursor."""
        variables: dict[str, Any] = msgspec.json.decode(self.encoded_variables)
        return variables | {self.cursor_variable: cursor}


def shared_operation(
    text: object, variables: Mapping[str, Any] | None, operation_name: str | None
) -> tuple[SharedOperation, str | None] | None:
    """Return an operation as it is shared, and its start cursor; None when it cannot be shared."""
    if not isinstance(text, str):
        return None
    form = schema.documents.get(text).shared_subscription(operation_name)
    if form is None or not isinstance(variables, Mapping | None):
        return None
    others = dict(variables or {})
    cursor = others.pop(form.cursor_variable, None)
    if cursor is not None and not isinstance(cursor, str):
        return None
    try:
        encoded = _encode(others)
    except (TypeError, ValueError):
        return None
    return SharedOperation(form.text, form.operation_name, form.cursor_variable, form.personal, encoded), cursor
