"""People who decide approvals, and the approvals of deployments."""

from collections.abc import Sequence
from dataclasses import replace

from app.core.access import Actor, ActorKind, Grant, Principal
from app.core.approval import Approval, ApprovalPolicy, ApprovalStatus, ApprovalSubject, Verdict
from app.core.errors import Problem, Refused
from app.core.ids import IdKind
from app.core.roles import Role
from app.core.strategy.model import Strategy, StrategyStep
from app.services import approvals, environments
from app.services.approvals import Decide
from app.store import access as access_store
from app.store import approvals as approval_store
from app.store.unit_of_work import unit
from tests.services.support.engine import Engine, Site, eventually

A = ApprovalStatus
"""Short name for the tables below."""


async def person(engine: Engine, name: str, *grants: Grant) -> Engine:
    """Return the engine as used by a new person with the grants; without any, APPROVER on everything."""
    grants = grants or (Grant(Role.APPROVER),)
    async with unit(engine.runtime) as work:
        actor = Actor(id=work.new_id(IdKind.USER), kind=ActorKind.USER, name=name)
        await access_store.insert_actor(actor, work.now)
        for grant in grants:
            await access_store.add_grant(actor.id, grant, work.now)
    scopes = (Role.ADMIN,)
    return replace(engine, principal=Principal(actor=actor, grants=grants, scopes=scopes, token_id="none"))


async def revoke(engine: Engine, user: Engine, grant: Grant | None = None) -> None:
    """Revoke a grant of a person; without one, APPROVER on everything."""
    async with unit(engine.runtime):
        assert await access_store.remove_grant(user.principal.actor.id, grant or Grant(Role.APPROVER))


async def approvals_of(engine: Engine, id_: str) -> list[Approval]:
    """Return all approvals of a deployment."""
    return (await approval_store.of_deployments([id_]))[id_]


async def pending(engine: Engine, id_: str) -> list[Approval]:
    """Return the pending approvals of a deployment."""
    return [approval for approval in await approvals_of(engine, id_) if approval.status is A.PENDING]


async def approval_statuses(engine: Engine, id_: str) -> list[tuple[ApprovalSubject, ApprovalStatus]]:
    """Return subject and status of all approvals of a deployment."""
    return [(approval.subject, approval.status) for approval in await approvals_of(engine, id_)]


async def until_requested(engine: Engine, id_: str, number: int = 1) -> list[Approval]:
    """Wait until a deployment has a number of pending approvals, and return them."""

    async def poll() -> list[Approval] | None:
        approvals = await pending(engine, id_)
        return approvals if len(approvals) == number else None

    return await eventually(poll, f"{number} approvals of {id_} to be requested")


async def decide(
    engine: Engine, *approvals_: Approval | str, reject: bool = False, comment: str = ""
) -> Sequence[Problem]:
    """Approve or reject, and return the problems."""
    ids = tuple(approval if isinstance(approval, str) else approval.id for approval in approvals_)
    verdict = Verdict.REJECT if reject else Verdict.APPROVE
    try:
        return list((await engine.perform(approvals.decide, Decide(ids, verdict, comment))).problems)
    except Refused as refused:
        return refused.problems


async def set_policy(site: Site, **fields: object) -> None:
    """Set the approval policy of an environment."""
    policy = ApprovalPolicy(**fields)  # type: ignore[arg-type]
    await site.engine.call(environments.set_approval_policy, (site.environment_id, policy))


def steps_asking(*asks: bool, auto_rollback: bool = True) -> Strategy:
    """Return a strategy with one step of one instance per entry of `asks` (whether it needs approval)."""
    return Strategy(
        steps=tuple(StrategyStep(1, 0, auto_rollback=auto_rollback, require_approval=needed) for needed in asks)
    )
