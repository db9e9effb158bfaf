"""Rollouts of workloads as a whole: the shapes that the operator must apply, and when.

The cluster here is a model that implements the operator's port: it has replicas of both versions, and records the
calls.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.core.application import KubernetesTarget
from app.core.attempt import Ending, Outcome
from app.core.environment import KubernetesAccess, OperatorKind
from app.core.log_levels import Stream
from app.core.strategy.model import Shape, Strategy, StrategyKind, StrategyStep
from app.gateways.operators.simulated import SimulatedOperator
from app.ports import LogSink, Workload
from app.services.runtime import Runtime
from tests.services.support.engine import D, Engine, S, Site, watched

CANARY = Strategy(StrategyKind.CANARY, (StrategyStep(canary_ratio=0.25), StrategyStep(canary_ratio=1)))
BLUE_GREEN = Strategy(StrategyKind.BLUE_GREEN)
WATCHED = Strategy(StrategyKind.CANARY, (StrategyStep(0, 1, canary_ratio=0.25), StrategyStep(0, 0, canary_ratio=1)))


@dataclass
class Cluster:
    """Four replicas of a workload. `fails` selects a shape that fails, `ready` delays shapes."""

    size_: int = 4
    requested: list[Shape] = field(default_factory=list)
    rolled_back: list[Shape] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    fails: str | None = None
    ready: asyncio.Event | None = None
    current: Shape | None = None
    incompatibility_message: str | None = None
    observed_fault: str | None = None

    async def size(self, workload: Workload) -> int:
        self.workloads.append(workload)
        return self.size_

    async def apply(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        if self.current is not None and shape.total == self.current.total:
            assert shape.weight >= self.current.weight
        self.requested.append(shape)
        await log(Stream.SYSTEM, [f"{shape.updated} of {shape.total}"])
        if self.ready is not None:
            await self.ready.wait()
        if _short(shape) == self.fails:
            return Outcome(Ending.FAILED, "ImagePullBackOff")
        self.current = shape
        return Outcome(Ending.SUCCEEDED)

    async def incompatibility(self, workload: Workload, strategy: Strategy, size: int) -> str | None:
        return self.incompatibility_message

    async def resolve_service(self, workload: Workload, shape: Shape) -> str | None:
        return workload.target.service if shape.finished or shape.switched else f"{workload.target.service}-preview"

    async def observe(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        return Outcome(Ending.FAILED, self.observed_fault) if self.observed_fault else Outcome(Ending.SUCCEEDED)

    async def roll_back(self, workload: Workload, shape: Shape, log: LogSink) -> Outcome:
        self.rolled_back.append(shape)
        return Outcome(Ending.SUCCEEDED)

    @property
    def steps(self) -> list[str]:
        """The requested shapes, in short."""
        return [_short(shape) for shape in self.requested]


def _short(shape: Shape) -> str:
    flags = f"{' switched' if shape.switched else ''}{' finished' if shape.finished else ''}"
    return f"{shape.updated}/{shape.total} {shape.weight:g}{flags}"


def runtime(engine: Engine, cluster: Cluster) -> Runtime:
    """Return the runtime with the cluster as operator of workloads; all else is simulated."""
    operators = {**engine.runtime.operators, OperatorKind.KUBERNETES: SimulatedOperator()}
    return replace(engine.runtime, operators=operators, rollouts={OperatorKind.KUBERNETES: cluster})


async def place(engine: Engine, **target: Any) -> Site:
    """Return a cluster's environment with one application."""
    site = await engine.site(OperatorKind.KUBERNETES, kubernetes=KubernetesAccess(namespace="shop"))
    await site.application("web", KubernetesTarget("web", "app", **({"service": "web"} | target)))
    return site


@pytest.mark.parametrize(
    ("strategy", "target", "steps"),
    [
        (Strategy(), {}, ["4/4 1", "4/4 1 finished"]),
        (Strategy(steps=(StrategyStep(3),)), {}, ["3/4 0.75", "4/4 1", "4/4 1 finished"]),
        (CANARY, {}, ["1/4 0.25", "4/4 1", "4/4 1 finished"]),
        (CANARY, {"http_route": "web"}, ["1/4 0.25", "4/4 1", "4/4 1 finished"]),
        (BLUE_GREEN, {}, ["4/4 0", "4/4 1 switched", "4/4 1 switched finished"]),
    ],
)
async def test_the_shapes_of_a_strategy(
    engine: Engine, strategy: Strategy, target: dict[str, str], steps: list[str]
) -> None:
    cluster = Cluster()
    await engine.worker(runtime=runtime(engine, cluster))
    site = await place(engine, **target)
    story = await site.deployed("v1", strategy=strategy)
    assert (cluster.steps, cluster.rolled_back) == (steps, [])
    assert story.tasks["web/deploy"].result == {"instances": ["web-0", "web-1", "web-2", "web-3"]}


async def test_traffic_can_be_less_than_the_share_of_one_replica(engine: Engine) -> None:
    cluster = Cluster(size_=1)
    await engine.worker(runtime=runtime(engine, cluster))
    site = await place(engine, http_route="web")
    ratios = (0.05, 0.5, 1)
    strategy = Strategy(StrategyKind.CANARY, tuple(StrategyStep(canary_ratio=ratio) for ratio in ratios))
    await site.deployed("v1", strategy=strategy)
    assert cluster.steps == ["1/1 0.05", "1/1 0.5", "1/1 1", "1/1 1 finished"]


