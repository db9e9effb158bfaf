"""What may go wrong with a cluster, in two kinds: it will pass, or it will not."""

import json
import re
from typing import Any

MESSAGE_LENGTH = 500
"""Characters of a cluster's own words that are passed on: bodies can be pages long."""


ADMISSION = re.compile(r'"[^"]*" is forbidden: (?!User "|not yet ready)|admission webhook "')
"""Words of a cluster that let somebody ask, and then does not take what is asked for."""
FULL = "exceeded quota"


class ClusterAwayError(Exception):
    """The cluster does not answer, or says that it cannot now (`answers`): the same call may do later."""

    def __init__(self, message: str, *, answers: bool = False) -> None:
        super().__init__(message)
        self.answers = answers

    @property
    def told(self) -> str:
        """What is wrong, for people."""
        return f"the cluster cannot do it now: {self}" if self.answers else f"the cluster is away: {self}"


class ClusterRefusedError(Exception):
    """The cluster answered, and will not: what it said, and its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_missing(self) -> bool:
        """Whether there is no such object."""
        return self.status == 404

    @property
    def is_conflict(self) -> bool:
        """Whether there is one of that name, or it was changed since it was read."""
        return self.status == 409

    @property
    def is_gone(self) -> bool:
        """Whether a watch asked for changes that are too old to be told."""
        return self.status == 410

    @property
    def is_full(self) -> bool:
        """Whether a quota has no room for it now."""
        return self.status == 403 and FULL in str(self)


AWAY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
FORBIDDEN_STATUS = frozenset({401, 403})


def refusal(status: int, body: str, doing: str, *, is_new: bool) -> ClusterAwayError | ClusterRefusedError:
    """Return the error for an answer that is none: `doing` says what was asked for, `is_new` that it may yet pass."""
    said = words(body)
    message = f"{doing}: {status} {said}".strip()
    is_passing = status in AWAY_STATUS or (is_new and not ADMISSION.search(said))
    return ClusterAwayError(message, answers=True) if is_passing else ClusterRefusedError(status, message)


def words(body: str) -> str:
    """Return what an answer says, cut to what people read: the message of a Status object, else the text."""
    try:
        status: Any = json.loads(body)
    except ValueError:
        status = None
    said = status.get("message") if isinstance(status, dict) else None
    return cut(said if isinstance(said, str) else body)


def cut(text: str) -> str:
    """Return a text on one line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_LENGTH else f"{line[:MESSAGE_LENGTH]}…"
