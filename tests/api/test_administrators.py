"""There is always an ADMIN of everything, also when two are removed concurrently."""

from tests.api.support.people import account, codes
from tests.api.support.rows import at_once
from tests.support.system import System
from tests.support.world import world

VIEWER_ID = "{ viewer { id } }"


async def test_the_last_admin_of_everything_cannot_be_removed(system: System) -> None:
    environment = await world(system.admin)
    me = (await system.admin.query(VIEWER_ID))["viewer"]["id"]
    await account(system.admin, {"role": "ADMIN", "environmentId": environment.environment_id}, {"role": "DEPLOYER"})
    refused = await system.admin.mutate("revokeRole", "actor { id }", actorId=me, role="ADMIN")
    assert codes(refused) == ["WRONG_STATE"]
    second_admin = await account(system.admin, {"role": "ADMIN"})
    await second_admin.client.change("revokeRole", "actor { id }", actorId=me, role="ADMIN")
    assert codes(await system.admin.mutate("createServiceAccount", "__typename", name="x")) == ["FORBIDDEN"]


async def test_two_admins_who_remove_each_other_leave_one(system: System) -> None:
    me = (await system.admin.query(VIEWER_ID))["viewer"]["id"]
    ann, ben = await account(system.admin, {"role": "ADMIN"}), await account(system.admin, {"role": "ADMIN"})
    await ann.client.change("revokeRole", "actor { id }", actorId=me, role="ADMIN")
    removals = (
        remover.client.mutate("revokeRole", "actor { id }", actorId=removed.id, role="ADMIN")
        for remover, removed in ((ann, ben), (ben, ann))
    )
    answers_ = await at_once(system, "LOCK TABLE grants IN EXCLUSIVE MODE", *removals)
    assert sorted(codes(answer) for answer in answers_) == [[], ["WRONG_STATE"]]


async def test_concurrent_equal_grants_are_one_grant(system: System) -> None:
    somebody = await account(system.admin)
    gifts = (system.admin.mutate("grantRole", "__typename", actorId=somebody.id, role="VIEWER") for _ in range(2))
    answers_ = await at_once(system, f"SELECT FROM actors WHERE id = '{somebody.id}' FOR UPDATE", *gifts)
    assert [codes(answer) for answer in answers_] == [[], []]
    data = await somebody.client.query("{ viewer { ... on ServiceAccount { grants { role } } } }")
    assert data["viewer"]["grants"] == [{"role": "VIEWER"}]
