"""Jobs in clusters with rules.

Restricted pod security, quotas that want limits, and options that people give.
"""

from dataclasses import replace
from typing import Any

import pytest

from app.core.attempt import Ending
from app.core.job_options import JobOptions, JobResources
from app.ports import Origin
from tests.chaos.cluster.api import ClusterServer
from tests.gateways.kubernetes.support.operator import Bench, Lines, eventually


async def pod_of(bench: Bench) -> dict[str, Any]:
    """Return what the one Job that there is says of its pods."""
    (job,) = await bench.objects("jobs")
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


async def test_a_restricted_namespace_takes_a_job_and_is_known_from_then_on(
    bench: Bench, api_server: ClusterServer
) -> None:
    api_server.admission.restricted = True
    outcome, lines = await bench.run("echo", "one")
    assert (outcome.ending, lines.output) == (Ending.SUCCEEDED, ["one"])
    assert (await pod_of(bench))["securityContext"]["runAsNonRoot"] is True
    assert sum(count for (kind, _, _), count in api_server.made.items() if kind == "jobs") == 2
    outcome, _ = await bench.run("echo", "two", run="1")
    assert outcome.ending is Ending.SUCCEEDED
    assert sum(count for (kind, _, _), count in api_server.made.items() if kind == "jobs") == 3


async def test_a_policy_that_wants_to_be_told_that_nothing_runs_as_root_is_told(
    bench: Bench, api_server: ClusterServer
) -> None:
    api_server.admission.demands_non_root = True
    outcome, lines = await bench.run("echo", "one")
    assert (outcome.ending, lines.output) == (Ending.SUCCEEDED, ["one"])
    outcome, _ = await bench.run("true", run="1", job=JobOptions(run_as_user=0))
    assert outcome.ending is Ending.FAILED and "set runAsNonRoot to true" in str(outcome.message)


async def test_an_image_that_runs_as_root_runs_where_that_is_allowed(bench: Bench, api_server: ClusterServer) -> None:
    outcome, _ = await bench.run("true", image="rooted:1")
    assert outcome.ending is Ending.SUCCEEDED
    assert "runAsNonRoot" not in (await pod_of(bench))["securityContext"]
    api_server.admission.restricted = True
    outcome, _ = await bench.run("true", image="rooted:1", run="1")
    assert outcome.ending is Ending.FAILED
    assert "container has runAsNonRoot and image will run as root" in str(outcome.message)
    assert "set runAsUser in its job options" in str(outcome.message)
    outcome, _ = await bench.run("true", image="rooted:1", run="2", job=JobOptions(run_as_user=1000))
    assert outcome.ending is Ending.SUCCEEDED


async def test_a_namespace_that_is_not_restricted_any_more_takes_root_again(
    bench: Bench, api_server: ClusterServer
) -> None:
    api_server.admission.restricted = True
    await bench.run("true")
    api_server.admission.restricted = False
    outcome, lines = await bench.run("true", image="rooted:1", run="1")
    assert outcome.ending is Ending.SUCCEEDED
    assert "The Job is created again in another form." in lines.system


async def test_another_worker_makes_a_refused_job_anew(bench: Bench, api_server: ClusterServer) -> None:
    bench.nodes.refusal = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod)'
    running = bench.start("echo", "hello", lines=(lines := Lines()))
    await eventually(lambda: any("violates PodSecurity" in line for line in lines.system))
    running.detach()
    await running.wait()
    bench.nodes.refusal, api_server.admission.restricted = None, True
    origin = Origin(deployment_id="dep_01", task_id="tsk_01hzz", run="0", attempt=1)
    outcome, again = await bench.run("echo", "hello", operator=(other := bench.new_operator()), origin=origin)
    await other.close()
    assert outcome.ending is Ending.SUCCEEDED, outcome
    assert (lines.output, again.output) == ([], ["hello"])


async def test_who_insists_on_root_is_told_what_the_cluster_says(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.restricted = True
    outcome, _ = await bench.run("true", job=JobOptions(run_as_user=0))
    assert outcome.ending is Ending.FAILED
    assert "must not set runAsUser=0" in str(outcome.message)


async def test_a_quota_that_wants_limits_says_how_to_give_them(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.quota = {"limits.cpu": 4}
    outcome, _ = await bench.run("true")
    assert outcome.ending is Ending.FAILED
    assert "failed quota: small: must specify limits.cpu for: main" in str(outcome.message)
    assert "set its resources in the job options" in str(outcome.message)
    limited = JobOptions(resources=JobResources(limits={"cpu": "500m"}))
    assert (await bench.run("true", run="1", job=limited))[0].ending is Ending.SUCCEEDED
    connection = replace(bench.connection, job=limited)
    assert (await bench.run("true", run="2", connection=connection))[0].ending is Ending.SUCCEEDED


@pytest.mark.usefixtures("api_server")
async def test_options_of_a_step_go_before_those_of_its_environment(bench: Bench) -> None:
    usual = JobOptions(service_account_name="builder", labels={"team": "shop", "cost": "1"}, run_as_user=1000)
    connection = replace(bench.connection, job=usual, service_accounts=("tester",))
    own = JobOptions(service_account_name="tester", labels={"cost": "2"})
    outcome, _ = await bench.run("true", connection=connection, job=own)
    assert outcome.ending is Ending.SUCCEEDED
    (job,) = await bench.objects("jobs")
    pod = job["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["securityContext"]["runAsUser"]) == ("tester", 1000)
    assert job["metadata"]["labels"].items() >= {"team": "shop", "cost": "2"}.items()
    assert pod["readinessGates"] == [{"conditionType": "boreas.dev/serves-nobody"}]


async def test_a_service_account_that_is_not_listed_is_not_used(bench: Bench, api_server: ClusterServer) -> None:
    outcome, _ = await bench.run("true", job=JobOptions(service_account_name="chief"))
    assert outcome.ending is Ending.FAILED
    assert "the service account “chief” is not one of the environment's" in str(outcome.message)
    assert not any(call.startswith("POST") for call in api_server.asked)
