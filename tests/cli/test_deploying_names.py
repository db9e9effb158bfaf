"""`boreas deploy` by names: an ambiguous name is refused, never guessed."""

import json

from tests.api.support.rows import database
from tests.cli.test_commands import Ran, boreas, shop
from tests.support.system import System
from tests.support.world import task


async def deploy(system: System, version: str, environment: str, *more: str) -> Ran:
    """Make a deployment that does not start."""
    return await boreas(
        system, "deploy", "--version", version, "--environment", environment, "--no-start", "--json", *more
    )


async def version_of(system: System, ran: Ran) -> str:
    """Return the id of the version that was deployed."""
    assert ran.status == 0, ran.err
    document = "query($id: ID!) { deployment(id: $id) { version { id } } }"
    answer = await system.admin.query(document, id=json.loads(ran.out)["id"])
    return str(answer["deployment"]["version"]["id"])


async def test_an_ambiguous_version_name_is_refused(system: System) -> None:
    home, environment, application = await shop(system)
    first_id = await home.version("v1.2")
    del home.applications["web"]
    await home.application("other")
    second_id = await home.version("v1.2")
    refused = await deploy(system, "v1.2", environment)
    assert refused.status == 2 and first_id in refused.err and second_id in refused.err and application in refused.err
    assert await version_of(system, await deploy(system, second_id, environment)) == second_id
    assert await version_of(system, await deploy(system, "v1.2", environment, "--application", application)) == first_id


async def test_duplicate_versions_of_an_old_database_are_named_by_id(system: System) -> None:
    home, environment, application = await shop(system)
    first_id, second_id = await home.version("v1.2"), await home.version("v1.3")
    async with database(system) as connection:
        await connection.execute("UPDATE versions SET name = 'v1.2' WHERE id = $1", second_id)
    for more in ((), ("--application", application)):
        refused = await deploy(system, "v1.2", environment, *more)
        assert refused.status == 2 and "There are 2 versions “v1.2”" in refused.err
    assert await version_of(system, await deploy(system, first_id, environment)) == first_id
    assert "There is no version “ver_none”" in (await deploy(system, "ver_none", environment)).err


async def test_an_environment_with_a_policy_needs_the_number_of_a_template(system: System) -> None:
    home, environment, _ = await shop(system)
    for _ in range(2):
        await system.admin.change("saveWorkflowTemplate", "version { id }", name="release", tasks=[task("a")])
    assert (await deploy(system, "v1 🚀", environment, "--template", "release")).status == 0
    policy = {"environmentId": home.environment_id, "requiredApprovals": 1, "approverRoles": ["APPROVER"]}
    await system.admin.change("setApprovalPolicy", "environment { id }", **policy)
    refused = await deploy(system, "v1 🚀", environment, "--template", "release")
    assert refused.status == 2 and "--template release@2" in refused.err
    assert (await deploy(system, "v1 🚀", environment, "--template", "release@1")).status == 0
