"""Normalised caches, set up as docs/clients says: they keep what was selected before, and put pages together."""

from tests.api.support.node_clients import installed, run
from tests.support.system import System
from tests.support.world import world

pytestmark = installed


async def test_caches_keep_what_they_know_and_put_pages_together(shared: System) -> None:
    here = await world(shared.admin)
    await here.application("shop")
    version = await here.version()
    made = [await here.deploy(version, autoStart=False) for _ in range(5)]
    setting = {"deployment": made[0], "version": version, "limit": 20}
    found = await run("caches.mjs", url=f"{shared.url}/graphql", token=shared.admin.token, **setting)
    for name, one in found.items():
        assert (one["kinds"], one["again"], one["listed"]) == (["NOT_STARTED", "NO_WORKER"], 0, made[::-1]), name
    assert "email" in found["apollo"]["viewer"]
    assert found["urql"]["warnings"] == []
