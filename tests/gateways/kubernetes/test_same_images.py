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
    """A workload that runs the image which is to be brought."""
    web = Web(bench, image=OLD)
    await web.make()
    return web


async def test_the_same_image_is_said(web: Web) -> None:
    before = await uids(web)
    await web.roll_out(web.shape(TOTAL, finished=True))
    assert await uids(web) == before
    assert any("runs the image registry.k8s.io/pause:3.9 already" in line for line in web.lines.system)


@pytest.mark.parametrize("kind", [ROLLING, CANARY, BLUE_GREEN])
async def test_a_restart_replaces_every_pod_once(web: Web, kind: StrategyKind) -> None:
    before = await uids(web)
    web.workload = replace(web.workload, target=replace(web.workload.target, restart=True))
    done = web.shape(TOTAL, kind, finished=True, switched=kind is BLUE_GREEN)
    for shape in (web.shape(1, kind), done):
        assert (await web.roll_out(shape)).message is None
    after = await uids(web)
    assert not before & after and await web.images() == {"web": (OLD, TOTAL)}
    assert (await web.roll_out(done)).message is None and await uids(web) == after


@pytest.mark.parametrize("plural", ["statefulsets", "daemonsets"])
async def test_a_restart_in_place(bench: Bench, plural: str) -> None:
    await (web := InPlace(bench, plural, image=OLD)).make()
    before = await uids(web)
    web.workload = replace(web.workload, target=replace(web.workload.target, restart=True))
    assert (await web.roll_out(web.shape(1))).message is None
    assert len(before & await uids(web)) == TOTAL - 1
    assert (await web.roll_out(web.shape(TOTAL, finished=True))).message is None
    assert not before & await uids(web)


async def test_no_replicas_are_said(bench: Bench) -> None:
    web = Web(bench)
    await web.make()
    await web.edit("deployments", lambda body: body["spec"].update(replicas=0))
    assert (await web.roll_out(web.shape(0, total=0, weight=1.0))).message is None
    assert any("web has 0 replicas" in line for line in web.lines.system)
    assert await web.images() == {"web": (NEW, 0)}


async def test_an_init_container(bench: Bench) -> None:
    web = Web(bench)
    await web.make()
    init = {"name": "migrate", "image": OLD}

    def with_init(body: dict[str, Any]) -> None:
        body["spec"]["template"]["spec"]["initContainers"] = [init]

    await web.edit("deployments", with_init)
    web.workload = replace(web.workload, target=replace(web.workload.target, container="migrate"))
    assert (await web.roll_out(web.shape(1, CANARY))).message is None
    assert (await web.roll_out(web.shape(TOTAL, CANARY, finished=True))).ending is Ending.SUCCEEDED
    (body,) = await bench.objects("deployments")
    assert body["spec"]["template"]["spec"]["initContainers"] == [init | {"image": NEW}]
    assert body["spec"]["template"]["spec"]["containers"][0]["image"] == OLD
