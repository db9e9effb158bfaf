"""Use cases of environments. All of them are for ADMIN."""

from dataclasses import replace

from app.core import checks
from app.core.approval import ApprovalPolicy
from app.core.environment import Environment
from app.core.errors import InvalidInput, Refused, Role, not_found
from app.core.ids import Kind
from app.services.cases import Case, refuse_if
from app.store import environments as store
from app.store.database import take_turns


async def create(case: Case, draft: Environment) -> tuple[str, ...]:
    """Create an environment as drafted; id and time are set here."""
    case.require(Role.ADMIN)
    environment = replace(draft, id=case.work.new_id(Kind.ENVIRONMENT), created_at=case.work.now)
    refuse_if(checks.environment(environment))
    await take_turns("names of environments")
    if await store.by_name(environment.name):
        raise Refused(InvalidInput(message=f"There is an environment “{environment.name}” already.", path=("name",)))
    await store.insert(environment)
    case.changed(environment.id, None, environment)
    return (environment.id,)


async def update(case: Case, changes: tuple[str, dict[str, object]]) -> tuple[str, ...]:
    """Change some fields (by name) of an environment. What runs in it goes on as it began."""
    id_, fields = changes
    case.require(Role.ADMIN, environment_id=id_)
    environment = await store.locked(id_)
    if environment is None:
        raise not_found("environment", id_, ("id",))
    changed = replace(environment, **fields)  # type: ignore[arg-type]
    refuse_if(checks.environment(changed))
    await store.update(changed)
    case.changed(id_, environment, changed)
    case.work.queues.add(id_)
    return (id_,)


async def set_approval_policy(case: Case, order: tuple[str, ApprovalPolicy | None]) -> tuple[str, ...]:
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
    return (id_,)
