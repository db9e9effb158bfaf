"""Helpers of the engine tests: Boreas without its API, environments, and workers to start and stop.

Use cases are called as the API calls them. Workers run as in their own process, but only sweep where a test asks for
it: a deployment must proceed without the sweep, which exists for crashes.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pytest

from app.core.access import Principal
from app.core.application import Application, KubernetesTarget, ShellTarget
from app.core.deployment import Deployment, DeploymentStatus
from app.core.environment import Environment, OperatorKind
from app.core.errors import Problem, Refused
from app.core.events import Event
from app.core.logs import LogFilter, LogLine, LogRange
from app.core.strategy.model import Strategy, StrategyStep
from app.core.task import Task, TaskAttempt, TaskStatus
from app.core.version import Artifact, Version
from app.core.workflow import WorkflowTask
from app.gateways.operators.shell import ShellOperator
from app.gateways.queue import ArqQueue, WakingWorker
from app.jobs.deployments import jobs
from app.services import applications, deployments, environments, tasks, versions
from app.services.access import authenticate, ensure_admin
from app.services.deployments import ReasonedAction
from app.services.drafts import DeploymentRequest
from app.services.engine.locked_deployment import lock_deployment
from app.services.runtime import Runtime
from app.services.use_cases import MutationCall, Result, UseCase, perform
from app.services.worker.sweep import sweep_forever
from app.services.worker.turn import WorkerIdentity
from app.services.worker.worker import Worker
from app.settings import Settings, StoreSettings, WorkerSettings
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import event_feed, logs
from app.store import tasks as task_store
from app.store import versions as version_store
from app.store.unit_of_work import Unit, unit
from app.wiring import open_runtime, worker_id
from tests.services.support.commands import NOTHING
from tests.support.servers import Servers, connect

T = TypeVar("T")
D: TypeAlias = DeploymentStatus
S: TypeAlias = TaskStatus
ADMIN = "bor_a-token-for-tests-only"
LEASE_SECONDS = 2.0
GRACE_SECONDS = 0.5
PATIENCE_SECONDS = 20.0
AN_HOUR = 3600


async def eventually(
    poll: Callable[[], Awaitable[T | None]], description: str = "it", seconds: float = PATIENCE_SECONDS
) -> T:
    """Poll until `look` returns something, and return it; fail the test after the deadline."""
    deadline = time.monotonic() + seconds
    while not (result := await poll()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s for {description} in vain")
        await asyncio.sleep(0.01)
    return result


def rolling(size: int = 0, interval: int = 0, *, auto_rollback: bool = True) -> Strategy:
    """Return a strategy of one step."""
    return Strategy(steps=(StrategyStep(size, interval, auto_rollback),))


def watched(task: Task) -> bool:
    """Return whether a batch of a deploy task is watched while no worker holds the task."""
    return task.worker is None and task.resume_at is not None


def backed_off(task: Task) -> bool:
    """Return whether a task waits for its next attempt."""
    return task.status is S.PENDING and task.retry_at is not None


@dataclass(frozen=True, slots=True)
class Story:
    """A deployment as it is stored, with its tasks and their attempts by the tasks' keys."""

    deployment: Deployment
    tasks: dict[str, Task]
    attempts: dict[str, list[TaskAttempt]]

    @property
    def status(self) -> DeploymentStatus:
        """The status of the deployment."""
        return self.deployment.status

    @property
    def statuses(self) -> dict[str, TaskStatus]:
        """The status of each task, by key."""
        return {key: task.status for key, task in self.tasks.items()}

    def attempt_statuses(self, key: str) -> list[TaskStatus]:
        """Return the status of each attempt of a task."""
        return [attempt.status for attempt in self.attempts[key]]


