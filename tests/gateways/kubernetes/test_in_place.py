"""StatefulSets and DaemonSets: rolled out and back by their own mechanisms, and no other strategy."""

from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.strategy.model import Strategy, StrategyKind, StrategyStep
from tests.gateways.kubernetes.support.operator import Bench
from tests.gateways.kubernetes.support.workload import NEW, OLD, TOTAL, InPlace

BOTH = pytest.mark.parametrize("plural", ["statefulsets", "daemonsets"])
UPDATE_STRATEGIES = pytest.mark.parametrize(
    "update_strategy", [{}, {"type": "OnDelete"}, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}]
)


@BOTH
@UPDATE_STRATEGIES
async def test_batches_update_in_place_and_keep_the_update_strategy(
    bench: Bench, plural: str, update_strategy: dict[str, Any]
) -> None:
    await (web := InPlace(bench, plural, **update_strategy)).make()
    assert await web.size() == TOTAL
    for updated in (1, 2, TOTAL):
        assert (await web.roll_out(web.shape(updated))).message is None
        assert sorted(await web.pods()) == sorted([OLD] * (TOTAL - updated) + [NEW] * updated)
    assert (await web.roll_out(web.shape(TOTAL, finished=True))).ending is Ending.SUCCEEDED
    assert (await web.spec()).get("updateStrategy", {}) == update_strategy
    assert await web.pods() == [NEW] * TOTAL


@BOTH
@UPDATE_STRATEGIES
@pytest.mark.parametrize("updated", [1, TOTAL])
async def test_an_update_in_place_is_rolled_back(
    bench: Bench, plural: str, update_strategy: dict[str, Any], updated: int
) -> None:
    await (web := InPlace(bench, plural, **update_strategy)).make()
    await web.roll_out(web.shape(updated))
    for _ in range(2):
        assert (await web.roll_back(web.shape(updated))).message is None
        assert await web.pods() == [OLD] * TOTAL
    assert (await web.spec()).get("updateStrategy", {}) == update_strategy


@BOTH
async def test_a_version_that_does_not_start_is_rolled_back(bench: Bench, plural: str) -> None:
    await (web := InPlace(bench, plural, image="shop/broken:2")).make()
    outcome = await web.roll_out(web.shape(1))
    assert "keeps crashing (CrashLoopBackOff)" in str(outcome.message)
    assert (await web.roll_back(web.shape(1))).message is None
    assert await web.pods() == [OLD] * TOTAL


@BOTH
async def test_an_image_edited_during_the_rollout_is_detected(bench: Bench, plural: str) -> None:
    await (web := InPlace(bench, plural)).make()
    await web.roll_out(web.shape(1))
    container = "registry.k8s.io/pause:3.8"

    def change(body: dict[str, Any]) -> None:
        body["spec"]["template"]["spec"]["containers"][0]["image"] = container

    await web.edit(plural, change, plural)
    assert "somebody changed the image" in str((await web.observe(web.shape(1))).message)
    assert "somebody changed the image" in str((await web.roll_out(web.shape(TOTAL))).message)
    assert (await web.roll_back(web.shape(TOTAL))).ending is Ending.LEFT


@BOTH
@pytest.mark.parametrize("kind", [StrategyKind.CANARY, StrategyKind.BLUE_GREEN])
async def test_other_strategies_are_refused(bench: Bench, plural: str, kind: StrategyKind) -> None:
    await (web := InPlace(bench, plural)).make()
    strategy = Strategy(kind, (StrategyStep(canary_ratio=1.0),))
    reason = await bench.operator.incompatibility(web.workload, strategy, TOTAL)
    assert f"{kind.value} cannot work for" in str(reason) and "replaced in place" in str(reason)
    assert await bench.operator.incompatibility(web.workload, Strategy(steps=(StrategyStep(1),)), TOTAL) is None


async def test_a_missing_workload_is_named(bench: Bench) -> None:
    web = InPlace(bench, "statefulsets")
    assert "no StatefulSet or DaemonSet" in str((await web.roll_out(web.shape(1))).message)
