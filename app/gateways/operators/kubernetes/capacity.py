"""Room for pods: where one set cannot grow, the other one shrinks first, and never below what has to serve.

A set cannot grow where a quota is used up, where nodes are full, or where the owner of a Deployment forbids more pods
than it asks for.
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
"""Scales a set to a size, and returns once all of it is available."""


def own_strategy(workload: ClusterWorkload, base: Object) -> str | None:
    """Return the update strategy of the base from before the rollout, as JSON; None where it was not replaced."""
    return (workload.moved and workload.moved.manner) or annotation(base, UPDATE_STRATEGY)


async def second_sets(workload: ClusterWorkload) -> list[Object]:
    """Return the Deployments beside the base."""
    names = [f"{workload.name}-{track}" for track in (CANARY, PREVIEW)]
    return [body for name in names if (body := await workload.get(DEPLOYMENTS, name)) is not None]


async def is_idle(workload: ClusterWorkload) -> bool:
    """Return whether the Service selects a set beside the base, so that the base's pods serve nothing."""
    name = workload.target.service
    service = await workload.get(SERVICES, name) if name else None
    return service is not None and tracks.serving_track(service) not in (None, tracks.STABLE)


class Capacity:
    """Shrinks the sets beside a base that is to have `total` replicas together with them."""

    def __init__(self, workload: ClusterWorkload, total: int) -> None:
        self._workload = workload
        self._total = total
        self._shrunk = 0
        self._since: float | None = None

    async def make_room(self, base: Object) -> bool:
        """Shrink a second set by the replicas that the base lacks. Return whether waiting may help.

        While that is possible, all replicas asked for stay available. After `fault_seconds` without room, as many as
        the owner's update strategy requires.
        """
        workload = self._workload
        if await is_idle(workload):
            return await self._remove_before_adding(base)
        if await traffic.is_shifted(workload):
            return False
        if await self._shrink(base, self._total):
            return True
        sets = [second for second in await second_sets(workload) if replicas_of(second)]
        missing = update_strategy.max_unavailable(base, self._total, own_strategy(workload, base))
        if not sets or not missing:
            return False
        now = asyncio.get_running_loop().time()
        self._since = now if self._since is None else self._since
        if now - self._since < workload.intervals.fault_seconds:
            return True
        return await self._shrink(base, self._total - missing)

    async def _remove_before_adding(self, base: Object) -> bool:
        """Let an idle base be updated without additional pods. Return whether that is a change."""
        workload = self._workload
        updated = await workload.modify(
            DEPLOYMENTS, workload.name, lambda body: update_strategy.with_safe_strategy(body, 0, idle=True)
        )
        if updated["spec"] == base["spec"]:
            return False
        await workload.log(
            f"There is no room for more pods of {workload.name}. It serves no traffic: its old pods are removed first."
        )
        return True

    async def _shrink(self, base: Object, floor: int) -> bool:
        """Shrink the first second set that can be, so that `floor` replicas stay available. Return whether one was."""
        workload = self._workload
        for second in await second_sets(workload):
            size, name = replicas.replicas_to_keep(base, second, floor), name_of(second)
            if not workloads.is_managed(second) or size >= replicas_of(second):
                continue
            await workload.log(f"There is no room for more pods of {workload.name}: scaling {name} to {size} first.")
            await shrink_second_set(workload, name, size)
            self._shrunk += 1
            self._since = None
            mark = {ROOM_MADE: str(self._shrunk)}
            await workload.modify(DEPLOYMENTS, workload.name, lambda body: annotated(body, mark))  # noqa: B023
            return True
        return False


async def shrink_second_set(workload: ClusterWorkload, name: str, size: int) -> None:
    """Scale a set beside the base down to `size`, and wait until the other pods are gone."""
    await workload.save(beside=size)
    await workload.modify(DEPLOYMENTS, name, lambda body: with_replicas(body, min(size, replicas_of(body))))
    while (body := await workload.get(DEPLOYMENTS, name)) is not None:
        if int((body.get("status") or {}).get("replicas") or 0) <= size:
            return
        await asyncio.sleep(workload.intervals.poll_seconds)


async def shift_replicas(
    workload: ClusterWorkload, total: int, up: tuple[str, int], down: tuple[str, int], grow: Grow
) -> None:
    """Grow one set to its size and shrink another to its own, step by step, with never more pods than `total`.

    `up` and `down` are (name, size). Meanwhile no more replicas are missing than the base's update strategy allows.
    Raises StuckError.
    """
    base = await workload.base()
    missing = update_strategy.max_unavailable(base, total, own_strategy(workload, base))
    while True:
        growing = await _size(workload, up[0])
        shrinking = await _size(workload, down[0])
        room = total - growing - shrinking
        if growing < up[1] and (room > 0 or shrinking <= down[1]):
            await grow(min(up[1], growing + max(room, 1)))
        elif shrinking > down[1]:
            await _shrink(workload, down[0], max(down[1], shrinking - missing))
        else:
            return


async def _size(workload: ClusterWorkload, name: str) -> int:
    body = await workload.get(DEPLOYMENTS, name)
    return replicas_of(body) if body else 0


async def _shrink(workload: ClusterWorkload, name: str, size: int) -> None:
    if name == workload.name:
        await workload.resize(name, size)
        await workload.wait_until_ready(name)
    else:
        await workload.log(f"Scaling {name} to {size}.")
        await shrink_second_set(workload, name, size)
