"""Finding any object by its id, and who asks."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry

from app.api.context import Info
from app.api.permissions import Guard
from app.api.types.access import Actor, actor_of, find_token
from app.api.types.audit import AuditEntry
from app.api.types.common import Node
from app.api.types.references import find
from app.api.types.workflows import Workflow
from app.core.ids import IdKind, deployment_of, kind_of
from app.core.roles import Role


async def _actor(info: Info, id_: str) -> Any:
    found = await info.context.loaders.actor.load(id_)
    return actor_of(found) if found else None


def _named(name: str) -> Callable[[Info, str], Awaitable[Any]]:
    return lambda info, id_: find(info, name, id_)


async def _entry(info: Info, id_: str) -> Any:
    entry = await info.context.loaders.audit_entry.load(id_) if info.context.viewer.allows(Role.ADMIN) else None
    return AuditEntry.of(entry, find_node) if entry else None


async def _workflow(info: Info, id_: str) -> Any:
    deployment = await info.context.loaders.deployment.load(deployment_of(id_))
    return Workflow.of(deployment) if deployment else None


FIND: Mapping[IdKind, Callable[[Info, str], Awaitable[Any]]] = {
    IdKind.APPLICATION: _named("Application"),
    IdKind.ENVIRONMENT: _named("Environment"),
    IdKind.VERSION: _named("Version"),
    IdKind.DEPLOYMENT: _named("Deployment"),
    IdKind.TASK: _named("Task"),
    IdKind.WORKFLOW: _workflow,
    IdKind.WORKFLOW_TEMPLATE: _named("WorkflowTemplate"),
    IdKind.TEMPLATE_VERSION: _named("TemplateVersion"),
    IdKind.APPROVAL: _named("Approval"),
    IdKind.USER: _actor,
    IdKind.SERVICE_ACCOUNT: _actor,
    IdKind.API_TOKEN: find_token,
    IdKind.FREEZE_WINDOW: _named("FreezeWindow"),
    IdKind.AUDIT_ENTRY: _entry,
}


async def find_node(info: Info, id_: str) -> Any:
    """Return any object by its id, None when there is none that the viewer may see."""
    kind = kind_of(id_)
    find_kind = FIND.get(kind) if kind else None
    return await find_kind(info, id_) if find_kind else None


@strawberry.type
class NodeQueries:
    @strawberry.field(
        description="Any object by its id. Null if it does not exist or you may not see it. For VIEWER on it.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        found: Node | None = await find_node(info, id)
        return found

    @strawberry.field(
        description="The person or service account that sends this request. For everybody with a valid token.",
        extensions=[Guard(None)],
    )
    async def viewer(self, info: Info) -> Actor:
        return actor_of(info.context.viewer.actor)
