"""Rollouts: the objects in each shape and at the end, and the rollback from any shape."""

import pytest

from app.core.attempt import Ending
from app.core.kubernetes.workloads import TRACK
from app.core.strategy.model import StrategyKind
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import Bench
from tests.gateways.kubernetes.support.workload import LABELS, NEW, OLD, TOTAL, Web

ROLLING, CANARY, BLUE_GREEN = StrategyKind.ROLLING, StrategyKind.CANARY, StrategyKind.BLUE_GREEN
BASE_OLD, BASE_NEW = {"web": (OLD, TOTAL)}, {"web": (NEW, TOTAL)}


@pytest.fixture
async def web(bench: Bench) -> Web:
    """A workload that runs the old version."""
    web = Web(bench)
    await web.make()
    return web


async def test_a_rollout_at_once_updates_the_deployment_itself(web: Web) -> None:
    assert (await web.roll_out(web.shape(TOTAL))).ending is Ending.SUCCEEDED
    assert await web.images() == BASE_NEW
    assert (await web.roll_out(web.shape(TOTAL, finished=True))).ending is Ending.SUCCEEDED
    (deployment,) = await web.bench.objects("deployments")
    assert "boreas.dev/manner" not in deployment["metadata"]["annotations"]


@pytest.mark.parametrize("kind", [ROLLING, CANARY])
async def test_a_share_of_replicas_runs_in_a_second_deployment(web: Web, kind: StrategyKind) -> None:
    for updated in (1, 2):
        assert (await web.roll_out(web.shape(updated, kind))).ending is Ending.SUCCEEDED
        assert await web.images() == {"web": (OLD, TOTAL - updated), "web-canary": (NEW, updated)}
        assert await web.size() == TOTAL
    assert (await web.roll_out(web.shape(TOTAL, kind, finished=True))).ending is Ending.SUCCEEDED
    assert await web.images() == BASE_NEW


@pytest.mark.parametrize("kind", [ROLLING, CANARY])
@pytest.mark.parametrize("updated", [0, 1, 3])
async def test_a_share_of_replicas_is_rolled_back(web: Web, kind: StrategyKind, updated: int) -> None:
    await web.roll_out(web.shape(updated, kind))
    for _ in range(2):
        assert (await web.roll_back(web.shape(updated, kind))).ending is Ending.SUCCEEDED
        assert await web.images() == BASE_OLD


async def test_blue_green_previews_switches_and_finishes(web: Web) -> None:
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN))
    assert await web.images() == BASE_OLD | {"web-preview": (NEW, TOTAL)}
    assert await web.selector() == LABELS | {TRACK: "stable"}
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True))
    assert await web.selector() == LABELS | {TRACK: "preview"}
    assert await web.images() == BASE_OLD | {"web-preview": (NEW, TOTAL)}
    await web.roll_out(web.shape(TOTAL, BLUE_GREEN, switched=True, finished=True))
    assert (await web.images(), await web.selector()) == (BASE_NEW, LABELS)


@pytest.mark.parametrize("options", [{}, {"switched": True}, {"switched": True, "finished": True}])
async def test_blue_green_is_rolled_back(web: Web, options: dict[str, bool]) -> None:
    shape = web.shape(TOTAL, BLUE_GREEN, **options)
    await web.roll_out(shape)
    assert (await web.roll_back(shape)).ending is Ending.SUCCEEDED
    assert (await web.images(), await web.selector()) == (BASE_OLD, LABELS)


async def test_a_route_gives_the_canary_its_weight(bench: Bench) -> None:
    web = Web(bench, route=True)
    await web.make()
    for weight, replicas in ((0.1, 1), (0.5, 2)):
        await web.roll_out(web.shape(replicas, CANARY, weight=weight))
        share = round(weight * 100)
        assert await web.weights() == {"web": 100 - share, "web-canary": share}
        assert await web.images() == BASE_OLD | {"web-canary": (NEW, replicas)}
    await web.roll_out(web.shape(TOTAL, CANARY, weight=1.0, finished=True))
    assert (await web.weights(), await web.images()) == ({"web": 1}, BASE_NEW)
    assert [service["metadata"]["name"] for service in await bench.objects("services")] == ["web"]


async def test_a_rollback_removes_the_weight_first(bench: Bench, api_server: ClusterServer) -> None:
    web = Web(bench, route=True)
    await web.make()
    await web.roll_out(shape := web.shape(1, CANARY, weight=0.2))
    api_server.asked.clear()
    await web.roll_back(shape)
    first_change = next(call for call in api_server.asked if not call.startswith("GET"))
    assert first_change.startswith("PUT") and "httproutes" in first_change
    assert (await web.weights(), await web.images()) == ({"web": 1}, BASE_OLD)


async def test_a_version_that_does_not_start_fails_and_the_old_version_stays(
    bench: Bench, api_server: ClusterServer
) -> None:
    del api_server
    web = Web(bench, image="shop/broken:2")
    await web.make()
    outcome = await web.roll_out(web.shape(1, CANARY))
    assert outcome.ending is Ending.FAILED and "keeps crashing (CrashLoopBackOff)" in str(outcome.message)
    assert (await web.images())["web"] == (OLD, TOTAL)
    assert (await web.roll_back(web.shape(1, CANARY))).ending is Ending.SUCCEEDED
    assert await web.images() == BASE_OLD


async def test_a_foreign_object_of_the_same_name_is_refused(web: Web) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "image": OLD}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    await web.create("deployments", {"metadata": {"name": "web-canary"}, "spec": spec})
    outcome = await web.roll_out(web.shape(1, CANARY))
    assert str(outcome.message).startswith("there is already a Deployment web-canary that Boreas did not create")


async def test_a_missing_deployment_is_named(bench: Bench) -> None:
    outcome = await Web(bench).roll_out(Web(bench).shape(1))
    assert "there is no Deployment web in the namespace" in str(outcome.message)


async def test_objects_of_an_earlier_rollout_are_removed_first(web: Web) -> None:
    await web.roll_out(web.shape(2, CANARY), deployment_id="dep_01b", image="registry.k8s.io/pause:3.8")
    await web.roll_out(web.shape(1, CANARY))
    assert await web.images() == {"web": (OLD, TOTAL - 1), "web-canary": (NEW, 1)}
