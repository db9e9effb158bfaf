"""Why a subscriber gets nothing more from a shared feed, and what each transport does then.

| error             | WebSocket                                   | server-sent events and multipart                  |
|-------------------|---------------------------------------------|---------------------------------------------------|
| `NotSharedError`  | executes the operation for this client alone | executes the operation for this client alone      |
| `AccessLostError` | closes the socket with 4403                 | sends a last result, FORBIDDEN, and completes      |
| `FeedBrokenError` | closes the socket with 1012                 | breaks the connection off, without a completion   |

After `FeedBrokenError` clients reconnect, and go on behind their last cursor.
"""

from typing import Any


class NotSharedError(Exception):
    """The operation has to be executed for its client alone, with this document and these variables."""

    def __init__(self, text: str, variables: dict[str, Any]) -> None:
        super().__init__("not shared")
        self.text = text
        self.variables = variables


class AccessLostError(Exception):
    """The subscriber's token was revoked or has expired."""

    def __init__(self) -> None:
        super().__init__("Your token is no longer valid. Subscribe again with another one.")


class FeedBrokenError(Exception):
    """The shared execution failed unexpectedly; the log has the cause."""
