"""Authentication by token, with a cache that is valid for a second of reading.

Live feeds check their access every second as well (see `access_watch`), so a revoked token stops reading everywhere at
the same time. Mutations are authenticated anew, and clear the cache of their process.
"""

import time
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from app.api.access_watch import CHECK_SECONDS
from app.api.encoding import error_body
from app.api.request_codes import RequestCode
from app.core.access import Principal
from app.services.access import authenticate, hash_secret
from app.services.runtime import Runtime

MAX_TOKENS = 10_000
UNAUTHENTICATED = (
    "The request has no valid token. Send the header “Authorization: Bearer TOKEN”. boreas up prints the first token; "
    "boreas token create makes more."
)


def unauthenticated() -> Response:
    """Return the response to a request without a valid token."""
    body = error_body(UNAUTHENTICATED, RequestCode.UNAUTHENTICATED)
    return JSONResponse(body, 401, {"WWW-Authenticate": 'Bearer realm="boreas"'})


@dataclass(frozen=True, slots=True)
class _Entry:
    principal: Principal
    read_at: float


class TokenCache:
    """Principals of one process by their hashed tokens. Moments are those of `time.monotonic`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._entries: dict[str, _Entry] = {}

    async def principal(self, secret: str, since: float | None = None) -> Principal | None:
        """Return the principal of a token, None for a token that is not valid.

        The answer is as the database had it at `since` or later; without it, at most `CHECK_SECONDS` old.
        """
        now = time.monotonic()
        key = hash_secret(secret)
        entry = self._entries.get(key)
        if entry is not None and entry.read_at >= (now - CHECK_SECONDS if since is None else since):
            return entry.principal
        if len(self._entries) >= MAX_TOKENS:
            self.clear()
        # The dict of before the query: `clear` replaces it, so an answer that is stale by then is not cached.
        entries = self._entries
        principal = await authenticate(self._runtime, secret)
        if principal is not None:
            entries[key] = _Entry(principal, now)
        else:
            entries.pop(key, None)
        return principal

    def clear(self) -> None:
        """Forget every token, also those that are being looked up."""
        self._entries = {}
