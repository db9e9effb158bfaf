"""Tasks as Jobs of a cluster, through the engine: a lost worker's Job is gone on with, a failed one is made anew."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import kmock
import pytest

from app.core.application import CommandStep, KubernetesTarget
from app.core.environment import KubernetesConnection, OperatorKind
from app.core.strategy import Strategy, StrategyKind, StrategyStep
from app.core.workflow import TaskType, WorkflowTask
from tests.cluster.api import ClusterServer
from tests.cluster.nodes import Nodes
from tests.cluster.rollers import Rollers
from tests.gateways.kubernetes.conftest import kubeconfig
from tests.services.engine import D, Engine, S, Site, Worker


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ClusterServer]:
    """A played cluster whose address is in `kubeconfig`."""
    async with ClusterServer() as server, kmock.Server(server) as wire:
        nodes, rollers = Nodes(server, tmp_path), Rollers(server)
        (tmp_path / "kubeconfig").write_text(kubeconfig(str(wire.url)))
        yield server
        server.drop()
        rollers.close()
        await nodes.close()


@pytest.fixture
async def place(engine: Engine, cluster: ClusterServer, tmp_path: Path) -> Site:
    """An environment in that cluster."""
    del cluster
    connection = KubernetesConnection(kubeconfig_path=str(tmp_path / "kubeconfig"))
    site = await engine.site(OperatorKind.KUBERNETES, kubernetes=connection)
    await site.application("shop", KubernetesTarget("shop", "main"))
    return site


def job(script: str, **more: Any) -> WorkflowTask:
    """Return a task of its own that runs a script."""
    step = CommandStep(("sh", "-c", script), image="busybox:1.36")
    return WorkflowTask(key="job", name="Job", type=TaskType.CUSTOM, command=step, **more)


async def begun(engine: Engine, place: Site, script: str, **more: Any) -> tuple[str, Worker]:
    """Deploy a script that first says that it has begun; return the deployment and the worker that runs it."""
    worker = await engine.worker()
    id_ = await place.deploy("v1", job(f"echo begun; {script}", **more))
    await engine.until_said(id_, "job", "begun")
    return id_, worker


def jobs(cluster: ClusterServer) -> list[int]:
    """Return how often each Job was made."""
    return [count for (kind, _, _), count in cluster.made.items() if kind == "jobs"]


async def test_a_lost_worker_leaves_its_job_to_the_next(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, worker = await begun(engine, place, "sleep 4; echo done")
    await worker.vanish()
    await engine.worker(sweeps=True)
    story = await engine.until(id_, D.SUCCESS)
    assert story.tries("job") == [S.CANCELLED, S.SUCCESS]
    assert jobs(cluster) == [1]
    assert (await engine.said(id_, "job", 2))[-2:] == ["begun", "done"]


async def test_a_worker_that_stops_leaves_its_job_running(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, worker = await begun(engine, place, "sleep 1; echo done")
    await worker.leave()
    await engine.worker()
    await engine.until(id_, D.SUCCESS)
    assert jobs(cluster) == [1]


async def test_another_try_after_a_failure_is_another_job(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, _ = await begun(engine, place, "test $BOREAS_ATTEMPT = 2", max_attempts=2)
    story = await engine.until(id_, D.SUCCESS)
    assert story.tries("job") == [S.FAILED, S.SUCCESS]
    assert jobs(cluster) == [1, 1]


async def test_a_retry_by_hand_is_another_job(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, _ = await begun(engine, place, "test $BOREAS_ATTEMPT = 2")
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)
    await engine.until(id_, D.SUCCESS)
    assert jobs(cluster) == [1, 1]


async def test_what_is_cancelled_is_gone_from_the_cluster(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, _ = await begun(engine, place, "sleep 60")
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED)
    assert (list(cluster.of("jobs")), list(cluster.of("pods"))) == ([], [])


CANARY = Strategy(StrategyKind.CANARY, (StrategyStep(canary_ratio=0.5), StrategyStep(canary_ratio=1.0)))


def image(cluster: ClusterServer) -> list[tuple[str, str, int]]:
    """Return what each Deployment of the cluster runs."""
    return [
        (
            each["metadata"]["name"],
            each["spec"]["template"]["spec"]["containers"][0]["image"],
            each["spec"]["replicas"],
        )
        for each in cluster.of("deployments")
    ]


async def test_a_deployment_is_rolled_out_step_by_step_and_back(
    engine: Engine, place: Site, cluster: ClusterServer
) -> None:
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "main", "image": "shop:v0"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "shop"}}, "template": template}
    cluster.store("deployments", {"metadata": {"name": "shop"}, "spec": spec})
    await engine.worker()
    await engine.until(await place.deploy("v1"), D.SUCCESS, seconds=60)
    assert image(cluster) == [("shop", "shop:v1", 2)]
    id_ = await place.deploy("v2", strategy=CANARY)
    await engine.until(id_, D.SUCCESS, seconds=60)
    assert image(cluster) == [("shop", "shop:v2", 2)]
    assert (await place.releases()) == {"shop": "v2"}
    await engine.until(await engine.roll_back(id_), D.SUCCESS, seconds=60)
    assert image(cluster) == [("shop", "shop:v1", 2)]
