"""Asking the user-service, over HTTP, whether a user exists."""

import http.client
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, urlsplit

TIMEOUT_SECONDS = 1.0


class UsersUnavailableError(Exception):
    """One instance does not answer, and no other knows the user."""


@dataclass(frozen=True)
class UserClient:
    """Asks the instances in turn, because each keeps the users that were created there in its own memory."""

    addresses: Sequence[str]

    def exists(self, user_id: str) -> bool:
        """Raises: UsersUnavailableError."""
        silent: list[str] = []
        for address in self.addresses:
            try:
                status = _status(address, f"/users/{quote(user_id, safe='')}")
            except (OSError, http.client.HTTPException) as error:
                silent.append(f"{address}: {error}")
                continue
            if status == HTTPStatus.OK:
                return True
            if status != HTTPStatus.NOT_FOUND:
                silent.append(f"{address}: status {status}")
        if silent:
            raise UsersUnavailableError("; ".join(silent))
        return False


def parse_addresses(value: object) -> list[str]:
    """Base addresses from the settings, such as ["http://127.0.0.1:18101"].

    Raises:
        ValueError: it is not a list of http addresses with host and port. An empty or missing list is the
            self check's business, not a reason not to start.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(address, str) and _is_address(address) for address in value):
        raise ValueError(f"settings: users must be a list of addresses like http://127.0.0.1:18101, not {value!r}")
    return value


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme == "http" and bool(parts.hostname) and parts.port is not None and parts.path in ("", "/")


def _status(address: str, path: str) -> int:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    finally:
        connection.close()