@dataclass(slots=True)
class RunningWorker:
    """A worker process without the process."""

    worker: Worker
    arq: WakingWorker
    loops: list[asyncio.Task[None]]
    taking: asyncio.Task[None]
    connected: bool = True

    @property
    def identity(self) -> WorkerIdentity:
        """Its id and pool."""
        return self.worker.identity

    async def shut_down(self) -> None:
        """Shut down as the process does on SIGTERM."""
        if self.connected:
            self.connected = False
            self.arq.stop()
            await self.worker.drain()
            await asyncio.wait([self.taking])
            await _end(self.loops)

    async def vanish(self) -> None:
        """Lose contact: renew no leases and claim nothing, while the attempts continue."""
        self.connected = False
        self.worker._slots = 0
        self.arq.stop()
        await asyncio.wait([self.taking])
        await _end(self.loops)

    async def close(self) -> None:
        """End it, with its attempts."""
        await self.shut_down()
        await self.worker.drain()

    async def until_idle(self) -> None:
        """Wait until all attempts of the worker have ended."""
        await eventually(self._is_idle, "the worker's attempts to end")

    async def _is_idle(self) -> bool:
        return self.worker.idle


async def _end(loops: Iterable[asyncio.Task[None]]) -> None:
    loop_tasks = list(loops)
    for loop in loop_tasks:
        loop.cancel()
    await asyncio.wait(loop_tasks)


class _RollBack(Exception):
    """Ends a unit of work so that it is rolled back."""