async def test_a_workload_without_replicas_gets_the_version(engine: Engine) -> None:
    cluster = Cluster(size_=0)
    await engine.worker(runtime=runtime(engine, cluster))
    await (await place(engine)).deployed("v1")
    assert cluster.steps == ["0/0 1", "0/0 1 finished"]


async def test_the_operator_gets_both_images_and_their_owner(engine: Engine) -> None:
    cluster = Cluster()
    await engine.worker(runtime=runtime(engine, cluster))
    site = await place(engine)
    await site.deployed("v1")
    story = await site.deployed("v2")
    task = story.tasks["web/deploy"]
    assert cluster.workloads[-1] == Workload(
        connection=KubernetesAccess(namespace="shop"),
        target=KubernetesTarget("web", "app", "web"),
        deployment_id=story.deployment.id,
        task_id=task.id,
        application="web",
        application_id=site.applications["web"],
        version="v2",
        image="web:v2",
        previous_image="web:v1",
    )


@pytest.mark.parametrize(
    ("strategy", "fails", "expected_steps"),
    [
        (CANARY, "1/4 0.25", ["1/4 0.25"]),
        (CANARY, "4/4 1", ["1/4 0.25", "4/4 1"]),
        (BLUE_GREEN, "4/4 0", ["4/4 0"]),
        (BLUE_GREEN, "4/4 1 switched", ["4/4 0", "4/4 1 switched"]),
        (BLUE_GREEN, "4/4 1 switched finished", ["4/4 0", "4/4 1 switched", "4/4 1 switched finished"]),
    ],
)
async def test_a_workload_that_does_not_become_ready_is_rolled_back(
    engine: Engine, strategy: Strategy, fails: str, expected_steps: list[str]
) -> None:
    cluster = Cluster(fails=fails)
    await engine.worker(runtime=runtime(engine, cluster))
    site = await place(engine)
    story = await engine.until(await site.deploy("v1", strategy=strategy), D.ROLLED_BACK)
    assert (cluster.steps, [_short(shape) for shape in cluster.rolled_back]) == (expected_steps, [fails])
    assert (story.tasks["web/deploy"].error_message, story.statuses["web/deploy"]) == (
        "ImagePullBackOff",
        S.ROLLED_BACK,
    )


async def test_a_worker_that_takes_over_applies_the_current_shape_again(engine: Engine) -> None:
    cluster = Cluster()
    first_worker = await engine.worker(runtime=runtime(engine, cluster))
    site = await place(engine)
    id_ = await site.deploy("v1", strategy=WATCHED)
    await engine.until_task(id_, "web/deploy", watched)
    await first_worker.shut_down()
    await engine.worker(runtime=runtime(engine, cluster))
    await engine.until(id_, D.SUCCESS)
    assert cluster.steps == ["1/4 0.25", "1/4 0.25", "4/4 1", "4/4 1 finished"]


@contextmanager
def hold_shapes(cluster: Cluster) -> Iterator[None]:
    """Prevent shapes from becoming ready inside the block."""
    cluster.ready = asyncio.Event()
    yield
    cluster.ready.set()
    cluster.ready = None


async def test_an_interrupted_shape_is_continued(engine: Engine) -> None:
    cluster = Cluster()
    first_worker = await engine.worker(runtime=runtime(engine, cluster))
    site = await place(engine)
    with hold_shapes(cluster):
        id_ = await site.deploy("v1", strategy=CANARY)
        await engine.until_logged(id_, "web/deploy", "1 of 4")
        await first_worker.shut_down()
    await engine.worker(runtime=runtime(engine, cluster))
    await engine.until(id_, D.SUCCESS)
    assert cluster.steps == ["1/4 0.25", "1/4 0.25", "4/4 1", "4/4 1 finished"]


async def test_a_watched_workload_is_rolled_back_on_request(engine: Engine) -> None:
    cluster = Cluster()
    await engine.worker(runtime=runtime(engine, cluster))
    site = await place(engine)
    strategy = replace(CANARY, steps=(StrategyStep(0, 3600, canary_ratio=0.25), StrategyStep(canary_ratio=1)))
    id_ = await site.deploy("v1", strategy=strategy)
    await engine.until_task(id_, "web/deploy", watched)
    await engine.roll_back(id_)
    story = await engine.until(id_, D.ROLLED_BACK)
    rollout = story.tasks["web/deploy"].rollout
    assert [_short(shape) for shape in cluster.rolled_back] == ["1/4 0.25"]
    assert rollout is not None and (rollout.weight, rollout.touched) == (0.0, ())


async def test_a_worker_without_a_rollout_operator_reports_it(engine: Engine) -> None:
    unable = replace(runtime(engine, Cluster()), rollouts={})
    await engine.worker(runtime=unable)
    story = await engine.until(await (await place(engine)).deploy("v1"), D.FAILED)
    assert story.tasks["web/deploy"].error_message == "its worker cannot roll out workloads"


@pytest.mark.parametrize("strategy", [Strategy(), CANARY, BLUE_GREEN])
async def test_a_simulated_workload_counts_as_one_instance(engine: Engine, strategy: Strategy) -> None:
    await engine.worker()
    trial = await engine.site(OperatorKind.SIMULATED)
    await trial.application("web", KubernetesTarget("web", "app"))
    story = await trial.deployed("v1", strategy=strategy)
    assert story.tasks["web/deploy"].result == {"instances": ["web"]}
