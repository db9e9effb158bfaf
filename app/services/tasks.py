"""Use cases of tasks."""

from app.core import steering
from app.core.errors import not_found
from app.services.cases import Case
from app.services.deployments import refuse_state, require_deployer, resume, take_turn
from app.services.ledger import hold
from app.store import tasks as store


async def retry(case: Case, id_: str) -> tuple[str, ...]:
    """Start one failed task of a failed deployment again; other failed ones stay as they are. For DEPLOYER."""
    known = (await store.by_ids([id_])).get(id_)
    if known is None:
        raise not_found("task", id_, ("id",))
    await take_turn(case, known.deployment_id)
    async with hold(case.work, known.deployment_id, case.principal.actor.id) as ledger:
        require_deployer(case, ledger.deployment)
        tasks = (await store.of_deployments([known.deployment_id]))[known.deployment_id]
        task = next(task for task in tasks if task.id == id_)
        refuse_state(task.status, steering.why_not_retry_task(ledger.deployment, task))
        await resume(ledger, tasks, [task])
    return (id_,)
