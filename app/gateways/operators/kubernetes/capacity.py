"""Room for pods: where one set cannot grow, the other one shrinks first, and never below what serves.

There is none where a quota is used up, where nodes are full, or where the owner of a Deployment forbids more pods than
asked for.
"""

import asyncio
from collections.abc import Awaitable, Callable

from app.core.kubernetes import replicas, tracks, update_strategy, workloads
from app.core.kubernetes.manifests import Object, name_of
from app.core.kubernetes.workloads import (
    CANARY,
    PREVIEW,
    ROOM_MADE,
    UPDATE_STRATEGY,
    annotated,
    annotation,
    replicas_of,
    with_replicas,
)
from app.gateways.operators.kubernetes import traffic
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, SERVICES
from app.gateways.operators.kubernetes.workload import ClusterWorkload

Grow = Callable[[int], Awaitable[object]]
"""Gives a set a size, and returns once all of it is available."""


def kept_manner(moving: ClusterWorkload, base: Object) -> str | None:
    """Return the base's own manner of updates, where another one is in its place."""
    return (moving.moved and moving.moved.manner) or annotation(base, UPDATE_STRATEGY)


async def beside(moving: ClusterWorkload) -> list[Object]:
    """Return what stands beside the base."""
    names = [f"{moving.name}-{track}" for track in (CANARY, PREVIEW)]
    return [found for name in names if (found := await moving.get(DEPLOYMENTS, name)) is not None]


async def is_idle(moving: ClusterWorkload) -> bool:
    """Return whether the Service was switched to a set beside the base, so that nobody misses the base's pods."""
    service = moving.target.service
    found = await moving.get(SERVICES, service) if service else None
    return found is not None and tracks.serving_track(found) not in (None, tracks.STABLE)


class Capacity:
    """What can be taken from the sets beside a base that is to have `total` replicas with them."""

    def __init__(self, moving: ClusterWorkload, total: int) -> None:
        self._moving = moving
        self._total = total
        self._times = 0
        self._since: float | None = None

    async def make(self, base: Object) -> bool:
        """Shrink what stands beside the base by what that misses; return whether waiting may help.

        As long as it can be done, as many as asked for stay available; then as many as the owner's manner demands.
        """
        moving = self._moving
        if await is_idle(moving):
            return await self._loosen(base)
        if await traffic.is_away(moving):
            return False
        if await self._shrink(base, self._total):
            return True
        there = [each for each in await beside(moving) if replicas_of(each)]
        missing = update_strategy.max_unavailable(base, self._total, kept_manner(moving, base))
        if not there or not missing:
            return False
        now = asyncio.get_running_loop().time()
        self._since = now if self._since is None else self._since
        if now - self._since < moving.pace.patience:
            return True
        return await self._shrink(base, self._total - missing)

    async def _loosen(self, base: Object) -> bool:
        """Let a base that serves nobody be updated without any more pods. Return whether that is new."""
        moving = self._moving
        after = await moving.change(
            DEPLOYMENTS, moving.name, lambda seen: update_strategy.with_safe_strategy(seen, 0, idle=True)
        )
        if after["spec"] == base["spec"]:
            return False
        await moving.say(
            f"There is no room for more pods of {moving.name}, which serves nobody: its old ones go first."
        )
        return True

    async def _shrink(self, base: Object, floor: int) -> bool:
        moving = self._moving
        for each in await beside(moving):
            size, name = replicas.replicas_to_keep(base, each, floor), name_of(each)
            if not workloads.is_managed(each) or size >= replicas_of(each):
                continue
            await moving.say(f"There is no room for more pods of {moving.name}: {name} is made smaller, {size}, first.")
            await lessen(moving, name, size)
            self._times += 1
            self._since = None
            await moving.change(DEPLOYMENTS, moving.name, lambda seen: annotated(seen, {ROOM_MADE: str(self._times)}))
            return True
        return False


async def lessen(moving: ClusterWorkload, name: str, size: int) -> None:
    """Make what stands beside the base no larger than that, whoever sized it, and wait until the rest is gone."""
    await moving.keep(beside=size)
    await moving.change(DEPLOYMENTS, name, lambda seen: with_replicas(seen, min(size, replicas_of(seen))))
    while (found := await moving.get(DEPLOYMENTS, name)) is not None:
        if int((found.get("status") or {}).get("replicas") or 0) <= size:
            return
        await asyncio.sleep(moving.pace.poll)


async def trade(moving: ClusterWorkload, total: int, up: tuple[str, int], down: tuple[str, int], grow: Grow) -> None:
    """Let one set grow to a size as another one shrinks to its own, with never more pods than `total`.

    No more are missing meanwhile than the owner of the base bears. Raises StuckError.
    """
    base = await moving.base()
    missing = update_strategy.max_unavailable(base, total, kept_manner(moving, base))
    while True:
        more = await _size(moving, up[0])
        less = await _size(moving, down[0])
        room = total - more - less
        if more < up[1] and (room > 0 or less <= down[1]):
            await grow(min(up[1], more + max(room, 1)))
        elif less > down[1]:
            await _shrink(moving, down[0], max(down[1], less - missing))
        else:
            return


async def _size(moving: ClusterWorkload, name: str) -> int:
    found = await moving.get(DEPLOYMENTS, name)
    return replicas_of(found) if found else 0


async def _shrink(moving: ClusterWorkload, name: str, size: int) -> None:
    if name == moving.name:
        await moving.resize(name, size)
        await moving.settled(name)
    else:
        await moving.say(f"Scaling {name} to {size}.")
        await lessen(moving, name, size)
