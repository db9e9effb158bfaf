"""Tasks that ask for approval: who may skip, remove or relax them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.core import approval as core
from app.core.access import Principal
from app.core.approval import ApprovalPolicy
from app.core.deployment import Deployment, WorkflowSource
from app.core.errors import Forbidden, Refused
from app.services.engine.locked_deployment import LockedDeployment
from app.store import approvals as store
from app.store import workflows as workflow_store


async def authors_of(deployment: Deployment) -> frozenset[str]:
    """Return the ids of those who wrote what a deployment would run, since it was last approved."""
    if deployment.revision == 1:
        return frozenset({deployment.created_by})
    return await store.authors_of(deployment.id)


async def why_not_waive(locked: LockedDeployment, principal: Principal) -> Forbidden | None:
    """Return why somebody may not let go of a task of a held deployment that asks for approval."""
    deployment = locked.deployment
    return core.why_not_waive(deployment, locked.policy or ApprovalPolicy(), principal, await authors_of(deployment))


async def refuse_unauthorized_waivers(
    locked: LockedDeployment, principal: Principal, ids: Mapping[str, str], keys: Sequence[str], path: tuple[str, ...]
) -> None:
    """Refuse an edit that lets go of tasks (keys) which ask for approval, unless the caller may. Raises Refused.

    `ids` has the tasks' ids, `path` names the input's field. A task that the caller made ask, and that nobody was asked
    for yet, is theirs to change.
    """
    if not keys:
        return
    problem = await why_not_waive(locked, principal)
    if problem is None:
        return
    asked = await store.tasks_asked_for(locked.deployment.id)
    for key in keys:
        if ids[key] in asked or await _made_to_ask_by(locked.deployment, key) != principal.actor.id:
            message = f"“{key}” asks for approval, and this edit lets go of it. {problem.message}"
            raise Refused(replace(problem, message=message, path=path))


async def _made_to_ask_by(deployment: Deployment, key: str) -> str | None:
    """Return who made a task ask that asks in the current revision; None: its template did."""
    revisions = (await workflow_store.revisions_of([deployment.id]))[deployment.id]
    since = deployment.revision
    while since > 1:
        tasks = (await workflow_store.tasks_at([(deployment.id, since - 1)])).get((deployment.id, since - 1), ())
        if not any(task.key == key and task.require_confirm for task in tasks):
            break
        since -= 1
    if since == 1 and deployment.source is not WorkflowSource.CUSTOM:
        return None
    return next(revision.author for revision in revisions if revision.number == since)
