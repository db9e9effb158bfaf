"""For how long what is known of a token is good: a second for reading, no time at all for writing."""

import asyncio
import time

import pytest

from app.api.access_watch import CHECK_SECONDS
from app.api.authentication import TokenCache
from app.core.access import Principal
from app.services.access import authenticate
from app.services.runtime import Runtime
from tests.api.support.people import account
from tests.api.support.rows import database
from tests.support.system import ADMIN, System

VIEWER = "{ viewer { name } }"
WRITING = 'mutation { createServiceAccount(input: { name: "late" }) { errors { code } } }'


async def revoke_elsewhere(system: System, token_id: str) -> None:
    """Revoke a token as another process would: this one is not told."""
    async with database(system) as connection:
        await connection.execute("UPDATE api_tokens SET revoked_at = now() WHERE id = $1", token_id)


async def test_a_token_revoked_elsewhere_reads_for_a_second_at_most_and_writes_no_more(shared: System) -> None:
    made = await account(shared.admin, {"role": "ADMIN"})
    assert (await made.client.post(VIEWER)).status_code == 200
    await revoke_elsewhere(shared, made.token_id)
    revoked = time.monotonic()
    assert (await made.client.post(WRITING)).status_code == 401
    while (await made.client.post(VIEWER)).status_code != 401:
        assert time.monotonic() < revoked + CHECK_SECONDS + 1
        await asyncio.sleep(0.05)


async def test_what_this_process_writes_it_does_not_know_otherwise(shared: System) -> None:
    made = await account(shared.admin)
    read = "{ environments { id } }"
    grant = {"actorId": made.id, "role": "VIEWER"}
    assert "errors" in (await made.client.execute(read))
    await shared.admin.change("grantRole", "actor { id }", **grant)
    assert "errors" not in (await made.client.execute(read))
    await shared.admin.change("revokeRole", "actor { id }", **grant)
    assert "errors" in (await made.client.execute(read))
    await shared.admin.change("revokeApiToken", "token { id }", id=made.token_id)
    assert (await made.client.post(VIEWER)).status_code == 401


async def test_a_token_is_looked_up_once_a_second_and_an_unknown_one_each_time(
    shared: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def counted(runtime: Runtime, secret: str) -> Principal | None:
        asked.append(secret)
        return await authenticate(runtime, secret)

    monkeypatch.setattr("app.api.authentication.authenticate", counted)
    tokens = TokenCache(shared.runtime)
    for secret in (ADMIN, "nobody") * 3:
        await tokens.principal(secret)
    assert (asked.count(ADMIN), asked.count("nobody")) == (1, 3)
    assert await tokens.principal(ADMIN, time.monotonic()) is not None
    tokens.clear()
    assert await tokens.principal(ADMIN) is not None
    assert asked.count(ADMIN) == 3
