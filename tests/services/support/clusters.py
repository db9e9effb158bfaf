"""Helpers of engine tests with a cluster: a simulated cluster, an environment in it, tasks as Jobs."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.core.application import CommandStep, KubernetesTarget
from app.core.environment import KubernetesAccess, OperatorKind
from app.core.workflow import TaskType, WorkflowTask
from app.gateways.operators.kubernetes import AllowedClusters, KubernetesOperator
from app.gateways.operators.kubernetes.workload import PollIntervals
from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.fake_cluster import Cast, play
from tests.chaos.cluster.nodes import Nodes
from tests.services.support.engine import Engine, RunningWorker, Site


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    """A simulated cluster whose address is in `kubeconfig`."""
    async with play(tmp_path) as cast:
        yield cast


@pytest.fixture
def cluster(cast: Cast) -> ClusterServer:
    """The server of the cluster."""
    return cast.server


@pytest.fixture
def nodes(cast: Cast) -> Nodes:
    """The machines of the cluster."""
    return cast.nodes


@pytest.fixture
async def place(engine: Engine, cluster: ClusterServer, tmp_path: Path) -> Site:
    """An environment in that cluster."""
    operator = KubernetesOperator(PollIntervals(0.01, 0.5, 0.02, 0.05), AllowedClusters(tmp_path))
    engine.stack.push_async_callback(operator.close)
    clusters = {OperatorKind.KUBERNETES: operator}
    operators = {**engine.runtime.operators, **clusters}
    engine.runtime = replace(engine.runtime, operators=operators, rollouts=clusters, runs=clusters)
    del cluster
    connection = KubernetesAccess(kubeconfig_path="kubeconfig")
    site = await engine.site(OperatorKind.KUBERNETES, kubernetes=connection)
    await site.application("shop", KubernetesTarget("shop", "main"))
    return site


def job(script: str, **fields: Any) -> WorkflowTask:
    """Return a task that runs a script as a Job."""
    step = CommandStep(("sh", "-c", script), image="busybox:1.36")
    return WorkflowTask(key="job", name="Job", type=TaskType.CUSTOM, command=step, **fields)


async def start_job(engine: Engine, place: Site, script: str, **fields: Any) -> tuple[str, RunningWorker]:
    """Deploy a script that first prints “begun”; return the deployment and the worker that runs it."""
    worker = await engine.worker()
    id_ = await place.deploy("v1", job(f"echo begun; {script}", **fields))
    await engine.until_logged(id_, "job", "begun")
    return id_, worker


def jobs(cluster: ClusterServer) -> list[int]:
    """Return how often each Job was created."""
    return [count for (kind, _, _), count in cluster.made.items() if kind == "jobs"]


def create_shop(cluster: ClusterServer, name: str = "shop", *, replicas: int = 2, service: bool = False) -> None:
    """Create the Deployment object that runs before Boreas, with a Service on request."""
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": f"{name}:v0"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    cluster.store("deployments", {"metadata": {"name": name}, "spec": spec})
    if service:
        body = {"metadata": {"name": name}, "spec": {"selector": labels, "ports": [{"name": "http", "port": 80}]}}
        cluster.store("services", body)
