"""Disruption budgets.

As many of what serves stay as the application wants, whatever stands idle beside it.
"""

from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.kubernetes.workloads import TRACK
from app.core.strategy.model import StrategyKind
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import Bench
from tests.gateways.kubernetes.support.workload import LABELS, NEW, OLD, TOTAL, Web

CANARY, BLUE_GREEN = StrategyKind.CANARY, StrategyKind.BLUE_GREEN


@pytest.fixture
async def web(bench: Bench, api_server: ClusterServer) -> Web:
    """A workload with a budget of two thirds, and another one with a budget that counts both."""
    del api_server
    web = Web(bench)
    await web.make()
    return web


async def budget(web: Web, name: str = "web", labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """Make a budget of the application, and return its specification."""
    made = {"minAvailable": 2, "selector": {"matchLabels": labels or LABELS}} | spec
    await web.create("poddisruptionbudgets", {"metadata": {"name": name}, "spec": made})
    return made


async def evicted(web: Web, image: str) -> list[int]:
    """Evict all pods of an image one after the other, and return each answer."""
    found = []
    web.bench.rollers.stopped = True
    for pod in await web.bench.objects("pods"):
        if pod["spec"]["containers"][0]["image"] == image:
            name = pod["metadata"]["name"]
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
            told = await web.bench.request("POST", f"api/v1:pods/{name}/eviction", eviction)
            found.append(int(told.get("code", 201)))
    web.bench.rollers.stopped = False
    return found


async def budgets(web: Web) -> dict[str, Any]:
    return {each["metadata"]["name"]: each["spec"] for each in await web.bench.objects("poddisruptionbudgets")}


@pytest.mark.parametrize(
    ("more", "serves", "idle"), [({}, OLD, NEW), ({"switched": True}, NEW, OLD)], ids=["before", "switched"]
)
async def test_what_serves_is_protected_and_what_is_idle_does_not_count(
    web: Web, more: dict[str, bool], serves: str, idle: str
) -> None:
    await budget(web)
    assert (await web.roll_out(web.shape(TOTAL, BLUE_GREEN))).ending is Ending.SUCCEEDED
    assert (await web.roll_out(web.shape(TOTAL, BLUE_GREEN, **more))).ending is Ending.SUCCEEDED
    await evicted(web, idle)
    assert await evicted(web, serves) == [201, 429, 429]


@pytest.mark.parametrize("numbers", [{"minAvailable": "60%"}, {"maxUnavailable": 1, "minAvailable": None}])
async def test_the_budget_of_the_new_set_has_the_same_numbers(web: Web, numbers: dict[str, Any]) -> None:
    wanted = {name: value for name, value in numbers.items() if value is not None}
    made = {"selector": {"matchLabels": LABELS}} | wanted
    await web.create("poddisruptionbudgets", {"metadata": {"name": "mine"}, "spec": made})
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    beside = (await budgets(web))["mine-preview"]
    assert beside == wanted | {"selector": {"matchLabels": LABELS | {TRACK: "preview"}}}
    assert await evicted(web, NEW) == [201, 429, 429]


@pytest.mark.parametrize("way", ["on", "back"])
async def test_the_end_leaves_the_budgets_as_they_were(web: Web, way: str) -> None:
    labels = [{"key": "app", "operator": "In", "values": ["web", "else"]}]
    mine = await budget(web, selector={"matchExpressions": labels})
    other = await budget(web, "other", {"app": "other"})
    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert set(await budgets(web)) == {"web", "other", "web-preview"}
    if way == "on":
        await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True))
    else:
        await web.roll_back(shape)
    assert await budgets(web) == {"web": mine, "other": other}


async def test_a_canary_serves_and_counts(web: Web) -> None:
    mine = await budget(web)
    await web.roll_out(web.shape(1, CANARY))
    assert await budgets(web) == {"web": mine}
    assert (await evicted(web, OLD)).count(201) + (await evicted(web, NEW)).count(201) == 1


async def test_the_idle_set_is_gone_before_the_new_version_comes_to_the_base(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    bench = web.bench
    bench.rollers.watched, bench.rollers.most = LABELS, 0
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True))
    assert bench.rollers.most <= 2 * TOTAL
    assert "Scaling web from 3 to 0." in web.lines.system
