"""What all operations of an API process share to load by.

Batches of the same moment, and columns of tasks by version.

Nothing here depends on the viewer: callers check what the viewer may see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from app.api.execution.column_cache import ColumnCache
from app.api.execution.columns import Columns
from app.api.execution.dataloader import CoalescingLoader, K, Load, V
from app.api.execution.shortcuts import FAST, Shortcuts
from app.core.access import Actor
from app.core.application import Application
from app.core.deployment import Deployment
from app.core.environment import Environment
from app.core.task import Task
from app.core.version import Version
from app.store import access, applications, deployments, environments, tasks, versions

TaskColumns = tuple[str, tuple[str, ...]]
"""The tasks of a deployment, and some of their columns."""
TaskColumnCache = ColumnCache[TaskColumns, tasks.Version]


@dataclass(frozen=True, slots=True)
class SharedLoaders:
    """The loaders of one API process, opened once."""

    applications: Load[str, Application]
    environments: Load[str, Environment]
    versions: Load[str, Version]
    actors: Load[str, Actor]
    deployments: Load[str, Deployment]
    tasks: Load[str, Task]
    tasks_of: Load[str, list[Task]]
    task_columns: Load[TaskColumns, Columns]
    column_cache: TaskColumnCache = field(default_factory=ColumnCache)


def open_loaders(shortcuts: Shortcuts = FAST) -> SharedLoaders:
    """Return the loaders of a process, with those short cuts that are on."""
    cache: TaskColumnCache = ColumnCache() if shortcuts.cache else ColumnCache(max_values=0)

    def shared(load: Load[K, V]) -> Load[K, V]:
        return CoalescingLoader(load) if shortcuts.coalescing else load

    return SharedLoaders(
        applications=shared(applications.by_ids),
        environments=shared(environments.by_ids),
        versions=shared(versions.by_ids),
        actors=shared(access.actors_by_ids),
        deployments=shared(deployments.by_ids),
        tasks=shared(tasks.by_ids),
        tasks_of=shared(tasks.of_deployments),
        task_columns=shared(partial(_load_task_columns, cache)),
        column_cache=cache,
    )


async def _load_task_columns(cache: TaskColumnCache, keys: Sequence[TaskColumns]) -> Mapping[TaskColumns, Columns]:
    """Load columns of tasks, and keep them by the version of their deployment."""
    loaded = await tasks.columns_of_deployments(keys)
    columns_by_key = {key: Columns(values) for key, (_, values) in loaded.items()}
    for key, (version, _) in loaded.items():
        if version is not None:
            cache.put(key, version, columns_by_key[key])
    return columns_by_key
