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


async def pod_spec(bench: Bench) -> dict[str, Any]:
    """Return the pod spec of the only Job."""
    (job,) = await bench.objects("jobs")
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


async def test_a_restricted_namespace_accepts_a_job_and_is_remembered(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.restricted = True
    outcome, lines = await bench.run("echo", "one")
    assert (outcome.ending, lines.output) == (Ending.SUCCEEDED, ["one"])
    assert (await pod_spec(bench))["securityContext"]["runAsNonRoot"] is True
    assert sum(count for (kind, _, _), count in api_server.made.items() if kind == "jobs") == 2
    outcome, _ = await bench.run("echo", "two", run="1")
    assert outcome.ending is Ending.SUCCEEDED
    assert sum(count for (kind, _, _), count in api_server.made.items() if kind == "jobs") == 3


async def test_a_policy_that_demands_non_root_is_satisfied(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.demands_non_root = True
    outcome, lines = await bench.run("echo", "one")
    assert (outcome.ending, lines.output) == (Ending.SUCCEEDED, ["one"])
    outcome, _ = await bench.run("true", run="1", job=JobOptions(run_as_user=0))
    assert outcome.ending is Ending.FAILED and "set runAsNonRoot to true" in str(outcome.message)


async def test_an_image_runs_as_root_only_where_that_is_allowed(bench: Bench, api_server: ClusterServer) -> None:
    outcome, _ = await bench.run("true", image="rooted:1")
    assert outcome.ending is Ending.SUCCEEDED
    assert "runAsNonRoot" not in (await pod_spec(bench))["securityContext"]
    api_server.admission.restricted = True
    outcome, _ = await bench.run("true", image="rooted:1", run="1")
    assert outcome.ending is Ending.FAILED
    assert "container has runAsNonRoot and image will run as root" in str(outcome.message)
    assert "set runAsUser in its job options" in str(outcome.message)
    outcome, _ = await bench.run("true", image="rooted:1", run="2", job=JobOptions(run_as_user=1000))
    assert outcome.ending is Ending.SUCCEEDED


async def test_a_namespace_without_its_restriction_accepts_root_again(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.restricted = True
    await bench.run("true")
    api_server.admission.restricted = False
    outcome, lines = await bench.run("true", image="rooted:1", run="1")
    assert outcome.ending is Ending.SUCCEEDED
    assert "The Job is created again in another form." in lines.system


async def test_another_worker_creates_a_refused_job_again(bench: Bench, api_server: ClusterServer) -> None:
    bench.nodes.refusal = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod)'
    execution = bench.start("echo", "hello", lines=(lines := Lines()))
    await eventually(lambda: any("violates PodSecurity" in line for line in lines.system))
    execution.detach()
    await execution.wait()
    bench.nodes.refusal, api_server.admission.restricted = None, True
    origin = Origin(deployment_id="dep_01", task_id="tsk_01hzz", run="0", attempt=1)
    outcome, later_lines = await bench.run(
        "echo", "hello", operator=(second_operator := bench.new_operator()), origin=origin
    )
    await second_operator.close()
    assert outcome.ending is Ending.SUCCEEDED, outcome
    assert (lines.output, later_lines.output) == ([], ["hello"])


async def test_an_explicit_root_user_gets_the_message_of_the_cluster(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.restricted = True
    outcome, _ = await bench.run("true", job=JobOptions(run_as_user=0))
    assert outcome.ending is Ending.FAILED
    assert "must not set runAsUser=0" in str(outcome.message)


async def test_a_quota_that_demands_limits_is_explained(bench: Bench, api_server: ClusterServer) -> None:
    api_server.admission.quota = {"limits.cpu": 4}
    outcome, _ = await bench.run("true")
    assert outcome.ending is Ending.FAILED
    assert "failed quota: small: must specify limits.cpu for: main" in str(outcome.message)
    assert "set its resources in the job options" in str(outcome.message)
    limited_options = JobOptions(resources=JobResources(limits={"cpu": "500m"}))
    assert (await bench.run("true", run="1", job=limited_options))[0].ending is Ending.SUCCEEDED
    connection = replace(bench.connection, job=limited_options)
    assert (await bench.run("true", run="2", connection=connection))[0].ending is Ending.SUCCEEDED


@pytest.mark.usefixtures("api_server")
async def test_options_of_a_step_override_those_of_its_environment(bench: Bench) -> None:
    environment_options = JobOptions(
        service_account_name="builder", labels={"team": "shop", "cost": "1"}, run_as_user=1000
    )
    connection = replace(bench.connection, job=environment_options, service_accounts=("tester",))
    step_options = JobOptions(service_account_name="tester", labels={"cost": "2"})
    outcome, _ = await bench.run("true", connection=connection, job=step_options)
    assert outcome.ending is Ending.SUCCEEDED
    (job,) = await bench.objects("jobs")
    pod = job["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], pod["securityContext"]["runAsUser"]) == ("tester", 1000)
    assert job["metadata"]["labels"].items() >= {"team": "shop", "cost": "2"}.items()
    assert pod["readinessGates"] == [{"conditionType": "boreas.dev/serves-nobody"}]


async def test_a_service_account_that_is_not_listed_is_refused(bench: Bench, api_server: ClusterServer) -> None:
    outcome, _ = await bench.run("true", job=JobOptions(service_account_name="chief"))
    assert outcome.ending is Ending.FAILED
    assert "the service account “chief” is not one of the environment's" in str(outcome.message)
    assert not any(call.startswith("POST") for call in api_server.asked)
