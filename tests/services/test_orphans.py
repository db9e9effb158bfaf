"""Orphaned Jobs of dead workers whose task was stopped: another worker deletes them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.services import tasks
from app.services.deployments import ReasonedAction
from app.services.worker.orphan_cleanup import remove_orphans
from tests.chaos.cluster.api import ClusterServer
from tests.services.support.clusters import job, jobs, start_job
from tests.services.support.engine import D, Engine, S, Site, eventually

ROOT = Path(__file__).parents[2]
OURS = {"app.kubernetes.io/managed-by": "boreas"}
SPEC = {"activeDeadlineSeconds": 600, "template": {"metadata": {"labels": {}}, "spec": {"containers": []}}}
STRANGERS: dict[str, dict[str, str]] = {
    "of-a-person": {},
    "of-another-tool": {"app.kubernetes.io/managed-by": "helm", "boreas.dev/run": "of-another-tool"},
    "boreas-of-another-boreas-0": {
        **OURS,
        "boreas.dev/run": "boreas-of-another-boreas-0",
        "boreas.dev/deployment": "dep_of-another-boreas",
        "boreas.dev/task": "tsk_of-another-boreas",
    },
}


@asynccontextmanager
async def process(engine: Engine) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a worker that is a process, with leases of a second; it is killed at the end."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BOREAS_")}
    environ |= {"BOREAS_DATABASE_URL": engine.servers.database_url, "BOREAS_REDIS_URL": engine.servers.redis_url}
    environ |= {"BOREAS_LEASE_SECONDS": "1", "BOREAS_DATA_DIR": str(engine.folder)}
    command = (sys.executable, "-m", "app.cli", "worker", "--kubeconfigs", str(engine.folder))
    worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ)
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


def settle_strangers(cluster: ClusterServer) -> None:
    """Start Jobs that do not belong to Boreas."""
    for name, labels in STRANGERS.items():
        cluster.store("jobs", {"metadata": {"name": name, "labels": labels}, "spec": SPEC})


def running(cluster: ClusterServer) -> set[str]:
    """Return the names of all Jobs."""
    return {item["metadata"]["name"] for item in cluster.of("jobs")}


@pytest.mark.parametrize("subject", ["deployment", "task"])
async def test_the_job_of_a_killed_worker_is_removed_after_cancellation(
    engine: Engine, place: Site, cluster: ClusterServer, subject: str
) -> None:
    settle_strangers(cluster)
    async with process(engine) as worker:
        id_ = await place.deploy("v1", job("echo begun; sleep 60"))
        await engine.until_logged(id_, "job", "begun")
        worker.kill()
    if subject == "task":
        await engine.call(tasks.cancel, ReasonedAction((await engine.story(id_)).tasks["job"].id, "not wanted"))
    else:
        await engine.cancel(id_)
    async with process(engine):
        story = await engine.until(id_, D.CANCELLED, D.FAILED)
        assert story.statuses["job"] is S.CANCELLED
        await eventually(removal_check(cluster), "the Job to be gone")
    assert [item for item in cluster.of("pods") if "boreas.dev/task" in item["metadata"]["labels"]] == []
    assert jobs(cluster) == [1] * (1 + len(STRANGERS))


def removal_check(cluster: ClusterServer) -> Callable[[], Any]:
    async def is_removed() -> bool:
        return running(cluster) == set(STRANGERS)

    return is_removed


async def test_runs_that_may_be_adopted_stay(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, worker = await start_job(engine, place, "sleep 1; echo done", max_attempts=2)
    await remove_orphans(engine.runtime, "default")
    await worker.shut_down()
    await remove_orphans(engine.runtime, "default")
    await engine.worker()
    story = await engine.until(id_, D.SUCCESS)
    await remove_orphans(engine.runtime, "default")
    assert story.attempt_statuses("job") == [S.CANCELLED, S.SUCCESS]
    assert (jobs(cluster), running(cluster)) == ([1], set())


async def test_an_unreachable_cluster_delays_the_removal(
    engine: Engine, place: Site, cluster: ClusterServer, caplog: pytest.LogCaptureFixture
) -> None:
    id_, worker = await start_job(engine, place, "sleep 60")
    await worker.vanish()
    await engine.cancel(id_, force=True)
    await engine.worker(sweeps=True)
    await engine.until(id_, D.CANCELLED)
    cluster.away = True
    await remove_orphans(engine.runtime, "default")
    assert "the Jobs of the namespace default cannot be listed" in caplog.text
    cluster.away = False
    await remove_orphans(engine.runtime, "default")
    assert all("deletionTimestamp" in item["metadata"] for item in cluster.of("jobs"))
