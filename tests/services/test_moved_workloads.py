"""Rollouts that are cancelled or find drift in the cluster: no capacity is lost."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.application import KubernetesTarget
from app.core.strategy.model import Strategy, StrategyKind, StrategyStep
from app.services import tasks
from app.services.tasks import Promotion
from app.store import applications as store
from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.fake_cluster import Cast, play
from tests.services.support.engine import D, Engine, S, Site, watched
from tests.services.test_kubernetes import image, make_shop

CANARY, BLUE_GREEN, ROLLING = StrategyKind.CANARY, StrategyKind.BLUE_GREEN, StrategyKind.ROLLING
HOURS = 3600
FULL = [("shop", "shop:v1", 10)]


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    """A played cluster, with its controllers."""
    async with play(tmp_path) as cast:
        yield cast


@pytest.fixture
async def cluster(cast: Cast) -> ClusterServer:
    """The same, as `place` expects it; ten replicas of the shop run in it."""
    make_shop(cast.server)
    cast.server.change("deployments", "shop", lambda body: body["spec"].update(replicas=10))
    ports = [{"port": 80}]
    cast.server.store("services", {"metadata": {"name": "shop"}, "spec": {"selector": {"app": "shop"}, "ports": ports}})
    return cast.server


def strategy(kind: StrategyKind, seconds: int = HOURS, *, auto_rollback: bool = True) -> Strategy:
    """Return a strategy whose first step is watched."""
    if kind is BLUE_GREEN:
        return Strategy(
            kind, (StrategyStep(0, seconds, auto_rollback=auto_rollback), StrategyStep(auto_rollback=auto_rollback))
        )
    if kind is ROLLING:
        return Strategy(
            kind, (StrategyStep(3, seconds, auto_rollback=auto_rollback), StrategyStep(auto_rollback=auto_rollback))
        )
    ratios = ((0.3, seconds), (1.0, 0))
    return Strategy(
        kind, tuple(StrategyStep(0, wait, canary_ratio=ratio, auto_rollback=auto_rollback) for ratio, wait in ratios)
    )


@pytest.fixture
async def place(place: Site) -> Site:
    """The same site, with a Service for the shop."""
    (id_,) = place.applications.values()
    application = (await store.by_ids([id_]))[id_]
    await store.update(replace(application, kubernetes=KubernetesTarget("shop", "main", "shop")))
    return place


async def start_rollout(engine: Engine, place: Site, kind: StrategyKind, seconds: int = HOURS, **options: Any) -> str:
    """Deploy a version, then another one until its first batch is watched."""
    await engine.worker()
    await engine.until(await place.deploy("v1"), D.SUCCESS, seconds=60)
    id_ = await place.deploy("v2", strategy=strategy(kind, seconds, **options))
    await engine.until_task(id_, "shop/deploy", watched)
    return id_


@pytest.mark.parametrize("kind", [CANARY, BLUE_GREEN, ROLLING])
async def test_cancelling_leaves_one_set_at_full_size(
    engine: Engine, place: Site, cluster: ClusterServer, kind: StrategyKind
) -> None:
    id_ = await start_rollout(engine, place, kind)
    assert len(image(cluster)) == 2
    await engine.cancel(id_)
    story = await engine.until(id_, D.CANCELLED, seconds=60)
    assert (image(cluster), story.statuses["shop/deploy"]) == (FULL, S.ROLLED_BACK)
    assert await place.releases() == {"shop": "v1"}


async def test_cancelling_during_an_approval_leaves_one_set_at_full_size(
    engine: Engine, place: Site, cluster: ClusterServer
) -> None:
    await engine.worker()
    await engine.until(await place.deploy("v1"), D.SUCCESS, seconds=60)
    asks = StrategyStep(canary_ratio=1.0, require_approval=True)
    id_ = await place.deploy("v2", strategy=Strategy(CANARY, (StrategyStep(canary_ratio=0.3), asks)))
    await engine.until(id_, D.WAITING_CONFIRM, seconds=60)
    assert len(image(cluster)) == 2
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED, seconds=60)
    assert image(cluster) == FULL


async def test_cancelling_without_a_worker_can_be_forced(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    worker = await engine.worker()
    await engine.until(await place.deploy("v1"), D.SUCCESS, seconds=60)
    id_ = await place.deploy("v2", strategy=strategy(CANARY))
    await engine.until_task(id_, "shop/deploy", watched)
    await worker.shut_down()
    await engine.cancel(id_)
    assert (await engine.story(id_)).status is D.CANCELLING
    await engine.cancel(id_, force=True)
    await engine.until(id_, D.CANCELLED)
    await engine.worker()
    cluster.remove(("deployments", "default", "shop-canary"))
    await engine.until(await place.deploy("v3"), D.SUCCESS, seconds=60)
    assert image(cluster) == [("shop", "shop:v3", 10)]


async def test_deleting_a_watched_second_set_costs_no_capacity(
    engine: Engine, place: Site, cluster: ClusterServer
) -> None:
    id_ = await start_rollout(engine, place, CANARY, 2)
    cluster.remove(("deployments", "default", "shop-canary"))
    await engine.until(id_, D.SUCCESS, seconds=60)
    assert image(cluster) == [("shop", "shop:v2", 10)]
    assert any(
        "somebody deleted shop-canary during the rollout" in line for line in await engine.messages(id_, "shop/deploy")
    )


@pytest.mark.parametrize("kind", [CANARY, ROLLING])
async def test_a_version_that_crashes_after_it_was_ready_is_rolled_back(
    engine: Engine, place: Site, cast: Cast, kind: StrategyKind
) -> None:
    id_ = await start_rollout(engine, place, kind, 1)
    cast.rollers.crash("shop:v2")
    story = await engine.until(id_, D.ROLLED_BACK, seconds=60)
    message = str(story.tasks["shop/deploy"].error_message)
    assert "does not serve as it did" in message and "was restarted 1 time" in message
    assert image(cast.server) == FULL


@pytest.mark.parametrize("kind", [ROLLING, CANARY])
async def test_drift_by_cluster_tools_is_detected(
    engine: Engine, place: Site, cluster: ClusterServer, kind: StrategyKind
) -> None:
    object_before = next(item for item in cluster.of("deployments") if item["metadata"]["name"] == "shop")
    id_ = await start_rollout(engine, place, kind, 1)
    annotations = {name: f"{value}" for name, value in (object_before["metadata"].get("annotations") or {}).items()}

    def undo(body: dict[str, Any]) -> None:
        body["spec"]["template"] = object_before["spec"]["template"]
        body["metadata"]["annotations"] = annotations

    cluster.change("deployments", "shop", undo)
    story = await engine.until(id_, D.ROLLED_BACK, D.FAILED, seconds=60)
    assert "somebody changed the image of shop to shop:v0 meanwhile" in str(story.tasks["shop/deploy"].error_message)
    assert [(name, size) for name, _, size in image(cluster)] == [("shop", 10)]


async def test_restoring_the_old_image_while_watched_is_detected(
    engine: Engine, place: Site, cluster: ClusterServer
) -> None:
    await engine.worker()
    await engine.until(await place.deploy("v1"), D.SUCCESS, seconds=60)
    id_ = await place.deploy("v2", strategy=Strategy(steps=(StrategyStep(0, 1),)))
    await engine.until_task(id_, "shop/deploy", watched)
    container = {"name": "main", "image": "shop:v1"}
    cluster.change("deployments", "shop", lambda body: body["spec"]["template"]["spec"].update(containers=[container]))
    story = await engine.until(id_, D.ROLLED_BACK, seconds=60)
    assert "somebody changed the image of shop to shop:v1" in str(story.tasks["shop/deploy"].error_message)
    assert image(cluster) == FULL


async def test_an_unsuitable_strategy_changes_nothing(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    await engine.worker()
    await engine.until(await place.deploy("v1"), D.SUCCESS, seconds=60)
    cluster.change("deployments", "shop", lambda body: body["spec"].update(strategy={"type": "Recreate"}))
    story = await engine.until(await place.deploy("v2", strategy=strategy(ROLLING)), D.FAILED, seconds=60)
    assert "its strategy is Recreate" in str(story.tasks["shop/deploy"].error_message)
    assert (image(cluster), story.tasks["shop/deploy"].touched) == (FULL, False)


async def test_a_watched_batch_can_be_promoted_while_it_is_observed(
    engine: Engine, place: Site, cluster: ClusterServer
) -> None:
    id_ = await start_rollout(engine, place, CANARY)
    task = (await engine.story(id_)).tasks["shop/deploy"]
    await engine.call(tasks.promote, Promotion(task.id))
    await engine.until(id_, D.SUCCESS, seconds=60)
    assert image(cluster) == [("shop", "shop:v2", 10)]