@dataclass(slots=True)
class Engine:
    """Boreas without its API."""

    runtime: Runtime
    queue: ArqQueue
    principal: Principal
    servers: Servers
    folder: Path
    stack: AsyncExitStack

    async def call(self, use_case: UseCase[T], command: T, key: str | None = None) -> tuple[str, ...]:
        """Carry a use case out as an administrator and return the ids of its result. Raises Refused."""
        return (await self.perform(use_case, command, key)).ids

    async def perform(self, use_case: UseCase[T], command: T, key: str | None = None) -> Result:
        """Run a use case as an administrator. Raises Refused."""
        name = getattr(use_case, "__name__", "")
        call = MutationCall(principal=self.principal, mutation=name, idempotency_key=key)
        return await perform(self.runtime, call, use_case, command)

    async def change(self, use_case: UseCase[tuple[str, dict[str, object]]], id_: str, **fields: object) -> None:
        """Update some fields of an object."""
        await self.call(use_case, (id_, fields))

    async def refusal(self, use_case: UseCase[T], command: T) -> Problem:
        """Run a use case that must be refused, and return the problem."""
        with pytest.raises(Refused) as error:
            await self.call(use_case, command)
        return error.value.problems[0]

    async def cancel(self, id_: str, *, force: bool = False) -> None:
        """Cancel a deployment."""
        await self.call(deployments.cancel, ReasonedAction(id_, "not wanted", force))

    async def retry(self, id_: str) -> None:
        """Retry a failed deployment."""
        await self.call(deployments.retry, id_)

    async def retry_task(self, id_: str) -> None:
        """Retry a failed task."""
        await self.call(tasks.retry, id_)

    async def roll_back(self, id_: str) -> str:
        """Roll a deployment back; return the id of the deployment that does it."""
        (rolling_back,) = await self.call(deployments.roll_back, ReasonedAction(id_, "worse than before"))
        return rolling_back

    def patient_runtime(self, grace_seconds: float = 600.0) -> Runtime:
        """Return the runtime with a long grace period for commands."""
        shell = ShellOperator(self.folder / "workspaces", grace_seconds)
        return replace(self.runtime, operators={**self.runtime.operators, OperatorKind.SHELL: shell})

    async def worker(
        self, slots: int = 32, pool: str = "default", runtime: Runtime | None = None, *, sweeps: bool = False
    ) -> RunningWorker:
        """Start a worker; it stops with the test."""
        runtime = runtime or self.runtime
        worker = Worker(runtime, WorkerIdentity(worker_id(), pool), slots)
        arq = self.queue.worker(pool, jobs(runtime, worker), lambda: worker.has_room)
        runs = [
            worker.renew_leases(),
            worker.listen_for_stops(),
            *([worker.poll(), sweep_forever(runtime)] if sweeps else []),
        ]
        loops = [asyncio.create_task(run) for run in runs]
        running_worker = RunningWorker(worker, arq, loops, asyncio.create_task(arq.main()))
        self.stack.push_async_callback(running_worker.close)
        return running_worker

    async def site(self, operator: OperatorKind = OperatorKind.SHELL, **fields: Any) -> "Site":
        """Create an environment to deploy to."""
        all_environments = await environment_store.all_by_rank()
        values: dict[str, Any] = {"worker_pool": "default", "max_concurrent_deployments": 100} | fields
        draft = Environment(
            id="",
            name=f"site-{len(all_environments)}",
            rank=0,
            operator=operator,
            created_at=self.runtime.clock.now(),
            **values,
        )
        (id_,) = await self.call(environments.create, draft)
        return Site(self, id_)

    async def story(self, id_: str) -> Story:
        """Return a deployment with its tasks and attempts."""
        deployment = (await deployment_store.by_ids([id_]))[id_]
        tasks_ = (await task_store.of_deployments([id_]))[id_]
        attempts = await task_store.attempts_of([task.id for task in tasks_])
        return Story(deployment, {task.key: task for task in tasks_}, {task.key: attempts[task.id] for task in tasks_})

    async def put(self, task: Task) -> None:
        """Store a task."""
        async with unit(self.runtime) as work, lock_deployment(work, task.deployment_id) as locked:
            locked.put_task(task)

    async def until(self, id_: str, *statuses: DeploymentStatus, seconds: float = PATIENCE_SECONDS) -> Story:
        """Wait until a deployment has one of the statuses, and return it."""
        deadline = time.monotonic() + seconds
        while (story := await self.story(id_)).status not in statuses:
            if time.monotonic() > deadline:
                pytest.fail(f"still {story.status} and not {statuses}: {story}")
            await asyncio.sleep(0.01)
        return story

    async def until_task(self, id_: str, key: str, condition: Callable[[Task], object], description: str = "") -> Task:
        """Wait until a task of a deployment meets the condition, and return it."""

        async def matching_task() -> Task | None:
            task = (await self.story(id_)).tasks[key]
            return task if condition(task) else None

        return await eventually(matching_task, f"{key} of {id_} {description}")

    async def until_running(self, id_: str, *keys: str) -> Story:
        """Wait until all these tasks of a deployment run at the same time."""

        async def running_story() -> Story | None:
            story = await self.story(id_)
            return story if all(story.statuses[key] is S.RUNNING for key in keys) else None

        return await eventually(running_story, f"{keys} of {id_} to run")

    async def lines(self, task: Task, attempt: int | None = None) -> list[LogLine]:
        """Return the log of a task, or of one attempt."""
        log_filter = LogFilter(attempt=attempt)
        return (await logs.pages([task.id], log_filter, LogRange(limit=1_000_000)))[task.id]

    async def messages(self, id_: str, key: str, attempt: int | None = None) -> list[str]:
        """Return the messages of a task's log."""
        task = (await self.story(id_)).tasks[key]
        return [line.message for line in await self.lines(task, attempt)]

    async def until_logged(self, id_: str, key: str, message: str, attempt: int | None = None) -> None:
        """Wait until a task has logged a line."""

        async def is_logged() -> bool:
            return message in await self.messages(id_, key, attempt)

        await eventually(is_logged, f"{key} to log {message!r}")

    @asynccontextmanager
    async def open_connection(self) -> AsyncIterator[Any]:
        """Open a connection to the database beside the engine's own."""
        connection = await connect(self.servers.database_url)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def row_lock(self, id_: str) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
        """Lock a deployment's row on another connection; yield a check for a waiting lock."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        async with self.open_connection() as connection, connection.transaction():
            await connection.execute("SELECT 1 FROM deployments WHERE id = $1 FOR UPDATE", id_)

            async def has_waiter() -> bool:
                return bool(await connection.fetchval(query))

            yield has_waiter

    @asynccontextmanager
    async def rolled_back_unit(self) -> AsyncIterator[Unit]:
        """Open a unit of work that is rolled back."""
        with suppress(_RollBack):
            async with unit(self.runtime) as work:
                yield work
                raise _RollBack

    async def events(self, id_: str) -> list[Event]:
        """Return all events of a deployment."""
        return (await event_feed.pages([id_], 0, 1_000_000))[id_]


@dataclass(slots=True)
class Site:
    """An environment with some applications, by name."""

    engine: Engine
    environment_id: str
    applications: dict[str, str] = field(default_factory=dict)

    async def application(
        self, name: str, deploy: tuple[str, ...] | ShellTarget | KubernetesTarget = NOTHING, **fields: Any
    ) -> str:
        """Create an application; by default it has only a deploy task that does nothing."""
        cluster = deploy if isinstance(deploy, KubernetesTarget) else None
        shell = (
            ShellTarget(deploy) if isinstance(deploy, tuple) else deploy if isinstance(deploy, ShellTarget) else None
        )
        values: dict[str, Any] = {"shell": shell, "kubernetes": cluster}
        values |= {"description": "", "repository_url": None, "build": None, "test": None, "health_check": None}
        values |= fields
        now = self.engine.runtime.clock.now()
        draft = Application(id="", name=name, archived_at=None, created_at=now, **values)
        (self.applications[name],) = await self.engine.call(applications.create, draft)
        return self.applications[name]

    async def version(self, name: str, commit: str | None = None) -> str:
        """Create a version of all applications."""
        tag = re.sub(r"[^a-z0-9.]", "-", name).lstrip("-.") or "x"
        artifacts = tuple(Artifact(application_id=id_, image=f"{app}:{tag}") for app, id_ in self.applications.items())
        now = self.engine.runtime.clock.now()
        draft = Version(id="", name=name, commit=commit, created_by="", created_at=now, artifacts=artifacts)
        (id_,) = await self.engine.call(versions.create, draft)
        return id_

    async def deploy(self, version: str = "v1", *graph: WorkflowTask, only: Iterable[str] = (), **fields: Any) -> str:
        """Create a deployment of a new version, or of one by its id; `graph` replaces the generated one."""
        if not self.applications:
            await self.application(f"app-{self.environment_id[-8:]}")
        names = list(only) or list(self.applications)
        fields["must_in_order"] = tuple(self.applications[name] for name in fields.get("must_in_order", ()))
        request = DeploymentRequest(
            version_id=version if version.startswith("ver_") else await self.version(version),
            environment_ids=(self.environment_id,),
            application_ids=tuple(self.applications[name] for name in names),
            tasks=graph or None,
            **fields,
        )
        (id_,) = await self.engine.call(deployments.create, request)
        return id_

    async def deployed(self, version: str = "v1", *graph: WorkflowTask, **fields: Any) -> Story:
        """Deploy and wait for its success."""
        return await self.engine.until(await self.deploy(version, *graph, **fields), D.SUCCESS)

    async def releases(self) -> dict[str, str]:
        """Return the names of the running versions, by application."""
        releases = await environment_store.releases_in([self.environment_id])
        names = {id_: name for name, id_ in self.applications.items()}
        released = await version_store.by_ids([release.version_id for release in releases])
        return {names[release.application_id]: released[release.version_id].name for release in releases}


@asynccontextmanager
async def running(servers: Servers, folder: Path) -> AsyncIterator[Engine]:
    """Open everything but the API."""
    settings = Settings(
        data_dir=folder,
        store=StoreSettings(servers.database_url, servers.redis_url),
        worker=WorkerSettings(
            lease_seconds=LEASE_SECONDS,
            grace_seconds=GRACE_SECONDS,
            command_user=str(os.geteuid()),
            command_wall=False,
        ),
    )
    async with open_runtime(settings, operators=True) as (runtime, queue), AsyncExitStack() as stack:
        await ensure_admin(runtime, ADMIN)
        principal = await authenticate(runtime, ADMIN)
        assert principal is not None
        yield Engine(runtime, queue, principal, servers, folder, stack)
