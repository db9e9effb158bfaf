"""Use cases of environments. All of them are for ADMIN."""

from dataclasses import replace

from app.core.approval import ApprovalPolicy
from app.core.environment import Environment
from app.core.errors import Forbidden, Refused, name_taken, not_found
from app.core.ids import IdKind
from app.core.roles import Role
from app.core.validation import environment_checks
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import environments as store
from app.store.database import lock_name

NAMES_LOCK = "names of environments"
SHARED = {"worker_pool": "workerPool", "build_pool": "buildPool", "kubernetes": "kubernetes"}
"""Fields that choose machines and credentials which environments share, and their names in the API."""


async def create(context: UseCaseContext, draft: Environment) -> Result:
    """Create an environment as drafted; id and time are set here."""
    context.require(Role.ADMIN)
    environment = replace(draft, id=context.unit.new_id(IdKind.ENVIRONMENT), created_at=context.unit.now)
    refuse_if(environment_checks.environment(environment))
    await lock_name(NAMES_LOCK)
    if await store.by_name(environment.name):
        raise name_taken(f"The name “{environment.name}” is taken by another environment. Use another name.")
    await store.insert(environment)
    context.record_change(environment.id, None, environment)
    return Result((environment.id,))


async def update(context: UseCaseContext, changes: tuple[str, dict[str, object]]) -> Result:
    """Change some fields (by name) of an environment; running deployments go on with the old ones.

    The worker pools and the access to a cluster are for ADMIN on everything, as other environments share them.
    """
    id_, fields = changes
    context.require(Role.ADMIN, environment_id=id_)
    environment = await store.locked(id_)
    if environment is None:
        raise not_found("environment", id_, ("id",))
    changed = replace(environment, **fields)  # type: ignore[arg-type]
    differing = {name for name in fields if getattr(environment, name) != fields[name]}
    _require_for_shared(context, environment, changed, differing)
    refuse_if(
        problem
        for problem in environment_checks.environment(changed)
        if "kubernetes" in differing or (problem.path or ("",))[0] != "kubernetes"
    )
    await store.update(changed)
    context.record_change(id_, environment, changed)
    context.unit.queues.add(id_)
    return Result((id_,))


def _require_for_shared(
    context: UseCaseContext, environment: Environment, changed: Environment, differing: set[str]
) -> None:
    """Refuse a change of shared fields unless the caller is ADMIN on everything. Raises Refused."""
    shared = [name for name in SHARED if name in differing]
    if _cluster_access(environment) == _cluster_access(changed):
        shared = [name for name in shared if name != "kubernetes"]
    if shared and not context.principal.allows(Role.ADMIN):
        field = SHARED[shared[0]]
        message = f"Changing {field} needs ADMIN on everything, because other environments may share it."
        raise Refused(Forbidden(message=message, required=Role.ADMIN, path=(field,)))


def _cluster_access(environment: Environment) -> object:
    """Return the fields that decide which cluster is reached, and under which accounts Jobs may run there."""
    access = environment.kubernetes
    return access and (access.bare, access.accounts)


async def set_approval_policy(context: UseCaseContext, order: tuple[str, ApprovalPolicy | None]) -> Result:
    """Set the approval policy of an environment; with None, only tasks and steps that ask need approval.

    Running deployments use it from their next tick. Approvals that were requested keep their policy.
    """
    id_, policy = order
    context.require(Role.ADMIN, environment_id=id_)
    environment = await store.locked(id_)
    if environment is None:
        raise not_found("environment", id_, ("environmentId",))
    if policy is not None:
        refuse_if(environment_checks.approval_policy(policy))
    changed = replace(environment, approval_policy=policy)
    await store.update(changed)
    context.record_change(id_, environment, changed)
    return Result((id_,))
