"""Opens and closes everything that a process needs: one function for the API, the worker and the tests."""

import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from app.core.environment import OperatorKind
from app.gateways.bus import RedisBus
from app.gateways.clock import SystemChance, SystemClock
from app.gateways.operators.kubernetes import KubernetesOperator
from app.gateways.operators.shell import ShellOperator
from app.gateways.operators.simulated import SimulatedOperator
from app.gateways.probes import HttpProbe
from app.gateways.queue import ArqQueue, connect
from app.gateways.recurrence import WallCalendar
from app.ports import Operator
from app.services.runtime import Runtime
from app.settings import SettingError, Settings
from app.store.database import config, connected

ANSWER_SECONDS = 30.0
"""How long PostgreSQL may take to answer a statement before it counts as away: a connection can die without a word."""


@asynccontextmanager
async def opened(settings: Settings, *, operators: bool = False) -> AsyncIterator[tuple[Runtime, ArqQueue]]:
    """Connect to PostgreSQL and Redis; give the runtime, and the queue for a worker. Raises SettingError."""
    store = settings.store
    if not store.database_url or not store.redis_url:
        raise SettingError("Set BOREAS_DATABASE_URL and BOREAS_REDIS_URL, or use boreas up, which brings its own.")
    redis = connect(store.redis_url)
    bus = RedisBus(redis)
    queue = ArqQueue(redis, bus)
    database = config(store.database_url, store.pool_size, answer_seconds=ANSWER_SECONDS)
    async with connected(database), HttpProbe(settings.worker.probe_networks) as probe, AsyncExitStack() as stack:
        await bus.open()
        try:
            carriers = _operators(settings, stack) if operators else {}
            clusters = {kind: one for kind, one in carriers.items() if isinstance(one, KubernetesOperator)}
            yield (
                Runtime(
                    clock=SystemClock(),
                    chance=SystemChance(),
                    bus=bus,
                    queue=queue,
                    probe=probe,
                    calendar=WallCalendar(),
                    operators=carriers,
                    rollouts=clusters,
                    runs=clusters,
                    lease_seconds=settings.worker.lease_seconds,
                    log_bytes=settings.worker.log_mebibytes * 1024 * 1024,
                ),
                queue,
            )
        finally:
            await bus.close()
            await redis.aclose(close_connection_pool=True)


def _operators(settings: Settings, stack: AsyncExitStack) -> dict[OperatorKind, Operator]:
    workspaces = settings.data_dir / "workspaces"
    shell = ShellOperator(workspaces.absolute(), settings.worker.grace_seconds)
    stack.push_async_callback(shell.close)
    kubernetes = KubernetesOperator()
    stack.push_async_callback(kubernetes.close)
    return {
        OperatorKind.SHELL: shell,
        OperatorKind.KUBERNETES: kubernetes,
        OperatorKind.SIMULATED: SimulatedOperator(),
    }


def worker_id() -> str:
    """Return a name for this worker process that no other has, and that tells people where it runs."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"


def migrations_folder() -> Path:
    """Return where the migrations are: beside the package, in a checkout as in the image."""
    return Path(__file__).parent.parent / "migrations"
