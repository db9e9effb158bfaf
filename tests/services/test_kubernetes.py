"""Tasks as Jobs of a cluster: Jobs of lost workers are adopted, failed ones replaced."""

from dataclasses import replace

from app.core.application import KubernetesTarget
from app.core.strategy.model import Strategy, StrategyKind, StrategyStep
from app.core.workflow import TaskType
from app.store import applications as store
from tests.chaos.cluster.api import ClusterServer
from tests.services.support.clusters import jobs, start_job
from tests.services.support.engine import D, Engine, S, Site, watched


async def test_the_job_of_a_lost_worker_is_adopted(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, worker = await start_job(engine, place, "sleep 4; echo done")
    await worker.vanish()
    await engine.worker(sweeps=True)
    story = await engine.until(id_, D.SUCCESS)
    assert story.attempt_statuses("job") == [S.CANCELLED, S.SUCCESS]
    assert jobs(cluster) == [1]
    assert (await engine.messages(id_, "job", 2))[-2:] == ["begun", "done"]


async def test_a_worker_that_stops_leaves_its_job_running(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, worker = await start_job(engine, place, "sleep 1; echo done")
    await worker.shut_down()
    await engine.worker()
    await engine.until(id_, D.SUCCESS)
    assert jobs(cluster) == [1]


async def test_an_attempt_after_a_failure_is_another_job(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, _ = await start_job(engine, place, "test $BOREAS_ATTEMPT = 2", max_attempts=2)
    story = await engine.until(id_, D.SUCCESS)
    assert story.attempt_statuses("job") == [S.FAILED, S.SUCCESS]
    assert jobs(cluster) == [1, 1]


async def test_a_manual_retry_is_another_job(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, _ = await start_job(engine, place, "test $BOREAS_ATTEMPT = 2")
    await engine.until(id_, D.FAILED)
    await engine.retry(id_)
    await engine.until(id_, D.SUCCESS)
    assert jobs(cluster) == [1, 1]


async def test_a_cancelled_job_is_removed_from_the_cluster(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    id_, _ = await start_job(engine, place, "sleep 60")
    await engine.cancel(id_)
    await engine.until(id_, D.CANCELLED)
    assert (list(cluster.of("jobs")), list(cluster.of("pods"))) == ([], [])


CANARY = Strategy(StrategyKind.CANARY, (StrategyStep(canary_ratio=0.5), StrategyStep(canary_ratio=1.0)))


def image(cluster: ClusterServer) -> list[tuple[str, str, int]]:
    """Return the image of each Deployment object of the cluster."""
    return [
        (
            item["metadata"]["name"],
            item["spec"]["template"]["spec"]["containers"][0]["image"],
            item["spec"]["replicas"],
        )
        for item in cluster.of("deployments")
    ]


def make_shop(cluster: ClusterServer) -> None:
    """Make the Deployment that runs before Boreas comes."""
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "main", "image": "shop:v0"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "shop"}}, "template": template}
    cluster.store("deployments", {"metadata": {"name": "shop"}, "spec": spec})


async def test_a_deployment_is_rolled_out_in_steps_and_rolled_back(
    engine: Engine, place: Site, cluster: ClusterServer
) -> None:
    make_shop(cluster)
    await engine.worker()
    await engine.until(await place.deploy("v1"), D.SUCCESS, seconds=60)
    assert image(cluster) == [("shop", "shop:v1", 2)]
    id_ = await place.deploy("v2", strategy=CANARY)
    await engine.until(id_, D.SUCCESS, seconds=60)
    assert image(cluster) == [("shop", "shop:v2", 2)]
    assert (await place.releases()) == {"shop": "v2"}
    await engine.until(await engine.roll_back(id_), D.SUCCESS, seconds=60)
    assert image(cluster) == [("shop", "shop:v1", 2)]


async def test_drift_fails_the_task_with_a_reason(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    make_shop(cluster)
    await engine.worker()
    watch = StrategyStep(canary_ratio=0.5, batch_interval=1, auto_rollback=False)
    id_ = await place.deploy("v1", strategy=replace(CANARY, steps=(watch, *CANARY.steps[1:])))
    key = next(key for key, task in (await engine.story(id_)).tasks.items() if task.type is TaskType.DEPLOY)
    await engine.until_task(id_, key, watched)
    cluster.change("deployments", "shop-canary", lambda body: body["spec"].update(replicas=7))
    story = await engine.until(id_, D.FAILED)
    message = "somebody scaled shop-canary to 7 replicas meanwhile; it is left so"
    assert message in str(story.tasks[key].error_message) and message in (await engine.messages(id_, key))[-1]
    assert ("shop-canary", "shop:v1", 7) in image(cluster)


async def test_an_application_cannot_take_the_workload_of_another(
    engine: Engine, place: Site, cluster: ClusterServer
) -> None:
    make_shop(cluster)
    await engine.worker()
    await engine.until(await place.deploy("v1"), D.SUCCESS, seconds=60)
    other_site = Site(engine, place.environment_id)
    await other_site.application("mine", KubernetesTarget("mine", "main"))
    application = (await store.by_ids([other_site.applications["mine"]]))[other_site.applications["mine"]]
    # A database of an older release may contain this.
    await store.update(replace(application, kubernetes=KubernetesTarget("shop", "main")))
    story = await engine.until(await other_site.deploy("evil"), D.FAILED, seconds=60)
    assert "Deployment shop belongs to another application" in str(story.tasks["mine/deploy"].error_message)
    assert image(cluster) == [("shop", "shop:v1", 2)]
