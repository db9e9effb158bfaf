"""Pages for browsers: built files that need no other host.

They are built from `web` by `make up`, and for images and wheels. Without them the API works as before.
"""

import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

import app
from app.api.transport.negotiation import prefers_html

FOLDER = Path(app.__file__).parent / "pages"
"""Where the build puts the pages."""
CACHE_FOREVER = "public, max-age=31536000, immutable"
"""Assets have a hash of their content in their names, so a changed file has another name."""
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}
ENCODINGS = {"br": ".br", "gzip": ".gz"}
POLICY = "; ".join(
    (
        "default-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""A page may load from, and send to, this host alone. Its editors add inline styles."""
MISSING = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Boreas</title></head><body>
<h1>Boreas</h1>
<p>This is the GraphQL API. Its page for browsers, GraphiQL, is not built: <code>make web</code> builds it.
<code>make up</code> builds it too, and prints the reason where the build fails.</p>
<p>The API works without the page. Send operations by POST, with a token:</p>
<pre>curl ADDRESS -H "Authorization: Bearer $BOREAS_TOKEN" -H "Content-Type: application/json" \\
  -d '{"query": "{ deployments(first: 5) { nodes { id status } } }"}'</pre>
</body></html>
"""
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


class PageMiddleware:
    """Shows GraphiQL to browsers that open the address of the API, and lets all other requests through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["method"] in ("GET", "HEAD") and _is_browser(scope):
            await _graphiql(Request(scope))(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_browser(scope: Scope) -> bool:
    return any(name == b"accept" and prefers_html(value.decode("latin-1")) for name, value in scope["headers"])


def _graphiql(request: Request) -> Response:
    if request.url.path.endswith("/"):
        return RedirectResponse("../graphql", 308)
    return page(request, "graphiql.html")


def page(request: Request, name: str) -> Response:
    """Return a page, or a page that says that it is not built."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    if not (FOLDER / name).is_file():
        address = str(request.url.replace(query="", fragment=""))
        return HTMLResponse(MISSING.replace("ADDRESS", _escape(address)), headers=headers | {"Vary": "Accept"})
    return _file(request, FOLDER / name, "text/html; charset=utf-8", headers, "Accept, Accept-Encoding")


async def asset(request: Request) -> Response:
    """Return a file that a page loads."""
    name = request.path_params["name"]
    path = FOLDER / "assets" / name
    if not _NAME.fullmatch(name) or path.suffix not in TYPES or not path.is_file():
        return PlainTextResponse("There is no such file.\n", 404)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": CACHE_FOREVER}
    return _file(request, path, TYPES[path.suffix], headers, "Accept-Encoding")


def _file(request: Request, path: Path, type_: str, headers: dict[str, str], vary: str) -> Response:
    """Return a file, in a compressed form that the browser accepts where the build made one."""
    accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
    for encoding, ending in ENCODINGS.items():
        compressed = path.with_name(path.name + ending)
        if encoding in accepted and compressed.is_file():
            return FileResponse(
                compressed, headers=headers | {"Content-Encoding": encoding, "Vary": vary}, media_type=type_
            )
    return FileResponse(path, headers=headers | {"Vary": vary}, media_type=type_)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
