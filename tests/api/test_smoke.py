"""A deployment from end to end through the public API."""

from tests.support.system import System
from tests.support.world import world


async def test_deployment_of_simulated_applications_succeeds(system: System) -> None:
    await system.start_worker()
    environment = await world(system.admin)
    for name in ("users", "orders"):
        await environment.application(name, build={"command": ["true"]})
    story = await system.admin.until(await environment.deploy(), "SUCCESS", "FAILED")
    assert story["status"] == "SUCCESS", story
    assert story["progress"] == 100
    assert {task["status"] for task in story["tasks"]} == {"SUCCESS"}
