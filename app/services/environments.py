"""Use cases of environments. All of them are for ADMIN."""

from dataclasses import replace

from app.core.approval import ApprovalPolicy
from app.core.environment import Environment
from app.core.errors import Forbidden, Refused, name_taken, not_found
from app.core.ids import Kind
from app.core.roles import Role
from app.core.validation import checks
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import environments as store
from app.store.database import take_turns

REACHING = {"worker_pool": "workerPool", "build_pool": "buildPool", "kubernetes": "kubernetes"}
"""The fields of an environment that choose machines and credentials, which others use too; as the API calls them."""


async def create(case: UseCaseContext, draft: Environment) -> Result:
    """Create an environment as drafted; id and time are set here."""
    case.require(Role.ADMIN)
    environment = replace(draft, id=case.work.new_id(Kind.ENVIRONMENT), created_at=case.work.now)
    refuse_if(checks.environment(environment))
    await take_turns("names of environments")
    if await store.by_name(environment.name):
        raise name_taken(f"There is an environment “{environment.name}” already. Use another name.")
    await store.insert(environment)
    case.changed(environment.id, None, environment)
    return Result((environment.id,))


async def update(case: UseCaseContext, changes: tuple[str, dict[str, object]]) -> Result:
    """Change some fields (by name) of an environment. What runs in it goes on as it began.

    Which workers serve it, and which cluster they reach for it, is for ADMIN of everything: these are not its own.
    """
    id_, fields = changes
    case.require(Role.ADMIN, environment_id=id_)
    environment = await store.locked(id_)
    if environment is None:
        raise not_found("environment", id_, ("id",))
    changed = replace(environment, **fields)  # type: ignore[arg-type]
    differs = {name for name in fields if getattr(environment, name) != fields[name]}
    reaches = {"kubernetes"} if _reach(environment) != _reach(changed) else set[str]()
    moved = [name for name in REACHING if name in differs and (name != "kubernetes" or name in reaches)]
    if moved and not case.principal.allows(Role.ADMIN):
        path = REACHING[moved[0]]
        message = f"Changing {path} takes ADMIN on everything: it reaches beyond this environment."
        raise Refused(Forbidden(message=message, required=Role.ADMIN, path=(path,)))
    refuse_if(
        problem
        for problem in checks.environment(changed)
        if "kubernetes" in differs or (problem.path or ("",))[0] != "kubernetes"
    )
    await store.update(changed)
    case.changed(id_, environment, changed)
    case.work.queues.add(id_)
    return Result((id_,))


def _reach(environment: Environment) -> object:
    """Return what decides which cluster an environment reaches, and with which rights its Jobs may run there."""
    access = environment.kubernetes
    return access and (access.bare, access.accounts)


async def set_approval_policy(case: UseCaseContext, order: tuple[str, ApprovalPolicy | None]) -> Result:
    """Say what approvals of an environment take; None: only what asks by itself is to be approved.

    Deployments under way find it at their next tick. What was asked for keeps the policy it was asked with.
    """
    id_, policy = order
    case.require(Role.ADMIN, environment_id=id_)
    environment = await store.locked(id_)
    if environment is None:
        raise not_found("environment", id_, ("environmentId",))
    if policy is not None:
        refuse_if(checks.approval_policy(policy))
    changed = replace(environment, approval_policy=policy)
    await store.update(changed)
    case.changed(id_, environment, changed)
    return Result((id_,))
