"""Finding any object by its id, and who asks."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry

from app.api.context import Info
from app.api.permissions import Guard
from app.api.types.access import Actor, actor_of, find_token
from app.api.types.common import Node
from app.api.types.refs import find
from app.core.errors import Role
from app.core.ids import Kind, kind_of


async def _actor(info: Info, id_: str) -> Any:
    found = await info.context.loaders.actor.load(id_)
    return actor_of(found) if found else None


def _named(name: str) -> Callable[[Info, str], Awaitable[Any]]:
    return lambda info, id_: find(info, name, id_)


FIND: Mapping[Kind, Callable[[Info, str], Awaitable[Any]]] = {
    Kind.APPLICATION: _named("Application"),
    Kind.ENVIRONMENT: _named("Environment"),
    Kind.VERSION: _named("Version"),
    Kind.DEPLOYMENT: _named("Deployment"),
    Kind.TASK: _named("Task"),
    Kind.USER: _actor,
    Kind.SERVICE_ACCOUNT: _actor,
    Kind.API_TOKEN: find_token,
}


@strawberry.type
class NodeQueries:
    @strawberry.field(
        description="Any object by its id; null when there is none that the viewer may see.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        kind = kind_of(id)
        found: Node | None = await FIND[kind](info, id) if kind else None
        return found

    @strawberry.field(description="Who you are. Every valid token may ask.", extensions=[Guard(None)])
    async def viewer(self, info: Info) -> Actor:
        return actor_of(info.context.viewer.actor)
