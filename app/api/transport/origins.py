"""Cross-origin requests (CORS): only pages of the origins that the settings name may use the API."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.encoding import error_body
from app.api.request_codes import RequestCode

METHODS = ("GET", "HEAD", "POST")
PREFLIGHT_SECONDS = 600
"""How long browsers may cache the answer to a preflight request. A removed origin works for so long."""
MAX_ORIGIN = 200
"""Characters of an origin that a refusal repeats."""


class OriginMiddleware:
    """Answers preflight requests, and lets pages of allowed origins read responses.

    Pages send tokens themselves, so browsers need not send credentials.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str]) -> None:
        self._app = app
        self._allowed = allowed
        self._cors = CORSMiddleware(self._app, sorted(allowed), METHODS, ("*",), max_age=PREFLIGHT_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        origin = _preflight_origin(scope)
        if origin is not None and origin not in self._allowed:
            await _refusal(origin)(scope, receive, send)
        elif self._allowed:
            await self._cors(scope, receive, _with_vary(send))
        else:
            await self._app(scope, receive, send)


def _preflight_origin(scope: Scope) -> str | None:
    """Return the origin that a preflight request asks for, None for other requests."""
    if scope["method"] != "OPTIONS":
        return None
    headers = Headers(scope=scope)
    return headers.get("origin") if "access-control-request-method" in headers else None


def _refusal(origin: str) -> JSONResponse:
    message = (
        f"Pages of {origin[:MAX_ORIGIN]} may not use this API. To allow them, add the origin to BOREAS_ALLOWED_ORIGINS."
    )
    return JSONResponse(error_body(message, RequestCode.ORIGIN_NOT_ALLOWED), 403, {"Vary": "Origin"})


def _with_vary(send: Send) -> Send:
    """Add `Vary: Origin` to every response, also to those of requests without an origin."""

    async def send_with_vary(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if "origin" not in headers.get("vary", "").lower():
                headers.add_vary_header("Origin")
        await send(message)

    return send_with_vary
