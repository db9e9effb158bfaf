"""Loaders: each answers one question for many objects in one query, and shows nobody what they may not see.

Keys that a viewer may not see load as None, exactly as keys that do not exist.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.api.execution.column_cache import ColumnCache
from app.api.execution.dataloader import CoalescingLoader, DataLoader, DispatchHold
from app.api.execution.executor import Columns
from app.api.page_loaders import CountKey, PageKey, load_counts, load_pages
from app.core.access import ApiToken, Grant, Principal
from app.core.approval import Approval
from app.core.batch_history import ProgressPoint
from app.core.deployment import Definition, Deployment, DeploymentFilter
from app.core.environment import Release
from app.core.errors import Problem
from app.core.freeze import FreezeWindow
from app.core.gate import GateContext
from app.core.logs import LogFilter, LogLine, LogRange
from app.core.revision import Revision
from app.core.roles import Role
from app.core.task import Task, TaskAttempt, removed_task, workflow_tasks
from app.core.template import TemplateVersion
from app.core.workflow import WorkflowTask
from app.services import allowed_actions, gates
from app.services.allowed_actions import Caller
from app.services.approval_waivers import authors_of
from app.services.runtime import Runtime
from app.store import access as access_store
from app.store import (
    applications,
    approvals,
    audit,
    definitions,
    deployments,
    environments,
    event_feed,
    freezes,
    logs,
    tasks,
    templates,
    versions,
    workflows,
)
from app.store.workflows import Durations

RevisionKey = tuple[str, int]
"""A deployment's id, and the number of a revision."""
K = TypeVar("K", bound=Hashable)
A = TypeVar("A", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class LogKey:
    """A part of a task's log."""

    task_id: str
    wanted: LogFilter
    part: LogRange


TaskColumns = tuple[str, tuple[str, ...]]
"""The tasks of a deployment, and which of their columns."""


def may_see(principal: Principal, deployment: Deployment) -> bool:
    """Tell whether somebody may see a deployment: VIEWER on its environment and each of its applications."""
    return principal.allows(
        Role.VIEWER, environment_id=deployment.environment_id, application_ids=deployment.application_ids
    )


def visible(principal: Principal) -> DeploymentFilter:
    """Return the filter that leaves only the deployments that somebody may see."""
    pairs = [(grant.environment_id, grant.application_id) for grant in principal.grants]
    return DeploymentFilter(visible=tuple(pairs))


async def _grouped(
    keys: Sequence[K], split: Callable[[K], tuple[str, A]], load: Callable[[list[str], A], Awaitable[Mapping[str, V]]]
) -> list[V]:
    """Load keys that differ in more than their id: one call for all that share the rest."""
    groups: dict[A, list[str]] = {}
    for key in keys:
        id_, rest = split(key)
        groups.setdefault(rest, []).append(id_)
    found = {rest: await load(ids, rest) for rest, ids in groups.items()}
    return [found[rest][id_] for id_, rest in map(split, keys)]


async def _task_columns(keys: Sequence[TaskColumns]) -> dict[TaskColumns, Columns]:
    found = await tasks.columns_of_deployments(keys)
    made = {key: (mark, Columns(values)) for key, (mark, values) in found.items()}
    for key, (mark, columns) in made.items():
        if mark is not None:
            _kept.put(key, mark, columns)
    return {key: columns for key, (_, columns) in made.items()}


_kept: ColumnCache[TaskColumns] = ColumnCache()
_applications = CoalescingLoader(applications.by_ids)
_environments = CoalescingLoader(environments.by_ids)
_versions = CoalescingLoader(versions.by_ids)
_actors = CoalescingLoader(access_store.actors_by_ids)
_deployments = CoalescingLoader(deployments.by_ids)
_tasks = CoalescingLoader(tasks.by_ids)
_tasks_of = CoalescingLoader(tasks.of_deployments)
_columns_of_tasks = CoalescingLoader(_task_columns)
"""What is loaded for all operations together. None of it depends on who asks."""


class Lazy(Generic[K, V]):
    """A loader that is made when it is first asked for: an operation needs few of them."""

    def __init__(self, make: Callable[["Loaders"], DataLoader[K, V]]) -> None:
        self._make = make

    def __set_name__(self, owner: type["Loaders"], name: str) -> None:
        self._name = name

    def __get__(self, loaders: "Loaders", owner: type["Loaders"]) -> DataLoader[K, V]:
        made = loaders.__dict__[self._name] = self._make(loaders)
        made.hold = loaders.hold
        return made


class Loaders:
    """The loaders of one operation, or of one event of a feed. What they loaded is kept: they do not live long."""

    application = Lazy(lambda _: _loader(_applications))
    environment = Lazy(lambda _: _loader(_environments))
    version = Lazy(lambda _: _loader(_versions))
    actor = Lazy(lambda _: _loader(_actors))
    token = Lazy(lambda _: _loader(access_store.tokens_by_ids))
    deployment: Lazy[str, Deployment | None] = Lazy(lambda self: DataLoader(self._deployments))
    task: Lazy[str, Task | None] = Lazy(lambda self: DataLoader(self._tasks))
    tasks_of: Lazy[str, list[Task]] = Lazy(lambda self: DataLoader(_listed(_tasks_of)))
    tasks_by_id: Lazy[str, Mapping[str, Task]] = Lazy(lambda self: DataLoader(self._tasks_by_id))
    task_columns: Lazy[TaskColumns, Columns] = Lazy(lambda _: DataLoader(_listed(_columns_of_tasks)))
    approval: Lazy[str, Approval | None] = Lazy(lambda self: DataLoader(self._approvals))
    approvals_of: Lazy[str, list[Approval]] = Lazy(lambda _: DataLoader(_listed(approvals.of_deployments)))
    attempts_of: Lazy[str, list[TaskAttempt]] = Lazy(lambda self: DataLoader(_listed(tasks.attempts_of)))
    grants_of: Lazy[str, list[Grant]] = Lazy(lambda self: DataLoader(_listed(access_store.grants_of)))
    tokens_of: Lazy[str, list[ApiToken]] = Lazy(lambda self: DataLoader(_listed(access_store.tokens_of)))
    releases_in: Lazy[str, list[Release]] = Lazy(lambda self: DataLoader(self._releases_in))
    releases_of: Lazy[str, list[Release]] = Lazy(lambda self: DataLoader(self._releases_of))
    rollout_moments: Lazy[str, list[ProgressPoint]] = Lazy(lambda _: DataLoader(_listed(event_feed.of_rollouts)))
    definitions_of: Lazy[str, list[Definition]] = Lazy(lambda _: DataLoader(_listed(definitions.of_deployments)))
    running_in: Lazy[str, Mapping[str, Definition]] = Lazy(lambda _: DataLoader(_listed(definitions.running_in)))
    authors_of: Lazy[str, frozenset[str]] = Lazy(lambda self: DataLoader(self._authors_of))
    why_not_start: Lazy[str, Problem | None] = Lazy(
        lambda self: self._steered(lambda _, found: allowed_actions.why_not_start(found))
    )
    why_not_retry: Lazy[str, Problem | None] = Lazy(lambda self: self._steered(allowed_actions.why_not_retry))
    why_not_resume: Lazy[str, Problem | None] = Lazy(lambda self: self._steered(allowed_actions.why_not_resume))
    why_not_roll_back: Lazy[str, Problem | None] = Lazy(lambda self: self._steered(allowed_actions.why_not_roll_back))
    situation: Lazy[str, GateContext] = Lazy(lambda self: DataLoader(self._situations))
    logs: Lazy[LogKey, list[LogLine]] = Lazy(lambda self: DataLoader(_logs))
    log_count: Lazy[tuple[str, LogFilter], int] = Lazy(lambda self: DataLoader(_log_counts))
    freezewindow = Lazy(lambda _: _loader(freezes.by_ids))
    freeze_windows_of: Lazy[str, list[FreezeWindow]] = Lazy(lambda _: DataLoader(_listed(freezes.of_environments)))
    audit_entry = Lazy(lambda _: _loader(audit.by_ids))
    revisions_of: Lazy[str, list[Revision]] = Lazy(lambda _: DataLoader(_listed(workflows.revisions_of)))
    revision_tasks: Lazy[RevisionKey, Sequence[WorkflowTask] | None] = Lazy(
        lambda self: DataLoader(self._revision_tasks)
    )
    removed_task: Lazy[tuple[str, str], Task] = Lazy(lambda _: DataLoader(_removed_tasks))
    durations: Lazy[tuple[str, ...], Durations] = Lazy(lambda _: DataLoader(workflows.durations_of))
    workflowtemplate = Lazy(lambda _: _loader(templates.by_ids))
    templateversion = Lazy(lambda _: _loader(templates.versions_by_ids))
    template_versions: Lazy[str, list[TemplateVersion]] = Lazy(lambda _: DataLoader(_listed(templates.versions_of)))
    template_tasks = Lazy(lambda _: _loader(templates.tasks_of))
    pages: Lazy[PageKey, list[Any]] = Lazy(lambda _: DataLoader(load_pages))
    counts: Lazy[CountKey, int] = Lazy(lambda _: DataLoader(load_counts))

    def __init__(self, runtime: Runtime, viewer: Callable[[], Principal]) -> None:
        self._runtime = runtime
        self._viewer = viewer
        self.hold = DispatchHold()

    async def columns(self, key: TaskColumns, mark: tasks.Version) -> Columns:
        """Return columns of a deployment's tasks that are not older than its mark."""
        return _kept.get(key, mark) or await self.task_columns.load(key)

    def forget(self) -> None:
        """Let go of what was loaded. Loaders hold each other: without this it is there until the collector comes by."""
        for name in [name for name, one in self.__dict__.items() if isinstance(one, DataLoader)]:
            del self.__dict__[name]

    async def _deployments(self, ids: list[str]) -> list[Deployment | None]:
        found = await _deployments(ids)
        return [d if (d := found.get(id_)) and may_see(self._viewer(), d) else None for id_ in ids]

    async def _tasks(self, ids: list[str]) -> list[Task | None]:
        found = await _tasks(ids)
        owners = list(dict.fromkeys(found[id_].deployment_id for id_ in ids if id_ in found))
        seen = dict(zip(owners, await self.deployment.load_many(owners), strict=True))
        return [t if (t := found.get(id_)) and seen[t.deployment_id] else None for id_ in ids]

    async def _tasks_by_id(self, ids: list[str]) -> list[Mapping[str, Task]]:
        """Return the tasks of deployments by their ids: each of the tasks would else make this for itself."""
        return [{task.id: task for task in found} for found in await self.tasks_of.load_many(ids)]

    async def _revision_tasks(self, keys: list[RevisionKey]) -> list[Sequence[WorkflowTask] | None]:
        """Read the present tasks first: if a revision is not superseded after that, they are its own."""
        owners = list(dict.fromkeys(id_ for id_, _ in keys))
        found = dict(zip(owners, await self.deployment.load_many(owners), strict=True))
        current = {id_: one.revision for id_, one in found.items() if one}
        now = [id_ for id_, number in keys if current.get(id_) == number]
        present = dict(zip(now, await self.tasks_of.load_many(now), strict=True))
        past = await workflows.tasks_at(keys)
        return [
            past.get(key) or (workflow_tasks(present[key[0]]) if current.get(key[0]) == key[1] else None)
            for key in keys
        ]

    async def _approvals(self, ids: list[str]) -> list[Approval | None]:
        found = await approvals.by_ids(ids)
        owners = list(dict.fromkeys(approval.deployment_id for approval in found.values()))
        seen = dict(zip(owners, await self.deployment.load_many(owners), strict=True))
        return [a if (a := found.get(id_)) and seen[a.deployment_id] else None for id_ in ids]

    async def _releases_in(self, ids: list[str]) -> list[list[Release]]:
        return await self._shown(ids, await environments.releases_in(ids), lambda release: release.environment_id)

    async def _releases_of(self, ids: list[str]) -> list[list[Release]]:
        return await self._shown(ids, await environments.releases_of(ids), lambda release: release.application_id)

    async def _shown(
        self, ids: list[str], releases: Sequence[Release], owner: Callable[[Release], str]
    ) -> list[list[Release]]:
        """Keep the releases whose deployments may be seen: who sees one of its applications may not see the others."""
        brought = await self.deployment.load_many([release.deployment_id for release in releases])
        found: dict[str, list[Release]] = {id_: [] for id_ in ids}
        for release, deployment in zip(releases, brought, strict=True):
            if deployment is not None:
                found[owner(release)].append(release)
        return [found[id_] for id_ in ids]

    async def _situations(self, ids: list[str]) -> list[GateContext]:
        found = await deployments.by_ids(ids)
        return await gates.gate_contexts(self._runtime, [found[id_] for id_ in ids])

    def _steered(
        self, why_not: Callable[[Caller, Sequence[Deployment]], Awaitable[allowed_actions.Answers]]
    ) -> DataLoader[str, Problem | None]:
        """Return a loader of why the viewer may not steer deployments in some way."""

        async def many(ids: list[str]) -> list[Problem | None]:
            found = [one for one in await self.deployment.load_many(ids) if one is not None]
            answers = await why_not(Caller(self._runtime, self._viewer()), found)
            return [answers.get(id_) for id_ in ids]

        return DataLoader(many)

    async def _authors_of(self, ids: list[str]) -> list[frozenset[str]]:
        found = [one for one in await self.deployment.load_many(ids) if one is not None]
        known = {one.id: await authors_of(one) for one in found}
        return [known.get(id_, frozenset()) for id_ in ids]


def _loader(load: Callable[[Sequence[str]], Awaitable[Mapping[str, V]]]) -> DataLoader[str, V | None]:
    async def many(ids: list[str]) -> list[V | None]:
        found = await load(ids)
        return [found.get(id_) for id_ in ids]

    return DataLoader(many)


def _listed(load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> Callable[[list[K]], Awaitable[list[V]]]:
    async def many(keys: list[K]) -> list[V]:
        found = await load(keys)
        return [found[key] for key in keys]

    return many


async def _removed_tasks(keys: list[tuple[str, str]]) -> list[Task]:
    """Return tasks (deployment id, task id) that edits removed: events still tell of them. Raises LookupError."""
    found = await workflows.removed_tasks(keys)
    return [removed_task(*key, found[key]) for key in keys]


async def _logs(keys: list[LogKey]) -> list[list[LogLine]]:
    async def load(ids: list[str], rest: tuple[LogFilter, LogRange]) -> Mapping[str, list[LogLine]]:
        return await logs.pages(ids, *rest)

    return await _grouped(keys, lambda key: (key.task_id, (key.wanted, key.part)), load)


async def _log_counts(keys: list[tuple[str, LogFilter]]) -> list[int]:
    return await _grouped(keys, lambda key: key, logs.counts)
