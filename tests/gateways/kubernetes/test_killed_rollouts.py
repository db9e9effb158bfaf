"""Workers killed at every call of every rollout.

Another one continues, no object remains, and no fewer pods serve.

The fake cluster counts, after every change, how many pods are ready that the Service selects, and which share of the
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
    """Cancels its victim at the n-th call that changes an object."""

    def __init__(self, number: int) -> None:
        self.calls_left = number
        self.victim: asyncio.Task[None] | None = None

    def __call__(self, method: str, _path: str) -> None:
        self.calls_left -= method != "GET"
        if self.calls_left == 0 and self.victim is not None:
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
        server.listeners.insert(0, self._record_share)

    def close(self) -> None:
        self._server.listeners.remove(self._record_share)
        self._rollers.watched = None

    def _record_share(self) -> None:
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
        total_weight = sum(ref.get("weight", 1) for ref in refs)
        return {ref["name"]: ref.get("weight", 1) / total_weight for ref in refs if ref.get("weight", 1)}

    def _selector(self, service: str) -> dict[str, str]:
        service_object = self._server.seek("services", service, self._space)
        assert service_object is not None, f"traffic goes to {service}, which is not there"
        selector: dict[str, str] = service_object["spec"]["selector"]
        return selector


async def new_workload(bench: Bench, api_server: ClusterServer, name: str, number: int) -> tuple[Web, Traffic]:
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


async def roll_out_all(web: Web, shapes: list[Shape]) -> None:
    """Roll out all shapes; the list keeps the shapes that remain."""
    while shapes:
        outcome = await web.roll_out(shapes[0])
        assert outcome.ending is Ending.SUCCEEDED, outcome
        del shapes[0]


async def roll_back(web: Web, plan: list[Shape]) -> None:
    """Roll back from any shape of the plan."""
    outcome = await web.roll_back(plan[-1])
    assert outcome.ending is Ending.SUCCEEDED, outcome


async def run_and_kill(api_server: ClusterServer, number: int, work: Coroutine[Any, Any, None]) -> bool:
    """Run the work and kill it at its n-th change: before it for odd numbers, after it for even ones.

    Return whether it was killed.
    """
    killer, hook = Killer(number), "before" if number % 2 else "after"
    setattr(api_server, hook, killer)
    killer.victim = task = asyncio.create_task(work)
    await asyncio.wait([task])
    setattr(api_server, hook, lambda _method, _path: None)
    if not task.cancelled():
        task.result()
    return task.cancelled()


async def check(web: Web, api_server: ClusterServer, traffic: Traffic, image: str, details: str) -> None:
    """Check that all pods run an image, that no object is left or doubled, and that serving never shrank."""
    traffic.close()
    details += f": {traffic.shares}, {traffic.unserved}, " + " | ".join(web.lines.system)
    assert await web.images() == {"web": (image, TOTAL)}, details
    assert await web.selector() == LABELS
    assert {service["metadata"]["name"] for service in api_server.of("services")} == {"web"}
    assert web.bench.rollers.fewest >= TOTAL and not traffic.unserved, details
    assert set(api_server.made.values()) <= {1}, api_server.made


@pytest.mark.parametrize("name", PLANS)
async def test_another_worker_continues_a_killed_rollout(bench: Bench, api_server: ClusterServer, name: str) -> None:
    was_killed, numbers = True, itertools.count(1)
    while was_killed:
        web, traffic = await new_workload(bench, api_server, name, number := next(numbers))
        was_killed = await run_and_kill(api_server, number, roll_out_all(web, shapes_left := list(PLANS[name])))
        await roll_out_all(web, shapes_left)
        await check(web, api_server, traffic, NEW, f"{number}")
        assert traffic.shares == sorted(traffic.shares), number


@pytest.mark.parametrize("name", PLANS)
async def test_another_worker_rolls_back_a_killed_rollout(bench: Bench, api_server: ClusterServer, name: str) -> None:
    was_killed, numbers = True, itertools.count(1)
    while was_killed:
        web, traffic = await new_workload(bench, api_server, name, number := next(numbers))
        was_killed = await run_and_kill(api_server, number, roll_out_all(web, list(PLANS[name])))
        first_share = len(traffic.shares)
        await roll_back(web, PLANS[name])
        await check(web, api_server, traffic, OLD, f"{number}")
        if name == "canary-by-weight":  # elsewhere pods that were begun may still become ready
            assert traffic.shares[first_share:] == sorted(traffic.shares[first_share:], reverse=True), number


@pytest.mark.parametrize("name", PLANS)
async def test_another_worker_continues_a_killed_rollback(bench: Bench, api_server: ClusterServer, name: str) -> None:
    was_killed, numbers = True, itertools.count(1)
    while was_killed:
        web, traffic = await new_workload(bench, api_server, name, number := next(numbers))
        await roll_out_all(web, PLANS[name][:-1])
        first_share = len(traffic.shares) - 1
        was_killed = await run_and_kill(api_server, number, roll_back(web, PLANS[name]))
        await roll_back(web, PLANS[name])
        await check(web, api_server, traffic, OLD, f"{number}")
        assert traffic.shares[first_share:] == sorted(traffic.shares[first_share:], reverse=True), number
