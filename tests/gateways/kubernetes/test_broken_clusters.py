"""Clusters that break.

Connections cut before and after each call, old watches, a server away, people in between.
"""

import asyncio

import pytest

from app.core.attempt import Ending, Outcome
from app.gateways.operators.kubernetes import AllowedClusters, KubernetesOperator, cluster
from app.gateways.operators.kubernetes.workload import PollIntervals
from tests.chaos.cluster.api import ClusterServer, Cut
from tests.chaos.cluster.selectors import Refusal
from tests.gateways.kubernetes.support.operator import Bench, Lines, eventually
from tests.gateways.kubernetes.support.workload import NEW, OLD, TOTAL, Web

SCRIPT = ("sh", "-c", "echo one; sleep 0.3; echo two; sleep 0.3; echo three")
OUTPUT = ["one", "two", "three"]


class CutAt:
    """Breaks the connection of the n-th call."""

    def __init__(self, number: int) -> None:
        self.calls_left = number

    def __call__(self, _method: str, _path: str) -> None:
        self.calls_left -= 1
        if self.calls_left == 0:
            raise Cut


@pytest.mark.parametrize("number", range(1, 13))
@pytest.mark.parametrize("hook", ["before", "after"])
async def test_one_job_runs_and_every_line_is_read_once_whichever_call_breaks(
    bench: Bench, api_server: ClusterServer, hook: str, number: int
) -> None:
    setattr(api_server, hook, CutAt(number))
    outcome, lines = await bench.run(*SCRIPT)
    assert (outcome.ending, lines.output) == (Ending.SUCCEEDED, OUTPUT)
    assert set(api_server.made.values()) == {1}


@pytest.mark.parametrize("number", range(1, 12))
async def test_one_job_runs_whenever_a_worker_is_lost(bench: Bench, api_server: ClusterServer, number: int) -> None:
    lines = Lines()
    execution = bench.start(*SCRIPT, lines=lines)
    wait = asyncio.create_task(execution.wait())
    await eventually(lambda: len(api_server.asked) >= min(number, 5) or wait.done())
    await asyncio.sleep(0.05 * max(0, number - 5))
    execution.detach()
    await wait
    outcome, later_lines = await bench.run(*SCRIPT, operator=(second_operator := bench.new_operator()))
    await second_operator.close()
    assert (outcome.ending, later_lines.output) == (Ending.SUCCEEDED, OUTPUT)
    assert set(api_server.made.values()) == {1}


async def test_a_log_continues_where_its_connection_broke(bench: Bench, api_server: ClusterServer) -> None:
    api_server.cut_log_after = 9
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo line $i; sleep 0.3; done"
    execution = bench.start("sh", "-c", script, lines=(lines := Lines()))
    await eventually(lambda: len(lines.output) >= 11, "some lines")
    api_server.cut_log_after = None
    assert (await execution.wait()).ending is Ending.SUCCEEDED
    assert lines.output == [f"line {number}" for number in range(1, 15)]


