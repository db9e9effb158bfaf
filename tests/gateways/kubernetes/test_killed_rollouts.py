"""Workers killed at every call of every rollout: another one goes on, nothing stays, nobody is served by fewer.

The played cluster counts, after every change, how many pods are ready that the Service selects, and which share of the
traffic the new version gets: that rises on the way on, and falls on the way back.
"""

import asyncio
import itertools
import math
from dataclasses import replace
from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.strategy import Shape, StrategyKind
from tests.cluster.api import ClusterServer
from tests.cluster.rollers import Rollers
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
    "canary-by-weight": [
        Shape(kind=K.CANARY, updated=1, total=TOTAL, weight=0.1),
        Shape(kind=K.CANARY, updated=2, total=TOTAL, weight=0.5),
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


class Traffic:
    """Whom the Service and the route send traffic to, after every change: how much of it the new version gets."""

    def __init__(self, web: Web, rollers: Rollers, server: ClusterServer) -> None:
        self.shares = [0.0]
        self.unserved: list[str] = []
        self._space = web.bench.connection.namespace
        self._rollers = rollers
        self._server = server
        rollers.watched, rollers.fewest = LABELS, TOTAL
        server.listeners.insert(0, self._look)

    def close(self) -> None:
        self._server.listeners.remove(self._look)
        self._rollers.watched = None

    def _look(self) -> None:
        weights = self._weights()
        share = 0.0
        for name, weight in weights.items():
            images = list(self._rollers.serving(self._selector(name)))
            if len(images) < math.ceil(weight * TOTAL):
                self.unserved.append(f"{name} has {len(images)} replicas for {weight:.0%} of the traffic")
            share += weight * images.count(NEW) / max(1, len(images))
        if share != self.shares[-1]:
            self.shares.append(share)
        self._rollers.watched = self._selector("web")

    def _weights(self) -> dict[str, float]:
        route = self._server.seek("httproutes", "web", self._space)
        refs: list[dict[str, Any]] = route["spec"]["rules"][0]["backendRefs"] if route else [{"name": "web"}]
        whole = sum(ref.get("weight", 1) for ref in refs)
        return {ref["name"]: ref.get("weight", 1) / whole for ref in refs if ref.get("weight", 1)}

    def _selector(self, service: str) -> dict[str, str]:
        found = self._server.seek("services", service, self._space)
        assert found is not None, f"traffic goes to {service}, which is not there"
        selector: dict[str, str] = found["spec"]["selector"]
        return selector


async def fresh(bench: Bench, played: ClusterServer, number: int, *, route: bool) -> Web:
    """Return a workload in a namespace of its own."""
    for key in list(played.objects):
        played.remove(key)
    bench.connection = replace(bench.connection, namespace=f"boreas-test-{number}")
    web = Web(bench, route=route)
    await web.make()
    played.made.clear()
    return web


async def bring_all(web: Web, left: list[Shape]) -> None:
    """Bring all the shapes, and leave those that were not brought to whoever goes on."""
    while left:
        outcome = await web.bring(left[0])
        assert outcome.ending is Ending.SUCCEEDED, outcome
        del left[0]


@pytest.mark.parametrize("back", [False, True], ids=["on", "back"])
@pytest.mark.parametrize("name", PLANS)
async def test_killed_at_every_change(bench: Bench, played: ClusterServer, name: str, back: bool) -> None:
    is_routed = name == "canary-by-weight"
    for number, when in zip(itertools.count(1), itertools.cycle(["before", "after"]), strict=False):
        web, left = await fresh(bench, played, number, route=is_routed), list(PLANS[name])
        traffic = Traffic(web, bench.rollers, played)
        killer = Killer(number)
        setattr(played, when, killer)
        killer.victim = running = asyncio.create_task(bring_all(web, left))
        await asyncio.wait([running])
        setattr(played, when, lambda _method, _path: None)
        rise = len(traffic.shares)
        if back:
            assert (await web.take_back(PLANS[name][-1])).ending is Ending.SUCCEEDED
        else:
            await bring_all(web, left)
        traffic.close()
        told = f"{number}: {traffic.shares}, {traffic.unserved}, " + " | ".join(web.lines.system)
        assert await web.images() == {"web": (OLD if back else NEW, TOTAL)}, told
        assert await web.selector() == LABELS
        assert bench.rollers.fewest >= TOTAL and not traffic.unserved, told
        if is_routed or not back:  # pods that were begun may still become ready on the way back
            assert traffic.shares == sorted(traffic.shares[:rise]) + sorted(traffic.shares[rise:], reverse=back), told
        assert set(played.made.values()) <= {1}, played.made
        if not running.cancelled():
            running.result()
            break
