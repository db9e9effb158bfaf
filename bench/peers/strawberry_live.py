"""Plain Strawberry as documented: events of a deployment through one queue per subscriber.

Takes its setting as JSON on standard input. Prints one line of JSON: where it serves.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import NewType

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

Cursor = NewType("Cursor", str)
last = [0]
queues: dict[str, set["asyncio.Queue[DeploymentEventBatch]"]] = {}


@strawberry.interface
class DeploymentEvent:
    cursor: Cursor
    at: datetime
    deployment_id: strawberry.ID


@strawberry.type
class DeploymentPaused(DeploymentEvent):
    paused: bool


@strawberry.type
class DeploymentEventBatch:
    cursor: Cursor
    caught_up: bool
    events: list[DeploymentEvent]


@strawberry.input
class ByIdInput:
    id: strawberry.ID


@strawberry.type
class Problem:
    message: str


@strawberry.type
class Payload:
    errors: list[Problem]


def change(id_: strawberry.ID, *, paused: bool) -> Payload:
    last[0] += 1
    cursor = Cursor(f"event:{last[0]}")
    event = DeploymentPaused(cursor=cursor, at=datetime.now(UTC), deployment_id=id_, paused=paused)
    for queue in queues.get(id_, ()):
        queue.put_nowait(DeploymentEventBatch(cursor=cursor, caught_up=True, events=[event]))
    return Payload(errors=[])


@strawberry.type
class Query:
    ok: bool = True


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def pause_deployment(self, input: ByIdInput) -> Payload:
        return change(input.id, paused=True)

    @strawberry.mutation
    async def resume_deployment(self, input: ByIdInput) -> Payload:
        return change(input.id, paused=False)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def deployment_events(
        self, id: strawberry.ID, after: Cursor | None = None
    ) -> AsyncGenerator[DeploymentEventBatch, None]:
        queue: asyncio.Queue[DeploymentEventBatch] = asyncio.Queue()
        mine = queues.setdefault(id, set())
        mine.add(queue)
        try:
            yield DeploymentEventBatch(cursor=Cursor(f"event:{last[0]}"), caught_up=True, events=[])
            while True:
                yield await queue.get()
        finally:
            mine.discard(queue)


async def main() -> None:
    json.load(sys.stdin)
    config = StrawberryConfig(scalar_map={Cursor: strawberry.scalar(name="Cursor", serialize=str, parse_value=str)})
    types = [DeploymentPaused]
    schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription, types=types, config=config)
    endpoint: GraphQL[None, None] = GraphQL(schema, graphql_ide=None)
    app = Starlette(routes=[Route("/graphql", endpoint), WebSocketRoute("/graphql", endpoint)])
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    serving = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"}), flush=True)
    await uvicorn.Server(serving).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main())
