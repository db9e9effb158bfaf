"""Workers killed at every call of every rollout: another one goes on, nothing stays, nobody is served by fewer.

The played cluster counts, after every change, how many pods are ready that the Service selects.
"""

import asyncio
import itertools
from dataclasses import replace

import pytest

from app.core.attempt import Ending
from app.core.strategy import Shape, StrategyKind
from tests.cluster.api import ClusterServer
from tests.gateways.kubernetes.bench import Bench
from tests.gateways.kubernetes.workload import LABELS, NEW, OLD, TOTAL, Web

K = StrategyKind
PLANS: dict[str, list[Shape]] = {
    "rolling": [
        Shape(kind=K.ROLLING, updated=1, total=TOTAL, weight=0.3),
        Shape(kind=K.ROLLING, updated=TOTAL, total=TOTAL, weight=1.0),
        Shape(kind=K.ROLLING, updated=TOTAL, total=TOTAL, weight=1.0, finished=True),
    ],
    "canary": [
        Shape(kind=K.CANARY, updated=1, total=TOTAL, weight=0.3),
        Shape(kind=K.CANARY, updated=TOTAL, total=TOTAL, weight=1.0),
        Shape(kind=K.CANARY, updated=TOTAL, total=TOTAL, weight=1.0, finished=True),
    ],
    "blue-green": [
        Shape(kind=K.BLUE_GREEN, updated=TOTAL, total=TOTAL, weight=0.0),
        Shape(kind=K.BLUE_GREEN, updated=TOTAL, total=TOTAL, weight=1.0, switched=True),
        Shape(kind=K.BLUE_GREEN, updated=TOTAL, total=TOTAL, weight=1.0, switched=True, finished=True),
    ],
}


class Killer:
    """Cancels what runs at its n-th call that changes something, or at none."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.victim: asyncio.Task[None] | None = None

    def __call__(self, method: str, _path: str) -> None:
        self.left -= method != "GET"
        if self.left == 0 and self.victim is not None:
            self.victim.cancel()
            self.victim = None


async def fresh(bench: Bench, played: ClusterServer, number: int, *, route: bool) -> Web:
    """Return a workload in a namespace of its own, watched from now on."""
    for key in list(played.objects):
        played.remove(key)
    bench.rollers.watched = None
    bench.connection = replace(bench.connection, namespace=f"boreas-test-{number}")
    web = Web(bench, route=route)
    await web.make()
    played.made.clear()
    bench.rollers.watched, bench.rollers.fewest = LABELS, TOTAL
    return web


async def bring_all(web: Web, plan: list[Shape]) -> None:
    for shape in plan:
        outcome = await web.bring(shape)
        assert outcome.ending is Ending.SUCCEEDED, outcome


async def watch_service(web: Web, played: ClusterServer) -> None:
    """Follow the Service: those that it selects are those that serve."""

    def follow() -> None:
        service = played.seek("services", "web", web.bench.connection.namespace)
        if service and web.bench.rollers.watched is not None:
            web.bench.rollers.watched = service["spec"]["selector"]

    played.listeners.insert(0, follow)


@pytest.mark.parametrize("back", [False, True], ids=["on", "back"])
@pytest.mark.parametrize("name", PLANS)
async def test_killed_at_every_change(bench: Bench, played: ClusterServer, name: str, back: bool) -> None:
    plan = PLANS[name]
    for number, when in zip(itertools.count(1), itertools.cycle(["before", "after"]), strict=False):
        web = await fresh(bench, played, number, route=False)
        await watch_service(web, played)
        killer = Killer(number)
        setattr(played, when, killer)
        killer.victim = running = asyncio.create_task(bring_all(web, plan))
        await asyncio.wait([running])
        setattr(played, when, lambda _method, _path: None)
        if back:
            assert (await web.take_back(plan[-1])).ending is Ending.SUCCEEDED
        else:
            await bring_all(web, plan)
        image = OLD if back else NEW
        assert await web.images() == {"web": (image, TOTAL)}, (number, web.lines.system)
        assert await web.selector() == LABELS
        assert bench.rollers.fewest >= TOTAL, f"{number}: " + " | ".join(web.lines.system)
        played.listeners.pop(0)
        if not running.cancelled():
            running.result()
            break
