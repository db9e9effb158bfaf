"""Two sets of a workload in a cluster, through the engine: the new one is checked before it serves."""

from dataclasses import replace

import pytest

from app.core.application import HealthCheck, KubernetesTarget
from app.core.errors import Refused
from app.core.strategy.model import Strategy, StrategyKind, StrategyStep
from app.store import applications as store
from tests.chaos.cluster.api import ClusterServer
from tests.services.support.clusters import create_shop
from tests.services.support.engine import D, Engine, Site

ASK = HealthCheck(command=("sh", "-c", "echo asked $BOREAS_SERVICE"), timeout_seconds=20)


FRONT = KubernetesTarget("front", "main", "front")
BLUE_GREEN = Strategy(StrategyKind.BLUE_GREEN)
CANARY = Strategy(StrategyKind.CANARY, (StrategyStep(canary_ratio=0.5), StrategyStep(canary_ratio=1.0)))


async def shop(engine: Engine, place: Site, check: HealthCheck | None = None, target: KubernetesTarget = FRONT) -> Site:
    """Return a place of an application with a Service."""
    site = Site(engine, place.environment_id)
    await site.application("front", target, health_check=check)
    return site


async def test_the_new_set_is_checked_by_its_own_service(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    create_shop(cluster, "front", service=True)
    site = await shop(engine, place, ASK)
    await engine.worker()
    id_ = await site.deploy("v1", strategy=BLUE_GREEN)
    await engine.until(id_, D.SUCCESS, seconds=60)
    messages = await engine.messages(id_, "front/deploy")
    assert [line for line in messages if line.startswith("asked")] == ["asked front-preview", "asked front"]
    assert any(line.startswith("healthy: front by Service front-preview (") for line in messages)
    assert messages.index("asked front-preview") < messages.index("Switching all traffic to the new set.")


@pytest.mark.parametrize("strategy", [Strategy(), CANARY, BLUE_GREEN])
@pytest.mark.parametrize(
    ("target", "error_message"),
    [
        (KubernetesTarget("nobody", "main", "front"), "there is no Deployment nobody in the namespace default"),
        (KubernetesTarget("front", "sidecar", "front"), "Deployment front has no container sidecar"),
        (KubernetesTarget("front", "main", "gone"), "there is no Service gone in the namespace default"),
        (KubernetesTarget("front", "main", "front", "gone"), "there is no HTTPRoute gone in the namespace default"),
        (KubernetesTarget("front", "main", "front", "front"), "HTTPRoute front sends no traffic to Service front"),
    ],
)
async def test_missing_objects_fail_the_task_before_any_change(
    engine: Engine,
    place: Site,
    cluster: ClusterServer,
    target: KubernetesTarget,
    error_message: str,
    strategy: Strategy,
) -> None:
    create_shop(cluster, "front", service=True)
    rules = [{"backendRefs": [{"name": "else", "port": 80}]}]
    cluster.store("httproutes", {"metadata": {"name": "front"}, "spec": {"rules": rules}})
    site = await shop(engine, place, target=target)
    await engine.worker()
    cluster.asked.clear()
    story = await engine.until(await site.deploy("v1", strategy=strategy), D.FAILED)
    assert story.deployment.rollback is None and error_message in str(story.tasks["front/deploy"].error_message)
    messages = await engine.messages(story.deployment.id, "front/deploy")
    assert [line for line in messages if error_message in line] == messages and len(messages) == 1
    assert [call for call in cluster.asked if not call.startswith("GET") and "/jobs/" not in call] == []


async def test_health_is_not_claimed_without_replicas(engine: Engine, place: Site, cluster: ClusterServer) -> None:
    create_shop(cluster, "front", replicas=0)
    site = await shop(engine, place, target=KubernetesTarget("front", "main"))
    await engine.worker()
    id_ = await site.deploy("v1")
    await engine.until(id_, D.SUCCESS, seconds=60)
    messages = await engine.messages(id_, "front/deploy")
    assert messages[-1] == "front has 0 replicas: none runs v1, so its health is not proven."


async def test_two_applications_of_one_workload_are_refused_in_the_plan(engine: Engine, place: Site) -> None:
    site = await shop(engine, place)
    await site.application("back", KubernetesTarget("back", "main"))
    application = (await store.by_ids([site.applications["back"]]))[site.applications["back"]]
    # A database of an older release may contain this.
    await store.update(replace(application, kubernetes=KubernetesTarget("front", "other")))
    with pytest.raises(Refused) as error:
        await site.deploy("v1")
    (problem,) = error.value.problems
    assert "“front” and “back” both roll out the workload “front”" in problem.message
