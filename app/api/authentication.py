"""Who comes with a token, as far as reading goes: what the database said is good for a second.

Live feeds look their access up every second as well (see `watch`): a token that was revoked reads no longer by one way
than by the other. Whoever writes is looked up anew, and what one process writes, it forgets to know at once.
"""

import time
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from app.api.access_watch import CHECK_SECONDS
from app.api.request_codes import RequestCode
from app.core.access import Principal
from app.services.access import authenticate, hash_secret
from app.services.runtime import Runtime

MAX_KNOWN = 10_000
UNAUTHENTICATED = (
    "A valid token is needed: send the header “Authorization: Bearer TOKEN”. boreas up prints the first one; "
    "boreas token create makes more."
)


def unauthenticated() -> Response:
    """Return the answer to a request without a valid token."""
    body = {"errors": [{"message": UNAUTHENTICATED, "extensions": {"code": str(RequestCode.UNAUTHENTICATED)}}]}
    return JSONResponse(body, 401, {"WWW-Authenticate": 'Bearer realm="boreas"'})


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    since: float


class TokenCache:
    """The tokens that one process has seen within the last second. Moments are those of `time.monotonic`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: dict[str, _Known] = {}

    async def principal(self, secret: str, since: float | None = None) -> Principal | None:
        """Return who comes with a token, as it was at some moment since then (a second ago); None: nobody may."""
        now = time.monotonic()
        key = hash_secret(secret)
        known = self._known.get(key)
        if known is not None and known.since >= (now - CHECK_SECONDS if since is None else since):
            return known.principal
        if len(self._known) >= MAX_KNOWN:
            self.forget()
        kept = self._known
        found = await authenticate(self._runtime, secret)
        if found is not None:
            kept[key] = _Known(found, now)
        else:
            kept.pop(key, None)
        return found

    def forget(self) -> None:
        """Know nothing any more: what was known may have changed, also while it is being looked up."""
        self._known = {}
