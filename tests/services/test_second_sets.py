"""Two sets of a workload in a cluster, through the engine: the new one is asked for its health before it serves."""

from app.core.application import HealthCheck, KubernetesTarget
from app.core.strategy import Strategy, StrategyKind
from tests.cluster.api import ClusterServer
from tests.services.clusters import made_shop
from tests.services.engine import D, Engine, Site

ASK = HealthCheck(command=("sh", "-c", "echo asked $BOREAS_SERVICE"), timeout_seconds=20)


async def shop(engine: Engine, place: Site, check: HealthCheck | None = None) -> Site:
    """Return a place of an application with a Service."""
    site = Site(engine, place.environment_id)
    await site.application("front", KubernetesTarget("front", "main", "front"), health_check=check)
    return site


async def test_the_new_set_is_asked_by_its_own_service_before_it_serves(
    engine: Engine, place: Site, cluster: ClusterServer
) -> None:
    made_shop(cluster, "front", service=True)
    site = await shop(engine, place, ASK)
    await engine.worker()
    id_ = await site.deploy("v1", strategy=Strategy(StrategyKind.BLUE_GREEN))
    await engine.until(id_, D.SUCCESS, seconds=60)
    said = await engine.said(id_, "front/deploy")
    assert [line for line in said if line.startswith("asked")] == ["asked front-preview", "asked front"]
    assert any(line.startswith("healthy: front by Service front-preview (") for line in said)
    assert said.index("asked front-preview") < said.index("Switching all traffic to the new set.")
