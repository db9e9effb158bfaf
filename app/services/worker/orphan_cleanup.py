"""Orphans: runs that outlived their worker, and that nobody will go on with, as their task was stopped meanwhile.

A worker ends what it runs itself when that is stopped, and removes what has ended once it is stored what came of it.
Where it died before, that is found here: by whoever can reach the cluster, which are the workers of the environment's
pool, once a minute, and at once when a task is cancelled.

What runs is looked at before how its task stands: whoever takes a run for an attempt that began in between leaves its
mark, by which the operator knows that it is not what was found any more.
"""

import asyncio
import logging
from datetime import timedelta

from app.core.environment import KubernetesAccess
from app.core.kubernetes.job_runs import is_orphan
from app.ports import RunOperator
from app.services.engine.topics import orphan_topic
from app.services.runtime import Runtime
from app.store import environments as environment_store
from app.store import sweep as sweep_store
from app.store import tasks as task_store
from app.store.database import UNAVAILABLE

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""How often a worker of each pool looks, when nobody tells that there may be something."""
GATHER_SECONDS = 0.5
"""How long more is waited for when somebody tells: what is cancelled together needs one look."""


async def remove_orphans(runtime: Runtime, pool: str) -> None:
    """End the orphans in all that the environments of a pool reach: each connection is asked once."""
    environments = await environment_store.served_by(pool, list(runtime.runs))
    reached = {(each.operator, each.kubernetes.bare) for each in environments if each.kubernetes}
    await asyncio.gather(*(_reap(runtime.runs[kind], connection) for kind, connection in reached))


async def _reap(operator: RunOperator, connection: KubernetesAccess) -> None:
    found = await operator.list_runs(connection)
    standings = await task_store.run_ownership([run.task_id for run in found]) if found else {}
    for run in found:
        if is_orphan(run.deployment_id, run.name, standings.get(run.task_id)) and await operator.end_run(
            connection, run
        ):
            logger.warning("run %s of %s was left by its worker, and is removed", run.name, run.task_id)


async def remove_orphans_forever(runtime: Runtime, pool: str) -> None:
    """Look again and again, until cancelled: one worker of the pool each time. What fails is logged."""
    async with runtime.bus.listen(orphan_topic(pool)) as listener:
        since = runtime.clock.now()
        while True:
            try:
                if await sweep_store.claim(runtime.clock.now(), since, orphan_topic(pool)):
                    await remove_orphans(runtime, pool)
            except UNAVAILABLE as error:
                logger.warning("the database is away, looking for orphans later: %s", error or type(error).__name__)
            except Exception:
                logger.exception("looking for orphans failed; trying again")
            told = await listener.get(LOOK_SECONDS) != ()
            since = runtime.clock.now() - timedelta(seconds=0 if told else LOOK_SECONDS)
            await asyncio.sleep(GATHER_SECONDS if told else 0)
