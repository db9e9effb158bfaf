"""Opens and closes the connections and operators of a process, for the API, the worker and tests."""

import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from app.core.environment import OperatorKind
from app.gateways.authorities import AuthoritiesError
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
from app.settings import SettingError, Settings
from app.store.database import config, connected
from app.store.roles import has_full_rights

logger = logging.getLogger(__name__)

NO_SERVERS = "Set BOREAS_DATABASE_URL and BOREAS_REDIS_URL, or use boreas up, which runs its own."
STATEMENT_SECONDS = 30.0
"""Timeout of a statement. It detects connections that died silently."""


@asynccontextmanager
async def open_runtime(settings: Settings, *, operators: bool = False) -> AsyncIterator[tuple[Runtime, ArqQueue]]:
    """Connect to PostgreSQL and Redis; yield the runtime, and the queue for a worker. Raises SettingError."""
    store = settings.store
    if not store.database_url or not store.redis_url:
        raise SettingError(NO_SERVERS)
    redis = connect(store.redis_url, settings.outgoing.authorities.extra)
    bus = RedisBus(redis)
    queue = ArqQueue(redis, bus)
    database = config(store.database_url, store.pool_size, answer_seconds=STATEMENT_SECONDS)
    async with connected(database), _probe(settings) as probe, AsyncExitStack() as stack:
        await bus.open()
        try:
            operators_by_kind = _operators(settings, stack) if operators else {}
            shell = next(
                (operator for operator in operators_by_kind.values() if isinstance(operator, ShellOperator)), None
            )
            clusters = {
                kind: operator
                for kind, operator in operators_by_kind.items()
                if isinstance(operator, KubernetesOperator)
            }
            yield (
                Runtime(
                    clock=SystemClock(),
                    chance=SystemChance(),
                    bus=bus,
                    queue=queue,
                    probe=probe,
                    calendar=WallCalendar(),
                    operators=operators_by_kind,
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


async def warn_if_audit_log_is_writable() -> None:
    """Log a warning if this process, which is connected, has the right to change the audit log."""
    if await has_full_rights():
        logger.warning(
            "this process owns the tables of its database and could change the audit log; "
            "give it a role of its own: see boreas migrate --help"
        )


def _probe(settings: Settings) -> HttpProbe:
    outgoing = settings.outgoing
    try:
        return HttpProbe(settings.worker.probe_networks, outgoing.authorities, outgoing.proxies)
    except AuthoritiesError as error:
        raise SettingError(str(error)) from None


def _operators(settings: Settings, stack: AsyncExitStack) -> dict[OperatorKind, Operator]:
    shell = _shell(settings)
    stack.push_async_callback(shell.close)
    worker = settings.worker
    allowed = AllowedClusters(worker.kubeconfigs, worker.namespaces, worker.trusts_kubeconfigs)
    kubernetes = KubernetesOperator(allowed=allowed, authorities=settings.outgoing.authorities)
    stack.push_async_callback(kubernetes.close)
    return {
        OperatorKind.SHELL: shell,
        OperatorKind.KUBERNETES: kubernetes,
        OperatorKind.SIMULATED: SimulatedOperator(),
    }


def _shell(settings: Settings) -> ShellOperator:
    workspaces = settings.data_dir.absolute() / "workspaces"
    accounts_of_commands, wall = command_accounts(settings), landlock_wall(settings)
    logger.info("commands run as %s", accounts_of_commands.description())
    if accounts_of_commands.is_own and not (wall and wall.stands):
        logger.warning("commands can read everything that this worker can, such as its database: no Landlock here")
    return ShellOperator(workspaces, settings.worker.grace_seconds, accounts=accounts_of_commands, wall=wall)


def command_accounts(settings: Settings) -> Accounts:
    """Return the accounts that commands run as. Raises SettingError if this process cannot use them."""
    worker = settings.worker
    try:
        return accounts(worker.command_user, settings.data_dir.absolute(), passage=bool(worker.command_passage))
    except ValueError as error:
        raise SettingError(str(error)) from error


def landlock_wall(settings: Settings) -> Wall | None:
    """Return the wall that keeps commands out of Boreas's own files, None if it is switched off."""
    if not settings.worker.command_wall:
        return None
    worker = settings.worker
    folders = (worker.kubeconfigs,) if worker.kubeconfigs else ()
    protected = (settings.data_dir, *settings.secret_files, *folders, *worker.command_protected)
    return Wall(protected, worker.command_passage or None)


def worker_id() -> str:
    """Return a unique name for this worker process, which starts with the name of its machine."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"


def migrations_folder() -> Path:
    """Return the folder of migrations: beside the package, in a checkout as in the image."""
    return Path(__file__).parent.parent / "migrations"
