"""Requests, responses and routes, without sockets.

The services state their routes with these types; `server` moves bytes in and out. Everything is JSON:
a request body is an object, a response body is an object, an error is {"error": text, "field": name or null}.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote

NO_BODY: Mapping[str, object] = {}


class HttpError(Exception):
    """A refusal that the client can act on; it becomes the response with this status."""

    def __init__(self, status: int, message: str, *, about: str | None = None, allow: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.about = about
        self.allow = allow

    def response(self) -> "Response":
        """The refusal as it is sent."""
        headers = {"Allow": self.allow} if self.allow else {}
        return Response({"error": self.message, "field": self.about}, self.status, headers)


@dataclass(frozen=True)
class Request:
    """One call: `params` are named parts of the path, `body` is the JSON object (empty without a body)."""

    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """One answer, sent as JSON."""

    body: Mapping[str, object]
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The body as it is sent."""
        return json.dumps(self.body, ensure_ascii=False).encode() + b"\n"


@dataclass(frozen=True)
class Route:
    """A method and a path pattern such as /users/{id}; the summary is what GET / tells about it."""

    method: str
    pattern: str
    handler: Callable[[Request], Response]
    summary: str

    def match(self, path: str) -> dict[str, str] | None:
        """Named parts of the path, or None when this is another path."""
        expression = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.pattern))
        found = re.fullmatch(expression, path)
        return {name: unquote(part) for name, part in found.groupdict().items()} if found else None


def dispatch(routes: Sequence[Route], method: str, target: str, body: bytes) -> Response:
    """The answer to a call.

    Raises:
        HttpError: no such path (404), another method is meant (405), the body is no JSON object (400),
            or whatever the handler refuses.
    """
    path = target.partition("?")[0]
    candidates = [(route, params) for route in routes if (params := route.match(path)) is not None]
    if not candidates:
        raise HttpError(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")
    for route, params in candidates:
        if route.method == method:
            return route.handler(Request(params, parse_object(body)))
    allowed = ", ".join(sorted({route.method for route, _ in candidates}))
    raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} takes {allowed}, not {method}", allow=allowed)


def parse_object(body: bytes) -> Mapping[str, object]:
    """The JSON object in a body; an empty body is an empty object.

    Text that is no valid Unicode (a lone surrogate such as "\\ud800") is refused here, because it could be
    stored but never sent back.
    """
    if not body:
        return NO_BODY
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise HttpError(HTTPStatus.BAD_REQUEST, f"the body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise HttpError(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
