"""Use cases of tasks."""

from app.core.errors import Refused, WrongState, not_found
from app.core.task import FAILURES, TaskStatus
from app.services.cases import Case
from app.services.deployments import require_deployer, resume, take_turn
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
        if ledger.deployment.status != "FAILED":
            message = f"Its deployment is {ledger.deployment.status}; tasks of a FAILED deployment can be retried."
            raise Refused(WrongState(message=message, status=ledger.deployment.status, path=("id",)))
        tasks = (await store.of_deployments([known.deployment_id]))[known.deployment_id]
        task = next(task for task in tasks if task.id == id_)
        if task.status not in FAILURES and task.status is not TaskStatus.ROLLED_BACK:
            message = f"It is {task.status}; only a task that failed, was cancelled or rolled back can be retried."
            raise Refused(WrongState(message=message, status=task.status, path=("id",)))
        await resume(ledger, tasks, [task])
    return (id_,)
