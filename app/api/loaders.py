"""The loaders of an operation.

Each loads one thing for many objects in one statement, if the viewer may see it.

Keys that a viewer may not see load as None, exactly as keys that do not exist.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from app.api.execution.columns import Columns
from app.api.execution.dataloader import DataLoader, DispatchPause, Load
from app.api.page_loaders import CountKey, PageKey, load_counts, load_pages
from app.api.shared_loaders import SharedLoaders, TaskColumns
from app.core.access import Actor, ApiToken, Grant, Principal
from app.core.application import Application
from app.core.approval import Approval
from app.core.audit import AuditEntry
from app.core.batch_history import ProgressPoint
from app.core.deployment import Definition, Deployment, DeploymentFilter
from app.core.environment import Environment, Release
from app.core.errors import Problem
from app.core.freeze import FreezeWindow
from app.core.gate import GateContext
from app.core.logs import LogFilter, LogLine, LogRange
from app.core.revision import Revision
from app.core.roles import Role
from app.core.task import Task, TaskAttempt, removed_task, workflow_tasks
from app.core.template import Template, TemplateVersion
from app.core.version import Version
from app.core.workflow import WorkflowTask
from app.services import allowed_actions, gates
from app.services.allowed_actions import Caller
from app.services.approval_waivers import authors_of
from app.services.runtime import Runtime
from app.store import access as access_store
from app.store import (
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
    filter: LogFilter
    range: LogRange


def may_see(principal: Principal, deployment: Deployment) -> bool:
    """Whether a principal may see a deployment: VIEWER on its environment and each of its applications."""
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
    """Load keys that differ in more than their id: one call for all keys that have the rest in common."""
    groups: dict[A, list[str]] = {}
    for key in keys:
        id_, rest = split(key)
        groups.setdefault(rest, []).append(id_)
    values = {rest: await load(ids, rest) for rest, ids in groups.items()}
    return [values[rest][id_] for id_, rest in map(split, keys)]


Lazy = cached_property[DataLoader[K, V]]
"""A loader that is made when it is first asked for: an operation needs few of them."""


class Loaders:
    """The loaders of one operation, or of one event of a feed.

    They keep what they loaded: they do not live long.
    """

    application: Lazy[str, Application | None] = cached_property(lambda self: self._by_id(self._shared.applications))
    environment: Lazy[str, Environment | None] = cached_property(lambda self: self._by_id(self._shared.environments))
    version: Lazy[str, Version | None] = cached_property(lambda self: self._by_id(self._shared.versions))
    actor: Lazy[str, Actor | None] = cached_property(lambda self: self._by_id(self._shared.actors))
    token: Lazy[str, ApiToken | None] = cached_property(lambda self: self._by_id(access_store.tokens_by_ids))
    deployment: Lazy[str, Deployment | None] = cached_property(lambda self: self._loader(self._deployments))
    task: Lazy[str, Task | None] = cached_property(lambda self: self._loader(self._tasks))
    tasks_of: Lazy[str, list[Task]] = cached_property(lambda self: self._lists(self._shared.tasks_of))
    tasks_by_id: Lazy[str, Mapping[str, Task]] = cached_property(lambda self: self._loader(self._tasks_by_id))
    task_columns: Lazy[TaskColumns, Columns] = cached_property(lambda self: self._lists(self._shared.task_columns))
    approval: Lazy[str, Approval | None] = cached_property(lambda self: self._loader(self._approvals))
    approvals_of: Lazy[str, list[Approval]] = cached_property(lambda self: self._lists(approvals.of_deployments))
    attempts_of: Lazy[str, list[TaskAttempt]] = cached_property(lambda self: self._lists(tasks.attempts_of))
    grants_of: Lazy[str, list[Grant]] = cached_property(lambda self: self._lists(access_store.grants_of))
    tokens_of: Lazy[str, list[ApiToken]] = cached_property(lambda self: self._lists(access_store.tokens_of))
    releases_in: Lazy[str, list[Release]] = cached_property(lambda self: self._loader(self._releases_in))
    releases_of: Lazy[str, list[Release]] = cached_property(lambda self: self._loader(self._releases_of))
    rollout_moments: Lazy[str, list[ProgressPoint]] = cached_property(
        lambda self: self._lists(event_feed.progress_of_rollouts)
    )
    definitions_of: Lazy[str, list[Definition]] = cached_property(lambda self: self._lists(definitions.of_deployments))
    running_in: Lazy[str, Mapping[str, Definition]] = cached_property(lambda self: self._lists(definitions.running_in))
    authors_of: Lazy[str, frozenset[str]] = cached_property(lambda self: self._loader(self._authors_of))
    why_not_start: Lazy[str, Problem | None] = cached_property(
        lambda self: self._why_not(lambda _, deployments: allowed_actions.why_not_start(deployments))
    )
    why_not_retry: Lazy[str, Problem | None] = cached_property(
        lambda self: self._why_not(allowed_actions.why_not_retry)
    )
    why_not_resume: Lazy[str, Problem | None] = cached_property(
        lambda self: self._why_not(allowed_actions.why_not_resume)
    )
    why_not_roll_back: Lazy[str, Problem | None] = cached_property(
        lambda self: self._why_not(allowed_actions.why_not_roll_back)
    )
    situation: Lazy[str, GateContext] = cached_property(lambda self: self._loader(self._situations))
    logs: Lazy[LogKey, list[LogLine]] = cached_property(lambda self: self._loader(_logs))
    log_count: Lazy[tuple[str, LogFilter], int] = cached_property(lambda self: self._loader(_log_counts))
    freezewindow: Lazy[str, FreezeWindow | None] = cached_property(lambda self: self._by_id(freezes.by_ids))
    freeze_windows_of: Lazy[str, list[FreezeWindow]] = cached_property(
        lambda self: self._lists(freezes.of_environments)
    )
    audit_entry: Lazy[str, AuditEntry | None] = cached_property(lambda self: self._by_id(audit.by_ids))
    revisions_of: Lazy[str, list[Revision]] = cached_property(lambda self: self._lists(workflows.revisions_of))
    revision_tasks: Lazy[RevisionKey, Sequence[WorkflowTask] | None] = cached_property(
        lambda self: self._loader(self._revision_tasks)
    )
    removed_task: Lazy[tuple[str, str], Task] = cached_property(lambda self: self._loader(_removed_tasks))
    durations: Lazy[tuple[str, ...], Durations] = cached_property(lambda self: self._loader(workflows.durations_of))
    workflowtemplate: Lazy[str, Template | None] = cached_property(lambda self: self._by_id(templates.by_ids))
    templateversion: Lazy[str, TemplateVersion | None] = cached_property(
        lambda self: self._by_id(templates.versions_by_ids)
    )
    template_versions: Lazy[str, list[TemplateVersion]] = cached_property(
        lambda self: self._lists(templates.versions_of)
    )
    template_tasks: Lazy[str, Sequence[WorkflowTask] | None] = cached_property(
        lambda self: self._by_id(templates.tasks_of)
    )
    pages: Lazy[PageKey, list[Any]] = cached_property(lambda self: self._loader(load_pages))
    counts: Lazy[CountKey, int] = cached_property(lambda self: self._loader(load_counts))

    def __init__(self, runtime: Runtime, shared: SharedLoaders, viewer: Callable[[], Principal]) -> None:
        self._runtime = runtime
        self._shared = shared
        self._viewer = viewer
        self.dispatch_pause = DispatchPause()

    async def columns(self, key: TaskColumns, version: tasks.Version) -> Columns:
        """Return columns of a deployment's tasks that are not older than its version."""
        return self._shared.column_cache.get(key, version) or await self.task_columns.load(key)

    def clear(self) -> None:
        """Drop the loaders and what they loaded.

        They hold each other: only the garbage collector would free them.
        """
        for name in [name for name, value in self.__dict__.items() if isinstance(value, DataLoader)]:
            del self.__dict__[name]

    def _loader(self, load: Callable[[list[K]], Awaitable[Sequence[V]]]) -> DataLoader[K, V]:
        return DataLoader(load, self.dispatch_pause)

    def _by_id(self, load: Load[str, V]) -> DataLoader[str, V | None]:
        """Return a loader of objects, None for ids that do not exist."""

        async def load_all(ids: list[str]) -> list[V | None]:
            by_id = await load(ids)
            return [by_id.get(id_) for id_ in ids]

        return self._loader(load_all)

    def _lists(self, load: Load[K, V]) -> DataLoader[K, V]:
        """Return a loader of what every key has."""

        async def load_all(keys: list[K]) -> list[V]:
            by_key = await load(keys)
            return [by_key[key] for key in keys]

        return self._loader(load_all)

    async def _deployments(self, ids: list[str]) -> list[Deployment | None]:
        by_id = await self._shared.deployments(ids)
        viewer = self._viewer()
        return [d if (d := by_id.get(id_)) and may_see(viewer, d) else None for id_ in ids]

    async def _tasks(self, ids: list[str]) -> list[Task | None]:
        by_id = await self._shared.tasks(ids)
        deployments = await self._visible_deployments(by_id[id_].deployment_id for id_ in ids if id_ in by_id)
        return [t if (t := by_id.get(id_)) and deployments[t.deployment_id] else None for id_ in ids]

    async def _visible_deployments(self, ids: Iterable[str]) -> dict[str, Deployment | None]:
        unique = list(dict.fromkeys(ids))
        return dict(zip(unique, await self.deployment.load_many(unique), strict=True))

    async def _tasks_by_id(self, ids: list[str]) -> list[Mapping[str, Task]]:
        """Return the tasks of deployments by their ids: made once for all tasks of a deployment."""
        return [{task.id: task for task in tasks_} for tasks_ in await self.tasks_of.load_many(ids)]

    async def _revision_tasks(self, keys: list[RevisionKey]) -> list[Sequence[WorkflowTask] | None]:
        """Read the present tasks first: if a revision is not superseded after that, they are its own."""
        deployments = await self._visible_deployments(id_ for id_, _ in keys)
        current = {id_: deployment.revision for id_, deployment in deployments.items() if deployment}
        present_ids = [id_ for id_, number in keys if current.get(id_) == number]
        present = dict(zip(present_ids, await self.tasks_of.load_many(present_ids), strict=True))
        past = await workflows.tasks_at(keys)
        return [
            past.get(key) or (workflow_tasks(present[key[0]]) if current.get(key[0]) == key[1] else None)
            for key in keys
        ]

    async def _approvals(self, ids: list[str]) -> list[Approval | None]:
        by_id = await approvals.by_ids(ids)
        deployments = await self._visible_deployments(approval.deployment_id for approval in by_id.values())
        return [a if (a := by_id.get(id_)) and deployments[a.deployment_id] else None for id_ in ids]

    async def _releases_in(self, ids: list[str]) -> list[list[Release]]:
        return await self._visible_releases(
            ids, await environments.releases_in(ids), lambda release: release.environment_id
        )

    async def _releases_of(self, ids: list[str]) -> list[list[Release]]:
        return await self._visible_releases(
            ids, await environments.releases_of(ids), lambda release: release.application_id
        )

    async def _visible_releases(
        self, ids: list[str], releases: Sequence[Release], owner: Callable[[Release], str]
    ) -> list[list[Release]]:
        """Keep the releases of visible deployments: who sees one of its applications may not see the others."""
        deployments = await self.deployment.load_many([release.deployment_id for release in releases])
        by_owner: dict[str, list[Release]] = {id_: [] for id_ in ids}
        for release, deployment in zip(releases, deployments, strict=True):
            if deployment is not None:
                by_owner[owner(release)].append(release)
        return [by_owner[id_] for id_ in ids]

    async def _situations(self, ids: list[str]) -> list[GateContext]:
        by_id = await deployments.by_ids(ids)
        return await gates.gate_contexts(self._runtime, [by_id[id_] for id_ in ids])

    def _why_not(
        self, why_not: Callable[[Caller, Sequence[Deployment]], Awaitable[allowed_actions.Answers]]
    ) -> DataLoader[str, Problem | None]:
        """Return a loader of why the viewer may not steer deployments in some way."""

        async def load_all(ids: list[str]) -> list[Problem | None]:
            visible_deployments = [d for d in await self.deployment.load_many(ids) if d is not None]
            answers = await why_not(Caller(self._runtime, self._viewer()), visible_deployments)
            return [answers.get(id_) for id_ in ids]

        return self._loader(load_all)

    async def _authors_of(self, ids: list[str]) -> list[frozenset[str]]:
        visible_deployments = [d for d in await self.deployment.load_many(ids) if d is not None]
        authors = {deployment.id: await authors_of(deployment) for deployment in visible_deployments}
        return [authors.get(id_, frozenset()) for id_ in ids]


async def _removed_tasks(keys: list[tuple[str, str]]) -> list[Task]:
    """Return tasks (deployment id, task id) that edits removed, for their events. Raises LookupError."""
    definitions_by_key = await workflows.removed_tasks(keys)
    return [removed_task(*key, definitions_by_key[key]) for key in keys]


async def _logs(keys: list[LogKey]) -> list[list[LogLine]]:
    async def load(ids: list[str], rest: tuple[LogFilter, LogRange]) -> Mapping[str, list[LogLine]]:
        return await logs.pages(ids, *rest)

    return await _grouped(keys, lambda key: (key.task_id, (key.filter, key.range)), load)


async def _log_counts(keys: list[tuple[str, LogFilter]]) -> list[int]:
    return await _grouped(keys, lambda key: key, logs.counts)
