"""Removes orphans: runs that outlived their worker, and that no attempt will continue.

Their task was stopped meanwhile. A worker itself ends its runs when they are stopped, and removes finished ones once
they are settled. When it dies before that, the workers of the environment's pool, which can reach the cluster, remove
the orphans: every minute, and right after a task is cancelled.

Runs are listed before the states of their tasks are read. An attempt that adopts a run in between marks it, so the
operator knows that it is not the run that was listed.
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

INTERVAL_SECONDS = 60.0
"""How often one worker of each pool looks for orphans without a notification."""
SETTLE_SECONDS = 0.5
"""How long it waits after a notification, so that tasks that are cancelled together need one look."""


async def remove_orphans(runtime: Runtime, pool: str) -> None:
    """End the orphans in all clusters of a pool's environments, each connection once."""
    environments = await environment_store.served_by(pool, list(runtime.runs))
    connections = {
        (environment.operator, environment.kubernetes.bare) for environment in environments if environment.kubernetes
    }
    await asyncio.gather(*(_remove_orphans(runtime.runs[kind], connection) for kind, connection in connections))


async def _remove_orphans(operator: RunOperator, connection: KubernetesAccess) -> None:
    runs = await operator.list_runs(connection)
    ownerships = await task_store.run_ownership([run.task_id for run in runs]) if runs else {}
    for run in runs:
        is_orphaned = is_orphan(run.deployment_id, run.name, ownerships.get(run.task_id))
        if is_orphaned and await operator.end_run(connection, run):
            logger.warning("run %s of %s was orphaned by its worker, and is removed", run.name, run.task_id)


async def remove_orphans_forever(runtime: Runtime, pool: str) -> None:
    """Remove orphans repeatedly, until cancelled; one worker of the pool at a time. Failures are logged."""
    async with runtime.bus.listen(orphan_topic(pool)) as listener:
        since = runtime.clock.now()
        while True:
            try:
                if await sweep_store.claim(runtime.clock.now(), since, orphan_topic(pool)):
                    await remove_orphans(runtime, pool)
            except UNAVAILABLE as error:
                logger.warning(
                    "the database is unavailable, looking for orphans later: %s", error or type(error).__name__
                )
            except Exception:
                logger.exception("looking for orphans failed; trying again")
            notified = await listener.get(INTERVAL_SECONDS) != ()
            since = runtime.clock.now() - timedelta(seconds=0 if notified else INTERVAL_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS if notified else 0)
