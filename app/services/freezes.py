"""Use cases of freeze windows, and the freeze status of environments."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from app.core import freeze
from app.core.errors import InvalidInput, Refused, not_found
from app.core.freeze import FreezeStatus, FreezeWindow
from app.core.ids import IdKind
from app.core.roles import Role
from app.services.runtime import Runtime
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import environments as environment_store
from app.store import freezes as store


async def create(context: UseCaseContext, draft: FreezeWindow) -> Result:
    """Create a window as drafted; id and time are set here. For ADMIN on the environment.

    Running deployments go on; pending ones keep waiting. Returns the ids of the environment and of the window.
    """
    environment_id = draft.environment_id
    context.require(Role.ADMIN, environment_id=environment_id)
    if await environment_store.locked(environment_id) is None:
        raise not_found("environment", environment_id, ("environmentId",))
    window = replace(draft, id=context.unit.new_id(IdKind.FREEZE_WINDOW), created_at=context.unit.now)
    calendar = context.runtime.calendar
    refuse_if(await asyncio.to_thread(lambda: list(freeze.validate(window, context.unit.now, calendar))))
    if len((await store.of_environments([environment_id]))[environment_id]) >= freeze.MAX_WINDOWS:
        message = f"The environment has its maximum of {freeze.MAX_WINDOWS} windows. Delete windows that have ended."
        raise Refused(InvalidInput(message=message, path=("environmentId",)))
    await store.insert(window)
    context.record_change(window.id, None, window)
    return Result((environment_id, window.id))


async def delete(context: UseCaseContext, id_: str) -> Result:
    """Delete a window, so that deployments may start. For ADMIN on the environment, whose id it returns."""
    window = (await store.by_ids([id_])).get(id_)
    if window is None:
        raise not_found("freeze window", id_, ("id",))
    context.require(Role.ADMIN, environment_id=window.environment_id)
    await environment_store.locked(window.environment_id)
    if id_ not in await store.by_ids([id_]):
        raise not_found("freeze window", id_, ("id",))
    await store.remove(id_)
    context.record_change(id_, window, None)
    context.unit.queues.add(window.environment_id)
    return Result((window.environment_id,))


async def statuses(runtime: Runtime, environment_ids: Sequence[str]) -> dict[str, FreezeStatus]:
    """Return the freeze status of each environment, in one query."""
    windows_by_environment = await store.of_environments(environment_ids)
    now = runtime.clock.now()
    return {
        id_: freeze.freeze_status(windows, now, runtime.calendar) for id_, windows in windows_by_environment.items()
    }
