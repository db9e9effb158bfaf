"""Pods that the cluster ends.

The attempt is lost, not failed, and its Job makes room for the next one.
"""

import pytest

from app.core.attempt import Ending
from app.gateways.operators.kubernetes import job_follower
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import Bench, Lines, eventually

PRESSURE = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": "low on memory"}


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("EvictionByEvictionAPI", "Eviction API: evicting"),
        ("PreemptionByScheduler", "Preempting pod to accommodate a higher priority pod"),
        ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
        ("DeletionByPodGC", "PodGC: node no longer exists"),
    ],
)
async def test_a_pod_that_the_cluster_ends_is_lost_and_can_run_again(
    bench: Bench, api_server: ClusterServer, reason: str, message: str
) -> None:
    execution = bench.start("sh", "-c", "echo begun; sleep 60", lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    bench.nodes.disrupt(reason, message)
    outcome = await execution.wait()
    assert outcome.ending is Ending.LOST
    assert f"its pod was ended by the cluster ({reason}): {message}" in str(outcome.message)
    assert list(api_server.of("jobs")) == []
    outcome, later_lines = await bench.run("echo", "again")
    assert (outcome.ending, later_lines.output) == (Ending.SUCCEEDED, ["again"])


async def test_a_pod_that_a_node_evicts_is_lost(bench: Bench, api_server: ClusterServer) -> None:
    execution = bench.start("sh", "-c", "echo begun; sleep 60", lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    bench.nodes.evict("The node was low on resource: memory", PRESSURE)
    assert ((await execution.wait()).ending, list(api_server.of("jobs"))) == (Ending.LOST, [])


@pytest.mark.usefixtures("api_server")
async def test_a_pod_that_exceeds_its_disk_limit_has_failed(bench: Bench) -> None:
    execution = bench.start("sh", "-c", "echo begun; sleep 60", lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    bench.nodes.evict('Usage of EmptyDir volume "workspace" exceeds the limit "1Gi".')
    outcome = await execution.wait()
    assert outcome.ending is Ending.FAILED
    assert "its pod wrote more than its limit (Evicted)" in str(outcome.message)


async def test_a_dead_node_is_reported_and_does_not_block_the_task(
    bench: Bench, api_server: ClusterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_follower, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(job_follower, "FAILING_SECONDS", 0.5)
    execution = bench.start("sh", "-c", "echo begun; sleep 60", lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    bench.nodes.fail()
    outcome = await execution.wait()
    assert outcome.ending is Ending.LOST and "DeletionByTaintManager" in str(outcome.message)
    warning = (
        "WARN: the Job has failed (BackoffLimitExceeded): Job has reached the specified backoff limit; its pod on node"
    )
    assert any(line.startswith(warning) for line in lines.system)
    assert "WARN: Pod NodeNotReady: Node is not ready" in lines.system
    assert list(api_server.of("jobs")) == []
    bench.nodes.recover()
    assert (await bench.run("echo", "again"))[1].output == ["again"]


@pytest.mark.usefixtures("api_server")
async def test_a_pod_that_a_person_deletes_has_failed(bench: Bench, api_server: ClusterServer) -> None:
    execution = bench.start("sh", "-c", "echo begun; sleep 60", lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    (pod,) = api_server.of("pods")
    api_server.remove(("pods", bench.connection.namespace, pod["metadata"]["name"]))
    assert (await execution.wait()).ending is Ending.FAILED
