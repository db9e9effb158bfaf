"""Use cases of freeze windows, and what a freeze holds up. Keeping windows is for ADMIN on the environment."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from app.core import freeze
from app.core.errors import InvalidInput, Refused, not_found
from app.core.freeze import FreezeStatus, FreezeWindow
from app.core.ids import Kind
from app.core.roles import Role
from app.services.runtime import Runtime
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import environments as environment_store
from app.store import freezes as store


async def create(case: UseCaseContext, draft: FreezeWindow) -> Result:
    """Create a window as drafted; id and time are set here. Returns the environment's id and its own.

    What runs goes on; what waits to start goes on waiting.
    """
    environment_id = draft.environment_id
    case.require(Role.ADMIN, environment_id=environment_id)
    if await environment_store.locked(environment_id) is None:
        raise not_found("environment", environment_id, ("environmentId",))
    window = replace(draft, id=case.work.new_id(Kind.FREEZE_WINDOW), created_at=case.work.now)
    calendar = case.runtime.calendar
    refuse_if(await asyncio.to_thread(lambda: list(freeze.faults(window, case.work.now, calendar))))
    if len((await store.of_environments([environment_id]))[environment_id]) >= freeze.MAX_WINDOWS:
        message = f"The environment has {freeze.MAX_WINDOWS} windows already: delete those that are past."
        raise Refused(InvalidInput(message=message, path=("environmentId",)))
    await store.insert(window)
    case.changed(window.id, None, window)
    return Result((environment_id, window.id))


async def delete(case: UseCaseContext, id_: str) -> Result:
    """Delete a window; what it held up may start. Returns the environment's id."""
    window = (await store.by_ids([id_])).get(id_)
    if window is None:
        raise not_found("freeze window", id_, ("id",))
    case.require(Role.ADMIN, environment_id=window.environment_id)
    await environment_store.locked(window.environment_id)
    if id_ not in await store.by_ids([id_]):
        raise not_found("freeze window", id_, ("id",))
    await store.remove(id_)
    case.changed(id_, window, None)
    case.work.queues.add(window.environment_id)
    return Result((window.environment_id,))


async def statuses(runtime: Runtime, environment_ids: Sequence[str]) -> dict[str, FreezeStatus]:
    """Return how each environment stands, in one query."""
    found = await store.of_environments(environment_ids)
    now = runtime.clock.now()
    return {id_: freeze.status(windows, now, runtime.calendar) for id_, windows in found.items()}
