"""Workloads that a HorizontalPodAutoscaler sizes; the test acts as the autoscaler.

Its size is kept, and no fewer pods serve.
"""

import pytest

from app.core.attempt import Ending
from app.core.strategy.model import Shape, StrategyKind
from tests.gateways.kubernetes.support.operator import Bench
from tests.gateways.kubernetes.support.workload import LABELS, NEW, OLD, TOTAL, Web

K = StrategyKind
"""Short name for the tables below."""
STARTED = {
    "rolling": Shape(kind=K.ROLLING, updated=1, total=TOTAL, weight=0.3),
    "canary": Shape(kind=K.CANARY, updated=1, total=TOTAL, weight=0.3),
    "blue-green": Shape(kind=K.BLUE_GREEN, updated=TOTAL, total=TOTAL, weight=1.0, switched=True),
}
FINISHED = {
    "rolling": Shape(kind=K.ROLLING, updated=TOTAL, total=TOTAL, weight=1.0, finished=True),
    "canary": Shape(kind=K.CANARY, updated=TOTAL, total=TOTAL, weight=1.0, finished=True),
    "blue-green": Shape(kind=K.BLUE_GREEN, updated=TOTAL, total=TOTAL, weight=1.0, switched=True, finished=True),
}


@pytest.fixture
async def web(bench: Bench) -> Web:
    """A workload that runs the old version, and has an autoscaler."""
    web = Web(bench)
    await web.make()
    await create_autoscaler(web)
    return web


async def create_autoscaler(web: Web) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    spec = {"minReplicas": 1, "maxReplicas": 9, "metrics": [{"type": "Resource", "resource": cpu}]}
    body = {"metadata": {"name": "web"}, "spec": {"scaleTargetRef": target, **spec}}
    await web.create("horizontalpodautoscalers", body)


async def scale(web: Web, replicas: int) -> None:
    """Size the workload as its autoscaler does."""
    await web.edit("deployments", lambda body: body["spec"].update(replicas=replicas))


@pytest.mark.parametrize("rolls_back", [False, True], ids=["on", "back"])
@pytest.mark.parametrize("name", STARTED)
async def test_the_size_set_by_the_autoscaler_is_kept(web: Web, name: str, rolls_back: bool) -> None:
    await scale(web, 4)
    assert (await web.roll_out(STARTED[name])).ending is Ending.SUCCEEDED
    assert (await web.images())["web"] == (OLD, 4)
    await scale(web, 5)
    outcome = await (web.roll_back(STARTED[name]) if rolls_back else web.roll_out(FINISHED[name]))
    assert outcome.ending is Ending.SUCCEEDED
    assert await web.images() == {"web": (OLD if rolls_back else NEW, 5)}
    assert not any("somebody" in line for line in web.lines.system)


async def test_an_update_at_once_keeps_the_size(web: Web) -> None:
    await scale(web, 5)
    await web.roll_out(web.shape(TOTAL))
    assert await web.images() == {"web": (NEW, 5)}


@pytest.mark.parametrize("rolls_back", [False, True], ids=["on", "back"])
async def test_a_base_scaled_down_while_idle_serves_again_at_full_size(web: Web, rolls_back: bool) -> None:
    await scale(web, 5)
    await web.roll_out(STARTED["blue-green"])
    await scale(web, 1)
    assert await web.size() == TOTAL
    await web.roll_out(web.shape(1, K.BLUE_GREEN, total=1, switched=True))
    assert await web.images() == {"web": (OLD, 1), "web-preview": (NEW, 5)}
    outcome = await (web.roll_back(STARTED["blue-green"]) if rolls_back else web.roll_out(FINISHED["blue-green"]))
    assert outcome.ending is Ending.SUCCEEDED
    assert await web.images() == {"web": (OLD if rolls_back else NEW, 5)}
    assert await web.selector() == LABELS


@pytest.mark.parametrize("rolls_back", [False, True], ids=["on", "back"])
async def test_a_base_without_weight_serves_again_at_full_size(bench: Bench, rolls_back: bool) -> None:
    web = Web(bench, route=True)
    await web.make()
    await create_autoscaler(web)
    shape = web.shape(TOTAL, K.CANARY, weight=1.0)
    await web.roll_out(shape)
    await scale(web, 1)
    await web.roll_out(web.shape(1, K.CANARY, total=1, weight=1.0))
    assert await web.images() == {"web": (OLD, 1), "web-canary": (NEW, TOTAL)}
    outcome = await (web.roll_back(shape) if rolls_back else web.roll_out(FINISHED["canary"]))
    assert outcome.ending is Ending.SUCCEEDED
    assert (await web.weights(), await web.images()) == ({"web": 1}, {"web": (OLD if rolls_back else NEW, TOTAL)})
