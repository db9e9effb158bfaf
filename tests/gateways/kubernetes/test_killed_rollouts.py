"""Workers killed at every call of every rollout.

Another one goes on, nothing stays, nobody is served by fewer.

The played cluster counts, after every change, how many pods are ready that the Service selects, and which share of the
traffic the new version gets: that rises on the way on, and falls on the way back.
"""

import asyncio
import itertools
import math
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.strategy.model import Shape, StrategyKind
from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.rollers import Rollers
from tests.gateways.kubernetes.support.operator import Bench
from tests.gateways.kubernetes.support.workload import LABELS, NEW, OLD, TOTAL, Web

K = StrategyKind
"""Short name for the tables below."""
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
PLANS["blue-green-autoscaled"] = PLANS["blue-green"]


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
    """Records the new version's share of traffic, by Service and route, after every change.

    Where there is an autoscaler, it makes the base small once that has no traffic.
    """

    def __init__(self, web: Web, rollers: Rollers, server: ClusterServer) -> None:
        self.shares = [0.0]
        self.unserved: list[str] = []
        self._space = web.bench.connection.namespace
        self._is_idle_soon = bool(list(server.of("horizontalpodautoscalers")))
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
        if self._is_idle_soon and self._rollers.watched.get("boreas.dev/track") == "preview":
            self._is_idle_soon = False
            self._server.change("deployments", "web", lambda body: body["spec"].update(replicas=1), self._space)

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


async def fresh(bench: Bench, api_server: ClusterServer, name: str, number: int) -> tuple[Web, Traffic]:
    """Return a workload in a namespace of its own, and its traffic."""
    for key in list(api_server.objects):
        api_server.remove(key)
    bench.connection = replace(bench.connection, namespace=f"boreas-test-{number}")
    web = Web(bench, route=name == "canary-by-weight")
    await web.make()
    if name == "blue-green-autoscaled":
        target = {"kind": "Deployment", "name": "web"}
        await web.create("horizontalpodautoscalers", {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": target}})
    api_server.made.clear()
    return web, Traffic(web, bench.rollers, api_server)


async def bring_all(web: Web, left: list[Shape]) -> None:
    """Bring all the shapes, and leave those that were not brought to whoever goes on."""
    while left:
        outcome = await web.roll_out(left[0])
        assert outcome.ending is Ending.SUCCEEDED, outcome
        del left[0]


async def roll_back(web: Web, plan: list[Shape]) -> None:
    """Go back from somewhere in the plan."""
    outcome = await web.roll_back(plan[-1])
    assert outcome.ending is Ending.SUCCEEDED, outcome


async def killed(api_server: ClusterServer, number: int, work: Coroutine[Any, Any, None]) -> bool:
    """Do some work, and kill it at its n-th change, by turns before and after that.

    Return whether it was killed.
    """
    killer, when = Killer(number), "before" if number % 2 else "after"
    setattr(api_server, when, killer)
    killer.victim = running = asyncio.create_task(work)
    await asyncio.wait([running])
    setattr(api_server, when, lambda _method, _path: None)
    if not running.cancelled():
        running.result()
    return running.cancelled()


async def check(web: Web, api_server: ClusterServer, traffic: Traffic, image: str, told: str) -> None:
    """Check that all pods run an image, that no object is left or doubled, and that serving never shrank."""
    traffic.close()
    told += f": {traffic.shares}, {traffic.unserved}, " + " | ".join(web.lines.system)
    assert await web.images() == {"web": (image, TOTAL)}, told
    assert await web.selector() == LABELS
    assert {each["metadata"]["name"] for each in api_server.of("services")} == {"web"}
    assert web.bench.rollers.fewest >= TOTAL and not traffic.unserved, told
    assert set(api_server.made.values()) <= {1}, api_server.made


@pytest.mark.parametrize("name", PLANS)
async def test_killed_on_the_way_on_another_worker_goes_on(bench: Bench, api_server: ClusterServer, name: str) -> None:
    was_killed, numbers = True, itertools.count(1)
    while was_killed:
        web, traffic = await fresh(bench, api_server, name, number := next(numbers))
        was_killed = await killed(api_server, number, bring_all(web, left := list(PLANS[name])))
        await bring_all(web, left)
        await check(web, api_server, traffic, NEW, f"{number}")
        assert traffic.shares == sorted(traffic.shares), number


@pytest.mark.parametrize("name", PLANS)
async def test_killed_on_the_way_on_another_worker_goes_back(
    bench: Bench, api_server: ClusterServer, name: str
) -> None:
    was_killed, numbers = True, itertools.count(1)
    while was_killed:
        web, traffic = await fresh(bench, api_server, name, number := next(numbers))
        was_killed = await killed(api_server, number, bring_all(web, list(PLANS[name])))
        rise = len(traffic.shares)
        await roll_back(web, PLANS[name])
        await check(web, api_server, traffic, OLD, f"{number}")
        if name == "canary-by-weight":  # elsewhere pods that were begun may still become ready
            assert traffic.shares[rise:] == sorted(traffic.shares[rise:], reverse=True), number


@pytest.mark.parametrize("name", PLANS)
async def test_killed_on_the_way_back_another_worker_goes_on(
    bench: Bench, api_server: ClusterServer, name: str
) -> None:
    was_killed, numbers = True, itertools.count(1)
    while was_killed:
        web, traffic = await fresh(bench, api_server, name, number := next(numbers))
        await bring_all(web, PLANS[name][:-1])
        rise = len(traffic.shares) - 1
        was_killed = await killed(api_server, number, roll_back(web, PLANS[name]))
        await roll_back(web, PLANS[name])
        await check(web, api_server, traffic, OLD, f"{number}")
        assert traffic.shares[rise:] == sorted(traffic.shares[rise:], reverse=True), number
