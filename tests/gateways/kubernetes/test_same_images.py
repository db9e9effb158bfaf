"""Rollouts that replace no pod by themselves.

The same image again, no replicas; restarts, and init containers.
"""

from dataclasses import replace
from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.strategy.model import StrategyKind
from tests.gateways.kubernetes.support.operator import Bench
from tests.gateways.kubernetes.support.workload import NEW, OLD, TOTAL, InPlace, Web

CANARY, BLUE_GREEN, ROLLING = StrategyKind.CANARY, StrategyKind.BLUE_GREEN, StrategyKind.ROLLING


async def uids(web: Web) -> set[str]:
    return {pod["metadata"]["uid"] for pod in await web.bench.objects("pods")}


@pytest.fixture
async def web(bench: Bench) -> Web:
    """A workload that already runs the image of the rollout."""
    web = Web(bench, image=OLD)
    await web.make()
    return web


async def test_an_unchanged_image_is_reported(web: Web) -> None:
    uids_before = await uids(web)
    await web.roll_out(web.shape(TOTAL, finished=True))
    assert await uids(web) == uids_before
    assert any("runs the image registry.k8s.io/pause:3.9 already" in line for line in web.lines.system)


@pytest.mark.parametrize("kind", [ROLLING, CANARY, BLUE_GREEN])
async def test_a_restart_replaces_every_pod_once(web: Web, kind: StrategyKind) -> None:
    uids_before = await uids(web)
    web.workload = replace(web.workload, target=replace(web.workload.target, restart=True))
    finished_shape = web.shape(TOTAL, kind, finished=True, switched=kind is BLUE_GREEN)
    for shape in (web.shape(1, kind), finished_shape):
        assert (await web.roll_out(shape)).message is None
    uids_after = await uids(web)
    assert not uids_before & uids_after and await web.images() == {"web": (OLD, TOTAL)}
    assert (await web.roll_out(finished_shape)).message is None and await uids(web) == uids_after


@pytest.mark.parametrize("plural", ["statefulsets", "daemonsets"])
async def test_a_restart_in_place(bench: Bench, plural: str) -> None:
    await (web := InPlace(bench, plural, image=OLD)).make()
    uids_before = await uids(web)
    web.workload = replace(web.workload, target=replace(web.workload.target, restart=True))
    assert (await web.roll_out(web.shape(1))).message is None
    assert len(uids_before & await uids(web)) == TOTAL - 1
    assert (await web.roll_out(web.shape(TOTAL, finished=True))).message is None
    assert not uids_before & await uids(web)


async def test_a_workload_without_replicas_is_reported(bench: Bench) -> None:
    web = Web(bench)
    await web.make()
    await web.edit("deployments", lambda body: body["spec"].update(replicas=0))
    assert (await web.roll_out(web.shape(0, total=0, weight=1.0))).message is None
    assert any("web has 0 replicas" in line for line in web.lines.system)
    assert await web.images() == {"web": (NEW, 0)}


async def test_the_image_of_an_init_container_is_updated(bench: Bench) -> None:
    web = Web(bench)
    await web.make()
    init_container = {"name": "migrate", "image": OLD}

    def add_init_container(body: dict[str, Any]) -> None:
        body["spec"]["template"]["spec"]["initContainers"] = [init_container]

    await web.edit("deployments", add_init_container)
    web.workload = replace(web.workload, target=replace(web.workload.target, container="migrate"))
    assert (await web.roll_out(web.shape(1, CANARY))).message is None
    assert (await web.roll_out(web.shape(TOTAL, CANARY, finished=True))).ending is Ending.SUCCEEDED
    (body,) = await bench.objects("deployments")
    assert body["spec"]["template"]["spec"]["initContainers"] == [init_container | {"image": NEW}]
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == OLD
