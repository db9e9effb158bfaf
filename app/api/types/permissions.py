"""What the viewer may do, and why not."""

import strawberry

from app.api.context import Info
from app.core.deployment import Deployment
from app.core.errors import ErrorCode, Forbidden, Problem, WrongState
from app.core.roles import Role


@strawberry.type(description="Whether you may do something now.")
class Permission:
    allowed: bool
    reason: str | None = strawberry.field(
        description="Why you may not, in full sentences. Null if you may. For an approval that you may give: what "
        "else blocks the deployment."
    )
    code: ErrorCode | None = strawberry.field(
        default=None, description="The error code that the mutation would return. Null if you may."
    )

    @classmethod
    def of(cls, problem: Problem | None) -> "Permission":
        """Return the refusal that a problem causes, or the permission without one."""
        if problem is None:
            return cls(allowed=True, reason=None)
        return cls(allowed=False, reason=problem.message, code=problem.code)


def permission(info: Info, deployment: Deployment, problem: Problem | None) -> Permission:
    """Return whether the viewer may perform an action on a deployment.

    A problem says why its state forbids it.
    """
    if not info.context.viewer.allows_on(Role.DEPLOYER, deployment):
        message = "This needs the role DEPLOYER on its environment and all its applications."
        problem = Forbidden(message=message, required=Role.DEPLOYER)
    return Permission.of(problem)


def wrong_state(status: str, reason: str | None) -> WrongState | None:
    """Return the problem that a status forbids an action for a reason, None without a reason."""
    return None if reason is None else WrongState(message=reason, status=status)
