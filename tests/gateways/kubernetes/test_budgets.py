"""Disruption budgets.

They protect the serving pods of an application, and ignore the idle ones.
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
    """A workload that runs the old version."""
    del api_server
    web = Web(bench)
    await web.make()
    return web


async def create_budget(
    web: Web, name: str = "web", labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """Create a PodDisruptionBudget of the application, and return its spec."""
    budget_spec = {"minAvailable": 2, "selector": {"matchLabels": labels or LABELS}} | spec
    await web.create("poddisruptionbudgets", {"metadata": {"name": name}, "spec": budget_spec})
    return budget_spec


async def evict_all(web: Web, image: str) -> list[int]:
    """Evict all pods of an image in turn, and return the status codes."""
    codes = []
    web.bench.rollers.stopped = True
    for pod in await web.bench.objects("pods"):
        if pod["spec"]["containers"][0]["image"] == image:
            name = pod["metadata"]["name"]
            eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
            answer = await web.bench.request("POST", f"api/v1:pods/{name}/eviction", eviction)
            codes.append(int(answer.get("code", 201)))
    web.bench.rollers.stopped = False
    return codes


async def budgets(web: Web) -> dict[str, Any]:
    return {budget["metadata"]["name"]: budget["spec"] for budget in await web.bench.objects("poddisruptionbudgets")}


@pytest.mark.parametrize(
    ("options", "serving_image", "idle_image"),
    [({}, OLD, NEW), ({"switched": True}, NEW, OLD)],
    ids=["before", "switched"],
)
async def test_a_budget_protects_the_serving_set_and_ignores_the_idle_set(
    web: Web, options: dict[str, bool], serving_image: str, idle_image: str
) -> None:
    await create_budget(web)
    assert (await web.roll_out(web.shape(TOTAL, BLUE_GREEN))).ending is Ending.SUCCEEDED
    assert (await web.roll_out(web.shape(TOTAL, BLUE_GREEN, **options))).ending is Ending.SUCCEEDED
    await evict_all(web, idle_image)
    assert await evict_all(web, serving_image) == [201, 429, 429]


@pytest.mark.parametrize("numbers", [{"minAvailable": "60%"}, {"maxUnavailable": 1, "minAvailable": None}])
async def test_the_budget_of_the_new_set_has_the_same_numbers(web: Web, numbers: dict[str, Any]) -> None:
    limits = {name: value for name, value in numbers.items() if value is not None}
    spec = {"selector": {"matchLabels": LABELS}} | limits
    await web.create("poddisruptionbudgets", {"metadata": {"name": "mine"}, "spec": spec})
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    preview_budget = (await budgets(web))["mine-preview"]
    assert preview_budget == limits | {"selector": {"matchLabels": LABELS | {TRACK: "preview"}}}
    assert await evict_all(web, NEW) == [201, 429, 429]


@pytest.mark.parametrize("direction", ["on", "back"])
async def test_the_end_of_a_rollout_restores_the_budgets(web: Web, direction: str) -> None:
    labels = [{"key": "app", "operator": "In", "values": ["web", "else"]}]
    web_budget = await create_budget(web, selector={"matchExpressions": labels})
    other_budget = await create_budget(web, "other", {"app": "other"})
    await web.roll_out(shape := web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert set(await budgets(web)) == {"web", "other", "web-preview"}
    if direction == "on":
        await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True))
    else:
        await web.roll_back(shape)
    assert await budgets(web) == {"web": web_budget, "other": other_budget}


async def test_canary_pods_count_for_the_budget(web: Web) -> None:
    web_budget = await create_budget(web)
    await web.roll_out(web.shape(1, CANARY))
    assert await budgets(web) == {"web": web_budget}
    assert (await evict_all(web, OLD)).count(201) + (await evict_all(web, NEW)).count(201) == 1


async def test_the_idle_set_ends_before_the_base_is_updated(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    bench = web.bench
    bench.rollers.watched, bench.rollers.most = LABELS, 0
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True))
    assert bench.rollers.most <= 2 * TOTAL
    assert "Scaling web from 3 to 0." in web.lines.system
