"""Where pods have no room.

Quotas, nodes that hold one pod each, Deployments that may not surge or are recreated.
"""

from collections.abc import Callable
from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.strategy.model import Shape, Strategy, StrategyKind, StrategyStep
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import Bench
from tests.gateways.kubernetes.support.workload import LABELS, NEW, OLD, Web

ROLLING, CANARY, BLUE_GREEN = StrategyKind.ROLLING, StrategyKind.CANARY, StrategyKind.BLUE_GREEN
Body = dict[str, Any]
TIGHT = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
BATCHES = Strategy(steps=(StrategyStep(1),))
SHARES = Strategy(CANARY, (StrategyStep(canary_ratio=0.3), StrategyStep(canary_ratio=1.0)))
AT_ONCE, TWO_SETS = Strategy(), Strategy(BLUE_GREEN)


async def resize(web: Web, size: int, change: Callable[[Body], object] = lambda body: None) -> None:
    def set_size_and_change(body: Body) -> None:
        body["spec"]["replicas"] = size
        change(body)

    await web.edit("deployments", set_size_and_change)
    await web.roll_out(web.shape(size, total=size, finished=True), image=OLD, deployment_id="dep_01b")
    web.bench.rollers.watched, web.bench.rollers.fewest = LABELS, size


def shape(updated: int, total: int, kind: StrategyKind = CANARY, **options: Any) -> Shape:
    return Shape(kind=kind, updated=updated, total=total, weight=updated / total, **options)


def require_own_node(body: Body) -> None:
    body["spec"]["strategy"] = TIGHT
    (container,) = body["spec"]["template"]["spec"]["containers"]
    container["ports"] = [{"containerPort": 80, "hostPort": 80}]


def use_recreate(body: Body) -> None:
    body["spec"]["strategy"] = {"type": "Recreate"}


@pytest.fixture
async def web(bench: Bench, api_server: ClusterServer) -> Web:
    """A workload that runs the old version."""
    del api_server
    web = Web(bench)
    await web.make()
    return web


async def test_a_canary_without_quota_is_rolled_back_without_lost_replicas(web: Web) -> None:
    await resize(web, 4)
    web.bench.rollers.quota = 5
    assert (await web.roll_out(shape(1, 4))).ending is Ending.SUCCEEDED
    outcome = await web.roll_out(shape(3, 4))
    assert outcome.ending is Ending.FAILED and "exceeded quota" in str(outcome.message)
    assert (await web.roll_back(shape(3, 4))).message is None
    assert await web.images() == {"web": (OLD, 4)}
    assert web.bench.rollers.fewest >= 4
    assert any("There is no room for more pods of web: scaling web-canary to" in line for line in web.lines.system)


@pytest.mark.parametrize("rolls_back", [False, True])
async def test_the_last_step_moves_replicas_from_the_canary_to_the_base(web: Web, rolls_back: bool) -> None:
    await resize(web, 4)
    await web.roll_out(shape(3, 4))
    web.bench.rollers.quota = 5
    shape_step = shape(4, 4, finished=True)
    outcome = await (web.roll_back(shape(3, 4)) if rolls_back else web.roll_out(shape_step))
    assert outcome.message is None
    assert await web.images() == {"web": (OLD if rolls_back else NEW, 4)}
    assert web.bench.rollers.fewest >= 4


async def test_an_unfinished_rollout_is_cleaned_up_without_quota(web: Web) -> None:
    await resize(web, 4)
    await web.roll_out(shape(2, 4), deployment_id="dep_01c")
    web.bench.rollers.quota = 4
    assert (await web.roll_out(shape(4, 4, ROLLING))).ending is Ending.FAILED  # a quota of four has no room for a fifth
    assert await web.images() == {"web": (NEW, 4)}
    assert web.bench.rollers.fewest >= 3
    web.bench.rollers.quota = 5
    assert (await web.roll_back(shape(4, 4, ROLLING))).message is None
    assert (await web.roll_out(shape(4, 4, ROLLING, finished=True))).message is None
    assert await web.images() == {"web": (NEW, 4)}


async def test_an_idle_base_needs_no_quota(web: Web) -> None:
    await web.roll_out(web.shape(3, BLUE_GREEN, switched=True))
    web.bench.rollers.quota = 6
    assert (await web.roll_out(web.shape(3, BLUE_GREEN, switched=True, finished=True))).message is None
    assert await web.images() == {"web": (NEW, 3)}


@pytest.mark.parametrize("rolls_back", [False, True])
@pytest.mark.parametrize("updated", [1, 2, 3])
async def test_one_pod_per_node_without_surge(web: Web, updated: int, rolls_back: bool) -> None:
    await resize(web, 3, require_own_node)
    web.bench.rollers.places = 3
    web.bench.rollers.watched, web.bench.rollers.fewest = LABELS, 3
    for step in range(1, updated + 1):
        assert (await web.roll_out(web.shape(step))).message is None
        assert sum(size for _, size in (await web.images()).values()) == 3
    outcome = await (web.roll_back(web.shape(updated)) if rolls_back else web.roll_out(web.shape(3, finished=True)))
    assert outcome.message is None
    assert await web.images() == {"web": (OLD if rolls_back else NEW, 3)}
    assert web.bench.rollers.fewest >= 2
    (body,) = await web.bench.objects("deployments")
    assert body["spec"]["strategy"] == TIGHT


async def test_a_deployment_with_the_recreate_strategy_updates_at_once(web: Web) -> None:
    await resize(web, 3, use_recreate)
    for shape_step in (web.shape(3), web.shape(3, finished=True)):
        assert (await web.roll_out(shape_step)).message is None
    (body,) = await web.bench.objects("deployments")
    assert body["spec"]["strategy"] == {"type": "Recreate"} and await web.images() == {"web": (NEW, 3)}


@pytest.mark.parametrize(
    ("change", "strategy", "reason"),
    [
        (use_recreate, BATCHES, "batches of ROLLING cannot work for Deployment web: its strategy is Recreate"),
        (use_recreate, SHARES, "CANARY cannot work"),
        (use_recreate, TWO_SETS, "BLUE_GREEN cannot work"),
        (use_recreate, AT_ONCE, None),
        (require_own_node, TWO_SETS, "BLUE_GREEN cannot work for Deployment web: it needs a second Deployment"),
        (require_own_node, BATCHES, None),
        (require_own_node, SHARES, None),
        (require_own_node, AT_ONCE, None),
        (lambda _: None, TWO_SETS, None),
    ],
)
async def test_an_incompatible_strategy_is_refused_before_any_change(
    web: Web, change: Callable[[Body], object], strategy: Strategy, reason: str | None
) -> None:
    await web.edit("deployments", change)
    incompatibility = await web.bench.operator.incompatibility(web.workload, strategy, 3)
    assert (incompatibility is None) if reason is None else (reason in str(incompatibility))
