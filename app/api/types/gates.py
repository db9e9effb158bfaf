"""Gates and blockers: why something does not proceed."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.context import Info
from app.api.types.references import find
from app.core import gate as core

if TYPE_CHECKING:
    from app.api.types.approvals import Approval
    from app.api.types.deployments import Deployment
    from app.api.types.tasks import Task


@strawberry.type(description="One reason why something does not proceed.")
class Blocker:
    value: strawberry.Private[core.Blocker]
    kind: core.BlockerKind
    message: str
    until: datetime | None

    @classmethod
    def of(cls, blocker: core.Blocker) -> "Blocker":
        return cls(value=blocker, kind=blocker.kind, message=blocker.message, until=blocker.until)

    @strawberry.field
    async def task(self, info: Info) -> Annotated["Task", strawberry.lazy("app.api.types.tasks")] | None:
        return await find(info, "Task", self.value.task_id)

    @strawberry.field(
        description="The approval that is pending. Its fields `approverRoles` and `missing` say who may "
        "decide, and how many approvals are missing. Null if the blocker is not an approval."
    )
    async def approval(self, info: Info) -> Annotated["Approval", strawberry.lazy("app.api.types.approvals")] | None:
        return await find(info, "Approval", self.value.approval_id)

    @strawberry.field(
        description="The deployment that is waited for. Null if the blocker is not a deployment, or you may not see it."
    )
    async def deployment(
        self, info: Info
    ) -> Annotated["Deployment", strawberry.lazy("app.api.types.deployments")] | None:
        return await find(info, "Deployment", self.value.deployment_id)


@strawberry.type(description="Whether a deployment can proceed, and everything that blocks it.")
class Gate:
    can_proceed: bool
    blockers: list[Blocker]


def to_blockers(blockers: tuple[core.Blocker, ...]) -> list[Blocker]:
    """Return blockers as clients see them."""
    return [Blocker.of(blocker) for blocker in blockers]
