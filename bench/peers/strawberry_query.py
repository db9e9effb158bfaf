"""Plain Strawberry, as its documentation has it, over asyncpg: a deployment with its tasks.

Takes its setting as JSON on standard input. Prints one line of JSON: where it serves.
"""

import asyncio
import json
import socket
import sys
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg
import strawberry
import uvicorn
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

DEPLOYMENT = "SELECT id, status, progress, created_at FROM deployments WHERE id = $1"
TASKS = (
    'SELECT id, key, name, type, status, "order", attempt, started_at, completed_at'
    ' FROM tasks WHERE deployment_id = $1 ORDER BY "order"'
)
pool: asyncpg.Pool


@strawberry.enum
class DeploymentStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING_CONFIRM = "WAITING_CONFIRM"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


@strawberry.enum
class TaskStatus(StrEnum):
    PENDING = "PENDING"
    BLOCKED = "BLOCKED"
    RUNNING = "RUNNING"
    WAITING_CONFIRM = "WAITING_CONFIRM"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"
    ROLLED_BACK = "ROLLED_BACK"


@strawberry.enum
class TaskType(StrEnum):
    PREPARE = "PREPARE"
    BUILD = "BUILD"
    TEST = "TEST"
    DEPLOY = "DEPLOY"
    HEALTH_CHECK = "HEALTH_CHECK"
    CUSTOM = "CUSTOM"


@strawberry.type
class Task:
    id: strawberry.ID
    key: str
    name: str
    type: TaskType
    status: TaskStatus
    order: int
    attempt: int
    started_at: datetime | None
    completed_at: datetime | None


@strawberry.type
class Deployment:
    id: strawberry.ID
    status: DeploymentStatus
    progress: int
    created_at: datetime

    @strawberry.field
    async def tasks(self) -> list[Task]:
        return [
            Task(**(dict(row) | {"type": TaskType(row["type"]), "status": TaskStatus(row["status"])}))
            for row in await pool.fetch(TASKS, self.id)
        ]


@strawberry.type
class Query:
    @strawberry.field
    async def deployment(self, id: strawberry.ID) -> Deployment | None:
        row = await pool.fetchrow(DEPLOYMENT, id)
        return Deployment(**(dict(row) | {"status": DeploymentStatus(row["status"])})) if row else None


def _time(value: datetime) -> str:
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _schema() -> strawberry.Schema:
    time: ScalarDefinition = strawberry.scalar(name="DateTime", serialize=_time, parse_value=datetime.fromisoformat)
    return strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map={datetime: time}))


async def main() -> None:
    global pool
    setting: dict[str, Any] = json.load(sys.stdin)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(GraphQL(_schema(), graphql_ide=None), log_config=None, access_log=False, lifespan="off")
    async with asyncpg.create_pool(**setting["database"], max_size=setting["connections"]) as pool:
        print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"}), flush=True)
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main())
