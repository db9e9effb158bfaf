"""Opens and closes everything that a process needs: one function for the API, the worker and the tests."""

import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from app.core.environment import OperatorKind
from app.gateways.authorities import Authorities, AuthoritiesError
from app.gateways.bus import RedisBus
from app.gateways.clock import SystemChance, SystemClock
from app.gateways.operators.kubernetes import AllowedClusters, KubernetesOperator
from app.gateways.operators.shell import ShellOperator
from app.gateways.operators.shell.accounts import Accounts, accounts
from app.gateways.operators.shell.landlock import Wall
from app.gateways.operators.simulated import SimulatedOperator
from app.gateways.probes import HttpProbe
from app.gateways.queue import ArqQueue, connect
from app.gateways.recurrence import WallCalendar
from app.ports import Operator
from app.services.runtime import Runtime
from app.settings import OutgoingSettings, SettingError, Settings
from app.store.database import config, connected
from app.store.roles import is_mighty

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 30.0
"""How long PostgreSQL may take to answer a statement before it counts as away: a connection can die without a word."""


@asynccontextmanager
async def opened(settings: Settings, *, operators: bool = False) -> AsyncIterator[tuple[Runtime, ArqQueue]]:
    """Connect to PostgreSQL and Redis; give the runtime, and the queue for a worker. Raises SettingError."""
    store = settings.store
    if not store.database_url or not store.redis_url:
        raise SettingError("Set BOREAS_DATABASE_URL and BOREAS_REDIS_URL, or use boreas up, which brings its own.")
    redis = connect(store.redis_url, settings.outgoing.ca_file)
    bus = RedisBus(redis)
    queue = ArqQueue(redis, bus)
    database = config(store.database_url, store.pool_size, answer_seconds=ANSWER_SECONDS)
    async with connected(database), _probe(settings) as probe, AsyncExitStack() as stack:
        await bus.open()
        try:
            carriers = _operators(settings, stack) if operators else {}
            shell = next((one for one in carriers.values() if isinstance(one, ShellOperator)), None)
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
                    workspaces=shell,
                    lease_seconds=settings.worker.lease_seconds,
                    log_bytes=settings.worker.log_mebibytes * 1024 * 1024,
                ),
                queue,
            )
        finally:
            await bus.close()
            await redis.aclose(close_connection_pool=True)


async def warn_of_might() -> None:
    """Log it where this process, once connected, could change the audit log."""
    if await is_mighty():
        logger.warning(
            "this process owns the tables of its database, and could change the audit log; give it a role of its own, "
            "as boreas migrate --help says"
        )


def _probe(settings: Settings) -> HttpProbe:
    known = settings.outgoing
    try:
        return HttpProbe(settings.worker.probe_networks, authorities(known), known.proxies)
    except AuthoritiesError as error:
        raise SettingError(str(error)) from None


def authorities(outgoing: OutgoingSettings) -> Authorities:
    """Return whose certificates are believed."""
    return Authorities(outgoing.ca_file, outgoing.cert_file, outgoing.cert_folder)


def _operators(settings: Settings, stack: AsyncExitStack) -> dict[OperatorKind, Operator]:
    shell = _shell(settings)
    stack.push_async_callback(shell.close)
    worker = settings.worker
    reach = AllowedClusters(worker.kubeconfigs, worker.namespaces, worker.trusts_kubeconfigs)
    kubernetes = KubernetesOperator(reach=reach, authorities=authorities(settings.outgoing))
    stack.push_async_callback(kubernetes.close)
    return {
        OperatorKind.SHELL: shell,
        OperatorKind.KUBERNETES: kubernetes,
        OperatorKind.SIMULATED: SimulatedOperator(),
    }


def _shell(settings: Settings) -> ShellOperator:
    workspaces = settings.data_dir.absolute() / "workspaces"
    who, built = who_runs_commands(settings), wall(settings)
    logger.info("commands run as %s", who.told())
    if who.is_own and not (built and built.stands):
        logger.warning("nothing keeps commands from what this worker may read, such as its database: no Landlock here")
    return ShellOperator(workspaces, settings.worker.grace_seconds, accounts=who, wall=built)


def who_runs_commands(settings: Settings) -> Accounts:
    """Return whom commands run as. Raises SettingError where that can not be."""
    worker = settings.worker
    try:
        return accounts(worker.command_user, settings.data_dir.absolute(), passage=bool(worker.command_passage))
    except ValueError as error:
        raise SettingError(str(error)) from error


def wall(settings: Settings) -> Wall | None:
    """Return the wall that keeps commands out of what is Boreas' own, None where none is wanted."""
    if not settings.worker.command_wall:
        return None
    worker = settings.worker
    folders = (worker.kubeconfigs,) if worker.kubeconfigs else ()
    protected = (settings.data_dir, *settings.secret_files, *folders, *worker.command_protected)
    return Wall(protected, worker.command_passage or None)


def worker_id() -> str:
    """Return a name for this worker process that no other has, and that tells people where it runs."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"


def migrations_folder() -> Path:
    """Return where the migrations are: beside the package, in a checkout as in the image."""
    return Path(__file__).parent.parent / "migrations"
