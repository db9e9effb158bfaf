"""An API that plays a script over real sockets: each request gets the next answer, and is kept."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

Answer = Callable[[], Awaitable[Response]]
TOKEN = "bor_a-token-for-tests-only"


@dataclass
class Script:
    """The remaining answers, and the received requests. The last answer serves all further requests."""

    answers: list[Answer]
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        """Answer a request."""
        body = await request.json()
        self.requests.append(body | {"authorization": request.headers.get("authorization")})
        return await (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()

    def variables(self, name: str) -> list[Any]:
        """Return what each request gave as a variable."""
        return [request["variables"].get(name) for request in self.requests]


def body(content: Any, status: int = 200, media: str = "application/json") -> Answer:
    """Answer with a body; anything but text is sent as JSON."""

    async def answer() -> Response:
        return Response(content if isinstance(content, str) else json.dumps(content), status, media_type=media)

    return answer


def data(**fields: Any) -> Answer:
    """Answer with the data of an operation."""
    return body({"data": fields})


def payload(errors: tuple[Any, ...] = (), **fields: Any) -> Answer:
    """Answer with the payload of a mutation."""
    return data(mutation=fields | {"errors": list(errors)})


def hang_up() -> Answer:
    """Break the connection in the middle of the answer."""

    async def answer() -> Response:
        return Response("{", headers={"content-length": "99"}, media_type="application/json")

    return answer


def feed(*items: Any, ends: bool = True, seconds: float = 0.0) -> Answer:
    """Answer with a stream of items, stay silent for a while, then complete it or (not `ends`) drop it."""

    async def events() -> AsyncIterator[str]:
        yield ":\n\n"
        for item in items:
            yield f"event: next\ndata: {json.dumps({'data': {'feed': item}})}\n\n"
        await asyncio.sleep(seconds)
        if ends:
            yield "event: complete\ndata:\n\n"

    async def answer() -> Response:
        return StreamingResponse(events(), media_type="text/event-stream")

    return answer


@contextmanager
def played(*answers: Answer) -> Iterator[Script]:
    """Serve a script on a free port."""
    script = Script(list(answers))
    app = Starlette(routes=[Route("/graphql", script.__call__, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.005)
    script.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield script
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
