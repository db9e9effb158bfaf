"""Tokens created by tokens.

They expire no later than their creator and are revoked with it, in any generation.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.support.feeds import EVENTS
from tests.api.support.people import Account, account, codes
from tests.api.support.wire import events
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import world

VIEWER = "{ viewer { id } }"
TOKEN = "token { id expiresAt madeBy { id } } secret"
TOKENS = (
    """{ viewer { id ... on User { tokens { id revokedAt } } ... on ServiceAccount { tokens { id revokedAt } } } }"""
)


def future_time(**time: float) -> str:
    """Return a time in the future."""
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


async def child(client: Client, **about: object) -> tuple[Data, Client]:
    """Create a token for oneself, and return it with a client that uses it."""
    payload = await client.change("createApiToken", TOKEN, **({"name": "child", "scopes": ["VIEWER"]} | about))
    return payload["token"], Client(client.url, payload["secret"])


async def is_valid(client: Client) -> bool:
    """Return whether a token is valid."""
    return (await client.post(VIEWER)).status_code == 200


async def test_a_token_cannot_create_one_that_expires_later(shared: System) -> None:
    until = future_time(hours=1)
    token, client = await child(shared.admin, scopes=["ADMIN"], expiresAt=until)
    child_token, grandchild = await child(client)
    assert child_token["expiresAt"] == token["expiresAt"] and child_token["madeBy"] == {"id": token["id"]}
    child_token, _ = await child(grandchild)
    assert child_token["expiresAt"] == token["expiresAt"]
    child_token, _ = await child(client, expiresAt=future_time(minutes=5))
    assert child_token["expiresAt"] < token["expiresAt"]
    answer = await client.mutate("createApiToken", TOKEN, name="x", scopes=["VIEWER"], expiresAt=future_time(hours=2))
    (error,) = answer["errors"]
    assert (error["code"], error["path"]) == ("INVALID", ["expiresAt"]) and "cannot expire later" in error["message"]
    owner = (await account(shared.admin)).id
    about = {"name": "x", "scopes": ["VIEWER"], "serviceAccountId": owner}
    assert codes(await client.mutate("createApiToken", TOKEN, expiresAt=future_time(hours=2), **about)) == ["INVALID"]
    child_token = (await client.change("createApiToken", TOKEN, **about))["token"]
    assert child_token["expiresAt"] == token["expiresAt"]


async def test_tokens_created_by_an_expired_token_have_expired_too(shared: System) -> None:
    _, client = await child(shared.admin, expiresAt=future_time(seconds=2))
    _, grandchild = await child(client)
    assert await is_valid(grandchild)
    async with asyncio.timeout(10):
        while await is_valid(grandchild):
            await asyncio.sleep(0.1)


async def test_tokens_created_by_a_revoked_token_are_revoked_and_listed(shared: System) -> None:
    somebody = await account(shared.admin, {"role": "ADMIN"})
    beside, sibling = await child(shared.admin)
    first_id, second_client = await child(somebody.client, scopes=["ADMIN"])
    program = await account(second_client, {"role": "VIEWER"})
    third_id, fourth_client = await child(program.client)
    expected = [first_id["id"], program.token_id, third_id["id"]]
    for _ in range(2):
        answer = await shared.admin.change(
            "revokeApiToken", "token { id revokedAt } alsoRevoked { id revokedAt }", id=somebody.token_id
        )
        assert [token["id"] for token in answer["alsoRevoked"]] == expected
        assert all(each["revokedAt"] for each in (answer["token"], *answer["alsoRevoked"]))
    clients = (somebody.client, second_client, program.client, fourth_client, sibling)
    assert [await is_valid(client) for client in clients] == [False, False, False, False, True]
    log = await shared.admin.query(
        'query($id: ID!) { auditLog(filter: { targetId: $id, actions: ["revokeApiToken"] }) { nodes { after } } }',
        id=third_id["id"],
    )
    assert log["auditLog"]["nodes"][0]["after"]["revokedAt"]
    await shared.admin.change("revokeApiToken", "token { id }", id=beside["id"])


async def test_a_feed_of_a_descendant_token_ends_when_its_creator_is_revoked(shared: System) -> None:
    other_environment = await world(shared.admin)
    await other_environment.application("shop")
    somebody = await account(shared.admin, {"role": "VIEWER"})
    _, client = await child(somebody.client)
    stream = events(client, EVENTS.document, id=await other_environment.deploy(autoStart=False))
    assert (await anext(stream))["data"]["deploymentEvents"]["events"]
    await shared.admin.change("revokeApiToken", "token { id }", id=somebody.token_id)
    async with asyncio.timeout(3):
        assert [result["data"] async for result in stream] == [None]


async def test_a_token_cannot_create_another_while_it_is_revoked(shared: System) -> None:
    somebody = await account(shared.admin, {"role": "VIEWER"})
    about = {"name": "x", "scopes": ["VIEWER"]}
    revoke = shared.admin.mutate("revokeApiToken", "token { id }", id=somebody.token_id)
    calls = [somebody.client.post(MAKE, {"input": about}) for _ in range(8)]
    revoking = asyncio.create_task(revoke)
    bodies = [answer.json() for answer in await asyncio.gather(*calls)]
    assert codes(await revoking) == []
    secrets = [
        payload for body in bodies if (payload := (body.get("data") or {}).get("createApiToken", {}).get("secret"))
    ]
    assert [await is_valid(Client(shared.admin.url, secret)) for secret in secrets] == [False] * len(secrets)


MAKE = "mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret errors { code } } }"


@pytest.mark.parametrize("revoker", ["itself", "admin"])
async def test_all_tokens_of_an_actor_are_revoked_at_once(shared: System, revoker: str) -> None:
    somebody = await account(shared.admin, {"role": "ADMIN"})
    _, second_client = await child(somebody.client)
    program = await account(somebody.client, {"role": "VIEWER"})
    asking = somebody.client if revoker == "itself" else shared.admin
    answer = await asking.mutate("revokeApiTokens", "tokens { id }", id=somebody.id)
    assert codes(answer) == []
    assert [await is_valid(client) for client in (somebody.client, second_client, program.client)] == [False] * 3
    assert await is_valid(shared.admin)
    assert len((await shared.admin.change("revokeApiTokens", "tokens { id }", id=somebody.id))["tokens"]) == 0


async def test_tokens_of_others_are_revoked_by_admins_only(shared: System) -> None:
    somebody, deployer = await account(shared.admin), await account(shared.admin, {"role": "DEPLOYER"})
    for mutation, id_ in (("revokeApiTokens", somebody.id), ("revokeApiToken", somebody.token_id)):
        answers = [
            await deployer.client.mutate(mutation, "errors { code }", id=token_id) for token_id in (id_, "unknown")
        ]
        assert [codes(answer) for answer in answers] == [["FORBIDDEN"]] * 2
    assert codes(await shared.admin.mutate("revokeApiTokens", "errors { code }", id="unknown")) == ["NOT_FOUND"]
    assert await is_valid(somebody.client)


async def test_people_see_their_own_tokens_and_admins_see_all(shared: System) -> None:
    somebody = await account(shared.admin, {"role": "VIEWER"})
    viewer = (await somebody.client.query(TOKENS))["viewer"]
    assert [token["id"] for token in viewer["tokens"]] == [somebody.token_id]
    mine = (await shared.admin.query(TOKENS))["viewer"]
    child_token, _ = await child(shared.admin)
    admin_viewer = (await shared.admin.query(TOKENS))["viewer"]
    assert [token["id"] for token in admin_viewer["tokens"]] == [
        child_token["id"],
        *(token["id"] for token in mine["tokens"]),
    ]
    document = (
        "query($id: ID!) { node(id: $id) { ... on User { tokens { id } } ... on ServiceAccount { tokens { id } } } }"
    )
    data = await shared.admin.query(document, id=somebody.id)
    assert data["node"]["tokens"] == [{"id": somebody.token_id}]
    assert await _is_refused(somebody, document, admin_viewer["id"])


async def _is_refused(somebody: Account, document: str, id_: str) -> bool:
    result = await somebody.client.execute(document, id=id_)
    return bool(result["errors"][0]["extensions"]["code"] == "FORBIDDEN")
