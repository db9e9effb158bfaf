"""Jobs that wait for a quota, a node or another condition; the log has the reason once."""

import asyncio
from typing import Any

import pytest

from app.core.attempt import Ending
from app.gateways.operators.kubernetes import cluster, job_events, job_follower
from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.selectors import Refusal
from tests.gateways.kubernetes.support.operator import Bench, Lines, eventually

QUOTA_MESSAGE = "exceeded quota: small, requested: {0}=1, used: {0}=1, limited: {0}=1"


async def test_a_job_waits_for_a_quota_of_jobs(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.quota = {"count/jobs.batch": 1}
    api_server.store("jobs", {"metadata": {"name": "other", "labels": {}}, "spec": {"suspend": True}}, "elsewhere")
    execution = bench.start("echo", "in", lines=(lines := Lines()))
    await eventually(lambda: lines.system, "the log line")
    await asyncio.sleep(1)
    assert lines.system == [f"WARN: waiting: no quota has room for its Job: {QUOTA_MESSAGE.format('count/jobs.batch')}"]
    api_server.remove(("jobs", "elsewhere", "other"))
    assert (await execution.wait()).ending is Ending.SUCCEEDED
    assert lines.output == ["in"] and not any("the cluster is away" in line for line in lines.system)


@pytest.mark.usefixtures("api_server")
async def test_a_job_that_fills_its_own_quota_continues(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.quota = {"count/jobs.batch": 1}
    execution = bench.start("sh", "-c", "echo begun; sleep 0.5; echo done", lines=(lines := Lines()))
    await eventually(lambda: lines.output, "the command to begin")
    execution.detach()
    await execution.wait()
    outcome, later_lines = await bench.run("true", timeout_seconds=20)
    assert (outcome.ending, later_lines.output) == (Ending.SUCCEEDED, ["begun", "done"])


async def test_the_wait_for_a_quota_ends_at_the_time_limit(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.quota = {"count/jobs.batch": 0}
    outcome, _ = await bench.run("true", timeout_seconds=1)
    assert outcome.ending is Ending.FAILED
    message = "the time limit of 1 seconds was reached; no quota has room for its Job: exceeded quota: small"
    assert message in str(outcome.message)


async def test_the_wait_for_a_quota_counts_for_the_time_limit_of_the_job(
    bench: Bench, api_server: ClusterServer
) -> None:
    api_server.admission.quota = {"count/jobs.batch": 0}
    execution = bench.start("true", lines=(lines := Lines()), timeout_seconds=60)
    await eventually(lambda: lines.system, "the log line")
    await asyncio.sleep(1.1)
    api_server.admission.quota = {}
    await execution.wait()
    (job,) = api_server.of("jobs")
    assert job["spec"]["activeDeadlineSeconds"] < 60


async def test_a_job_waits_for_a_quota_of_pods(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.quota = {"pods": 0}
    execution = bench.start("echo", "in", lines=(lines := Lines()))
    await eventually(lambda: lines.system[1:], "the log line")
    await asyncio.sleep(1)
    assert sum("exceeded quota" in line for line in lines.system) == 1
    api_server.admission.quota = {}
    assert (await execution.wait()).ending is Ending.SUCCEEDED


@pytest.mark.parametrize(
    "denial",
    [
        'admission webhook "policy.example.org" denied the request: images come from the registry',
        "jobs.batch \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
    ],
)
async def test_a_policy_that_denies_a_job_fails_it_with_its_message(
    bench: Bench, api_server: ClusterServer, denial: str
) -> None:
    api_server.admission.denial = denial
    outcome, lines = await bench.run("true")
    assert outcome.ending is Ending.FAILED and denial in str(outcome.message)
    assert lines.system == []


async def test_an_error_of_the_cluster_is_not_reported_as_absence(bench: Bench, api_server: ClusterServer) -> None:
    refusals_left = [2]

    def refuse(method: str, _path: str) -> None:
        if method == "POST" and refusals_left[0]:
            refusals_left[0] -= 1
            raise Refusal(500, "InternalError", 'failed calling webhook "policy.example.org"')

    api_server.before = refuse
    outcome, lines = await bench.run("true")
    assert outcome.ending is Ending.SUCCEEDED
    assert any(
        line.startswith("WARN: the cluster cannot do it now: ") and "failed calling webhook" in line
        for line in lines.system
    )
    assert not any("away" in line for line in lines.system)


async def test_a_job_without_progress_is_reported(
    bench: Bench, api_server: ClusterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_follower, "QUIET_SECONDS", 0.2)
    listeners, api_server.listeners = api_server.listeners, []
    execution = bench.start("echo", "in", lines=(lines := Lines()))
    await eventually(lambda: "WARN: waiting: the cluster has not created its pod yet" in lines.system)
    (job,) = api_server.of("jobs")
    name, space = job["metadata"]["name"], bench.connection.namespace
    suspended = {"type": "Suspended", "status": "True", "reason": "JobSuspended", "message": "Job suspended"}
    api_server.change("jobs", name, lambda body: body.update(status={"conditions": [suspended]}), space)
    await eventually(lambda: "WARN: waiting: it is suspended (JobSuspended): Job suspended" in lines.system)
    api_server.change("jobs", name, lambda body: body.pop("status"), space)
    bench.nodes.pull_seconds = 1.0
    api_server.listeners = listeners
    api_server.store("services", {"metadata": {"name": "other"}}, "elsewhere")
    assert (await execution.wait()).ending is Ending.SUCCEEDED
    warning = "WARN: waiting: its container is being created on node node-1 (ContainerCreating)"
    assert (lines.system.count(warning), lines.output) == (1, ["in"])


async def test_events_of_a_job_and_its_pod_are_in_the_log(bench: Bench, api_server: ClusterServer) -> None:
    execution = bench.start("sh", "-c", "echo begun; sleep 1", lines=(lines := Lines()))
    await eventually(lambda: any("Pod Scheduled" in line for line in lines.system), "an event")
    (pod,) = api_server.of("pods")
    name = pod["metadata"]["name"]
    bench.nodes.record_event("Pod", pod, "FailedMount", "Unable to attach volume", "Warning")
    await eventually(lambda: "WARN: Pod FailedMount: Unable to attach volume" in lines.system, "a warning")
    assert (await execution.wait()).ending is Ending.SUCCEEDED
    assert lines.system.count(f"Job SuccessfulCreate: Created pod: {name}") == 1
    assert lines.system.count(f"Pod Scheduled: Successfully assigned {name} to node-1") == 1


async def test_events_without_the_right_to_watch_are_polled(
    bench: Bench, api_server: ClusterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(cluster, "FORBIDDEN_SECONDS", 0.2)
    watch = ClusterServer._watch

    async def refuse(server: ClusterServer, plural: str, *arguments: Any) -> Any:
        if plural == "events":
            raise Refusal(403, "Forbidden", 'events is forbidden: User "boreas" cannot watch resource "events"')
        return await watch(server, plural, *arguments)

    monkeypatch.setattr(ClusterServer, "_watch", refuse)
    api_server.admission.quota = {"pods": 0}
    execution = bench.start("true", lines=(lines := Lines()))
    await eventually(lambda: any("exceeded quota" in line for line in lines.system), "the log line")
    api_server.admission.quota = {}
    assert (await execution.wait()).ending is Ending.SUCCEEDED


async def test_the_answer_limit_counts_from_the_start_of_the_command(bench: Bench, api_server: ClusterServer) -> None:
    bench.nodes.pull_seconds = 1.0
    assert (await bench.run("true", retain=False, answer_seconds=0.9))[0].ending is Ending.SUCCEEDED
    outcome, _ = await bench.run("sleep", "60", run="1", retain=False, answer_seconds=0.5)
    assert (outcome.ending, outcome.message) == (Ending.FAILED, "no answer within 0.5 s")
    assert list(api_server.of("jobs")) == []
