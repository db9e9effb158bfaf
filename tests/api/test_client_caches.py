"""Normalised caches, set up as docs/clients says: they merge selections and pages."""

from tests.api.support.node_clients import installed, run
from tests.support.system import System
from tests.support.world import world

pytestmark = installed


async def test_client_caches_merge_objects_and_pages(shared: System) -> None:
    environment = await world(shared.admin)
    await environment.application("shop")
    version = await environment.version()
    deployments = [await environment.deploy(version, autoStart=False) for _ in range(5)]
    setting = {"deployment": deployments[0], "version": version, "limit": 20}
    results = await run("caches.mjs", url=f"{shared.url}/graphql", token=shared.admin.token, **setting)
    for name, result in results.items():
        assert (result["kinds"], result["again"], result["listed"]) == (
            ["NOT_STARTED", "NO_WORKER"],
            0,
            deployments[::-1],
        ), name
    assert "email" in results["apollo"]["viewer"]
    assert results["urql"]["warnings"] == []