async def test_an_absent_cluster_delays_a_job_without_failing_it(bench: Bench, api_server: ClusterServer) -> None:
    execution = bench.start(*SCRIPT, lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    api_server.away = True
    api_server.drop_connections()
    await eventually(lambda: any("the cluster is away" in line for line in lines.system))
    await asyncio.sleep(1)
    api_server.away = False
    assert (await execution.wait()).ending is Ending.SUCCEEDED
    assert lines.output == OUTPUT
    assert "The cluster answers again." in lines.system


class NoRights:
    """Forbids chosen calls, like a cluster that has not read its roles yet."""

    def __init__(self, seconds: float) -> None:
        self._until = asyncio.get_running_loop().time() + seconds
        self.calls = 0

    def __call__(self, _method: str, _path: str) -> None:
        self.calls += 1
        if asyncio.get_running_loop().time() < self._until:
            message = 'jobs.batch is forbidden: User "boreas" cannot list resource "jobs" in API group "batch"'
            raise Refusal(403, "Forbidden", message)


async def test_missing_rights_at_the_start_of_a_cluster_delay_a_job(bench: Bench, api_server: ClusterServer) -> None:
    execution = bench.start(*SCRIPT, lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    api_server.before = NoRights(1.0)
    api_server.drop_connections()
    assert (await execution.wait()).ending is Ending.SUCCEEDED
    assert lines.output == OUTPUT
    assert any("403 jobs.batch is forbidden" in line for line in lines.system)


async def test_rights_that_stay_missing_fail_a_job(
    bench: Bench, api_server: ClusterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "FORBIDDEN_SECONDS", 0.5)
    api_server.before = rights = NoRights(60.0)
    outcome, _ = await bench.run("true")
    assert (outcome.ending, rights.calls > 1) == (Ending.FAILED, True)
    assert "403 jobs.batch is forbidden" in str(outcome.message)


async def test_an_expired_watch_starts_again(bench: Bench, api_server: ClusterServer) -> None:
    execution = bench.start(*SCRIPT, lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    for _ in range(3):
        api_server.store("pods", {"metadata": {"name": "other", "labels": {}}}, bench.connection.namespace)
        api_server.expire_history()
        api_server.drop_connections()
        await asyncio.sleep(0.05)
    assert (await execution.wait()).ending is Ending.SUCCEEDED
    assert lines.output == OUTPUT


async def test_a_rollout_ends_over_any_number_of_watches(bench: Bench, api_server: ClusterServer) -> None:
    await (web := Web(bench)).make()
    slow_operator = KubernetesOperator(
        PollIntervals(poll_seconds=1.0, settle_seconds=0.02, watched_poll_seconds=10_000.0),
        AllowedClusters(bench.file.parent),
    )
    for image in (NEW, OLD, NEW):
        rollout = asyncio.create_task(
            web.roll_out(web.shape(TOTAL), slow_operator, image=image, deployment_id=f"dep_{image}")
        )
        for _ in range(3):
            await asyncio.sleep(0.02)
            api_server.store("services", {"metadata": {"name": "other"}}, "elsewhere")
            api_server.expire_history()
            api_server.drop_connections()
        assert (await rollout).ending is Ending.SUCCEEDED
    await slow_operator.close()


async def test_a_rollout_without_the_right_to_watch_is_polled(bench: Bench, api_server: ClusterServer) -> None:
    await (web := Web(bench)).make()

    def refuse(_method: str, path: str) -> None:
        if path.endswith("/deployments"):
            raise Refusal(403, "Forbidden", "deployments is forbidden")

    api_server.before = refuse
    assert (await web.roll_out(web.shape(TOTAL))).ending is Ending.SUCCEEDED
    assert any(call.startswith("GET") and call.endswith("/deployments") for call in api_server.asked)


async def test_a_deleted_job_fails_with_that_message(bench: Bench, api_server: ClusterServer) -> None:
    execution = bench.start("sleep", "60", lines=Lines())
    await eventually(lambda: list(api_server.of("pods")))
    (job,) = api_server.of("jobs")
    api_server.remove(("jobs", bench.connection.namespace, job["metadata"]["name"]))
    assert "was deleted by somebody" in str((await execution.wait()).message)


async def test_an_unschedulable_pod_waits_until_the_limit_and_reports_the_reason(
    bench: Bench, api_server: ClusterServer
) -> None:
    bench.nodes.unschedulable = True
    outcome, lines = await bench.run("true", timeout_seconds=2)
    assert "the time limit of 2 seconds was reached" in str(outcome.message)
    assert "Unschedulable): 0/3 nodes are available" in str(outcome.message)
    assert any(line.startswith("WARN: waiting: no node can run it") for line in lines.system)


@pytest.mark.usefixtures("api_server")
async def test_a_forbidden_pod_fails_with_the_reason(bench: Bench) -> None:
    bench.nodes.refusal = 'pods "x" is forbidden: violates PodSecurity "restricted:latest"'
    outcome, _ = await bench.run("true")
    message = 'its pod cannot be created: forbidden: violates PodSecurity "restricted:latest"'
    assert outcome == Outcome(Ending.FAILED, message)
    assert await bench.objects("jobs") == []


@pytest.mark.usefixtures("api_server")
async def test_a_pod_without_quota_waits_until_the_limit(bench: Bench) -> None:
    bench.nodes.refusal = "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"
    outcome, lines = await bench.run("true", timeout_seconds=2)
    assert "the time limit of 2 seconds was reached, and it was ended; its pod cannot be created" in str(
        outcome.message
    )
    assert any("exceeded quota: small" in line for line in lines.system)


@pytest.mark.usefixtures("api_server")
async def test_a_container_that_runs_out_of_memory_is_reported_as_such(bench: Bench) -> None:
    bench.nodes.killed_as = "OOMKilled"
    outcome, _ = await bench.run("sh", "-c", "kill -9 $$")
    assert (outcome.message, outcome.exit_code) == ("it ran out of memory (OOMKilled), exit status 137", 137)


async def test_a_kill_deletes_a_job_at_once(bench: Bench, api_server: ClusterServer) -> None:
    execution = bench.start("sleep", "60", lines=Lines())
    await eventually(lambda: any("log" in call for call in api_server.asked), "the command to begin")
    api_server.listeners.clear()
    execution.stop()
    await eventually(lambda: any(call.startswith("DELETE") for call in api_server.asked))
    execution.kill()
    await execution.wait()
    assert any(call.startswith("DELETE") and "/pods/" in call for call in api_server.asked)


async def test_no_job_is_created_after_the_leases_expired(bench: Bench, api_server: ClusterServer) -> None:
    bench.operator.renew_lease(0.0)
    execution = bench.start("echo", "late", lines=(lines := Lines()))
    await asyncio.sleep(0.2)
    assert not any(call.startswith("POST") for call in api_server.asked)
    bench.operator.renew_lease(60.0)
    assert (await execution.wait()).ending is Ending.SUCCEEDED
    assert lines.output == ["late"]
