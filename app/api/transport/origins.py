"""Pages of other origins: none may use the API from a browser but those that the settings name."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.request_codes import RequestCode

METHODS = ("GET", "HEAD", "POST")
REMEMBERED_SECONDS = 600
"""How long a browser may remember what it was told: a page that is allowed no longer is refused after that."""


class Origins:
    """Answers what browsers ask before a page sends a request, and tells them which pages may read the answers.

    Tokens are sent by pages themselves, so browsers need not send cookies or the like along.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed
        self._shared = CORSMiddleware(self._app, sorted(allowed), METHODS, ("*",), max_age=REMEMBERED_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["method"] == "OPTIONS" and (origin := _asks_for(scope)) is not None and origin not in self._allowed:
            await _refusal(origin)(scope, receive, send)
        elif self._allowed:
            await self._shared(scope, receive, _varied(send))
        else:
            await self._app(scope, receive, send)


def _asks_for(scope: Scope) -> str | None:
    """Return the origin of the page that a browser asks for, None where it asks for none."""
    headers = Headers(scope=scope)
    return headers.get("origin") if "access-control-request-method" in headers else None


def _refusal(origin: str) -> JSONResponse:
    message = f"Pages of {origin[:200]} may not use this API. BOREAS_ALLOWED_ORIGINS names those that may."
    error = {"message": message, "extensions": {"code": str(RequestCode.ORIGIN_NOT_ALLOWED)}}
    return JSONResponse({"errors": [error]}, 403, {"Vary": "Origin"})


def _varied(send: Send) -> Send:
    """Say of every answer that it may differ by the origin, also of one to a request that has none."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if "origin" not in headers.get("vary", "").lower():
                headers.add_vary_header("Origin")
        await send(message)

    return sending
