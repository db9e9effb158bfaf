"""What may go wrong with a call to a cluster, in two kinds: it may pass, or it will not."""

import json
import re
from typing import Any

MESSAGE_LENGTH = 500
"""Characters of a cluster's own message that are passed on: bodies can be pages long."""


ADMISSION = re.compile(r'"[^"]*" is forbidden: (?!User "|not yet ready)|admission webhook "')
"""A refusal of what is asked for, by a policy. Other refusals are of who asks, and may pass on a new cluster."""
FULL = "exceeded quota"


class ClusterAwayError(Exception):
    """The cluster does not answer, or answers (`answers`) that it cannot do it now: the same call may succeed later."""

    def __init__(self, message: str, *, answers: bool = False) -> None:
        super().__init__(message)
        self.answers = answers

    @property
    def description(self) -> str:
        """What is wrong, for users."""
        return f"the cluster cannot do it now: {self}" if self.answers else f"the cluster is away: {self}"


class ClusterRefusedError(Exception):
    """The cluster answered and refused: its message, and its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_missing(self) -> bool:
        """Whether there is no such object."""
        return self.status == 404

    @property
    def is_conflict(self) -> bool:
        """Whether there is an object of that name already, or it has changed since it was read."""
        return self.status == 409

    @property
    def is_gone(self) -> bool:
        """Whether a watch asked for changes that the cluster has forgotten."""
        return self.status == 410

    @property
    def is_full(self) -> bool:
        """Whether a quota has no room now."""
        return self.status == 403 and FULL in str(self)


AWAY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
FORBIDDEN_STATUS = frozenset({401, 403})


def error_for(status: int, body: str, doing: str, *, is_new: bool) -> ClusterAwayError | ClusterRefusedError:
    """Return the error for a response: `doing` says what was asked for, `is_new` that a refusal may yet pass."""
    message = message_of(body)
    text = f"{doing}: {status} {message}".strip()
    may_pass = status in AWAY_STATUS or (is_new and not ADMISSION.search(message))
    return ClusterAwayError(text, answers=True) if may_pass else ClusterRefusedError(status, text)


def message_of(body: str) -> str:
    """Return the message of a response, shortened: that of a Status object, else the whole text."""
    try:
        status: Any = json.loads(body)
    except ValueError:
        status = None
    message = status.get("message") if isinstance(status, dict) else None
    return shorten(message if isinstance(message, str) else body)


def shorten(text: str) -> str:
    """Return a text on one line, of at most MESSAGE_LENGTH characters."""
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_LENGTH else f"{line[:MESSAGE_LENGTH]}…"
