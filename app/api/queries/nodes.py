"""Root fields that find any object by its id, and the viewer."""

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
    actor = await info.context.loaders.actor.load(id_)
    return actor_of(actor) if actor else None


def _of_type(name: str) -> Callable[[Info, str], Awaitable[Any]]:
    return lambda info, id_: find(info, name, id_)


async def _audit_entry(info: Info, id_: str) -> Any:
    entry = await info.context.loaders.audit_entry.load(id_) if info.context.viewer.allows(Role.ADMIN) else None
    return AuditEntry.of(entry, find_node) if entry else None


async def _workflow(info: Info, id_: str) -> Any:
    deployment = await info.context.loaders.deployment.load(deployment_of(id_))
    return Workflow.of(deployment) if deployment else None


FINDERS: Mapping[IdKind, Callable[[Info, str], Awaitable[Any]]] = {
    IdKind.APPLICATION: _of_type("Application"),
    IdKind.ENVIRONMENT: _of_type("Environment"),
    IdKind.VERSION: _of_type("Version"),
    IdKind.DEPLOYMENT: _of_type("Deployment"),
    IdKind.TASK: _of_type("Task"),
    IdKind.WORKFLOW: _workflow,
    IdKind.WORKFLOW_TEMPLATE: _of_type("WorkflowTemplate"),
    IdKind.TEMPLATE_VERSION: _of_type("TemplateVersion"),
    IdKind.APPROVAL: _of_type("Approval"),
    IdKind.USER: _actor,
    IdKind.SERVICE_ACCOUNT: _actor,
    IdKind.API_TOKEN: find_token,
    IdKind.FREEZE_WINDOW: _of_type("FreezeWindow"),
    IdKind.AUDIT_ENTRY: _audit_entry,
}


async def find_node(info: Info, id_: str) -> Any:
    """Return any object by its id, None if it does not exist or the viewer may not see it."""
    kind = kind_of(id_)
    finder = FINDERS.get(kind) if kind else None
    return await finder(info, id_) if finder else None


@strawberry.type
class NodeQueries:
    @strawberry.field(
        description="Any object by its id. Null if it does not exist or you may not see it. For VIEWER on it.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        node: Node | None = await find_node(info, id)
        return node

    @strawberry.field(
        description="The person or service account that sends this request. For everybody with a valid token.",
        extensions=[Guard(None)],
    )
    async def viewer(self, info: Info) -> Actor:
        return actor_of(info.context.viewer.actor)
