"""Jobs of tasks through the engine: evictions are bounded losses, and ended tasks leave no Job."""

from dataclasses import replace

import pytest

from app.core import retry
from app.core.application import CommandStep, HealthCheck, KubernetesTarget
from app.core.environment import KubernetesAccess
from app.core.errors import Refused
from app.core.job_options import JobOptions, JobResources
from app.services import environments
from app.services.worker.orphan_cleanup import remove_orphans
from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.nodes import Nodes
from tests.services.support.clusters import job, jobs, start_job
from tests.services.support.engine import D, Engine, S, Site, eventually


def create_workload(cluster: ClusterServer, name: str) -> None:
    """Make the Deployment that runs before Boreas comes."""
    containers = [{"name": "main", "image": "shop:v0"}]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    cluster.store("deployments", {"metadata": {"name": name}, "spec": spec})


async def until_gone(cluster: ClusterServer) -> None:
    """Wait until no Job is left."""

    async def are_removed() -> bool:
        return not list(cluster.of("jobs"))

    await eventually(are_removed, "the Job to be gone")


async def test_an_evicted_pod_is_a_lost_attempt(
    engine: Engine, place: Site, cluster: ClusterServer, nodes: Nodes
) -> None:
    id_, _ = await start_job(engine, place, "sleep 60")
    nodes.disrupt("EvictionByEvictionAPI", "Eviction API: evicting")
    await engine.until_logged(id_, "job", "begun", attempt=2)
    story = await engine.story(id_)
    assert (story.tasks["job"].failures, story.tasks["job"].losses) == (0, 1)
    assert any(line.startswith("WARN: the attempt was lost: its pod") for line in await engine.messages(id_, "job", 1))
    assert jobs(cluster) == [2]
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED)


async def test_a_task_that_the_cluster_always_ends_fails_at_last(
    engine: Engine, place: Site, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "MAX_LOSSES", 1)
    id_, _ = await start_job(engine, place, "sleep 60")
    for attempt in (1, 2):
        await engine.until_logged(id_, "job", "begun", attempt=attempt)
        nodes.disrupt("PreemptionByScheduler", "preempted")
    story = await engine.until(id_, D.FAILED)
    assert story.attempt_statuses("job") == [S.CANCELLED, S.CANCELLED]
    assert "its pod was ended by the cluster (PreemptionByScheduler)" in str(story.tasks["job"].error_message)


@pytest.mark.parametrize(("script", "ending"), [("true", D.SUCCESS), ("exit 3", D.FAILED)])
async def test_a_job_is_removed_after_its_end_and_log_are_stored(
    engine: Engine, place: Site, cluster: ClusterServer, script: str, ending: D
) -> None:
    id_, _ = await start_job(engine, place, f"echo done; {script}")
    await engine.until(id_, ending)
    await until_gone(cluster)
    assert "done" in await engine.messages(id_, "job")


async def test_another_worker_removes_the_job_of_a_dead_worker(
    engine: Engine, place: Site, cluster: ClusterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("app.services.worker.worker.Worker._clean_up", lambda *_: None)
        id_, _ = await start_job(engine, place, "echo done")
        await engine.until(id_, D.SUCCESS)
    assert len(list(cluster.of("jobs"))) == 1
    await remove_orphans(engine.runtime, "default")
    await until_gone(cluster)


async def test_a_full_job_quota_delays_the_next_task(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    cluster.admission.quota = {"count/jobs.batch": 1}
    await engine.worker()
    second_task = replace(job("echo two"), key="second", block_by=("job",))
    story = await engine.until(await place.deploy("v1", job("echo one"), second_task), D.SUCCESS)
    assert story.statuses == {"job": S.SUCCESS, "second": S.SUCCESS}
    assert jobs(cluster) == [1, 1]


async def test_the_timeout_of_a_health_check_excludes_pod_start(
    engine: Engine, cluster: ClusterServer, nodes: Nodes, place: Site
) -> None:
    nodes.pull_seconds = 1.5
    check = HealthCheck(command=("true",), timeout_seconds=1, failure_threshold=1, interval_seconds=1)
    site = Site(engine, place.environment_id)
    await site.application("web", KubernetesTarget("web", "main"), health_check=check)
    create_workload(cluster, "web")
    await engine.worker()
    story = await engine.until(await site.deploy("v1"), D.SUCCESS, seconds=60)
    assert story.statuses["web/health_check"] is S.SUCCESS


async def test_a_health_check_that_the_cluster_ended_is_repeated(
    engine: Engine, cluster: ClusterServer, nodes: Nodes, place: Site
) -> None:
    command = ("sh", "-c", "if test -e once; then exit 0; fi; touch once; echo asked; sleep 60")
    check = HealthCheck(command=command, timeout_seconds=60, failure_threshold=1, interval_seconds=1)
    site = Site(engine, place.environment_id)
    await site.application("web", KubernetesTarget("web", "main"), health_check=check)
    create_workload(cluster, "web")
    await engine.worker()
    id_ = await site.deploy("v1")
    await engine.until_logged(id_, "web/deploy", "asked")
    nodes.disrupt("EvictionByEvictionAPI", "evicted")
    await engine.until(id_, D.SUCCESS, seconds=60)
    assert any(line.startswith("WARN: asking web again") for line in await engine.messages(id_, "web/deploy"))


async def test_options_of_a_step_and_of_its_environment_reach_its_job(
    engine: Engine, place: Site, cluster: ClusterServer
) -> None:
    defaults = JobOptions(resources=JobResources(limits={"memory": "1Gi"}), labels={"team": "shop"})
    access = KubernetesAccess(kubeconfig_path="kubeconfig", job=defaults, service_accounts=("tester",))
    changes: dict[str, object] = {"kubernetes": access}
    await engine.call(environments.update, (place.environment_id, changes))
    step = CommandStep(("sh", "-c", "sleep 60"), image="x", job=JobOptions(service_account_name="tester"))
    await engine.worker()
    id_ = await place.deploy("v1", replace(job(""), command=step))

    async def look() -> bool:
        return bool(list(cluster.of("pods")))

    await eventually(look, "the pod")
    (job_object,) = cluster.of("jobs")
    pod = job_object["spec"]["template"]["spec"]
    assert (pod["serviceAccountName"], job_object["metadata"]["labels"]["team"]) == ("tester", "shop")
    assert pod["containers"][0]["resources"] == {"limits": {"memory": "1Gi"}}
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED)


async def test_a_step_with_a_forbidden_service_account_is_refused(engine: Engine, place: Site) -> None:
    step = CommandStep(("true",), image="x", job=JobOptions(service_account_name="chief"))
    with pytest.raises(Refused) as error:
        await place.deploy("v1", replace(job(""), command=step))
    (problem,) = error.value.problems
    assert problem.path == ("tasks",) and "the service account “chief” is not one of" in problem.message
