"""Who may waive the approval of a task: by skipping, removing or relaxing the task."""

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
    """Return the ids of the actors who wrote the deployment's workflow since it was last approved."""
    if deployment.revision == 1:
        return frozenset({deployment.created_by})
    return await store.authors_of(deployment.id)


async def why_not_waive(locked: LockedDeployment, principal: Principal) -> Forbidden | None:
    """Return why a principal may not waive the approval of a task; None if they may."""
    deployment = locked.deployment
    return core.why_not_waive(deployment, locked.policy or ApprovalPolicy(), principal, await authors_of(deployment))


async def refuse_unauthorized_waivers(
    locked: LockedDeployment, principal: Principal, ids: Mapping[str, str], keys: Sequence[str], path: tuple[str, ...]
) -> None:
    """Refuse an edit that waives the approvals of the tasks `keys`, unless the caller may waive them.

    Raises Refused. `ids` has the tasks' ids by key, `path` names the input's field. Authors may waive approvals that
    they added to a task themselves and that were not requested yet.
    """
    if not keys:
        return
    problem = await why_not_waive(locked, principal)
    if problem is None:
        return
    requested_ids = await store.requested_task_ids(locked.deployment.id)
    for key in keys:
        if ids[key] in requested_ids or await _confirmation_author(locked.deployment, key) != principal.actor.id:
            message = f"The task “{key}” needs approval, and this edit waives it. {problem.message}"
            raise Refused(replace(problem, message=message, path=path))


async def _confirmation_author(deployment: Deployment, key: str) -> str | None:
    """Return who set requireConfirm of a task in an edit; None if its template or generator did."""
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
