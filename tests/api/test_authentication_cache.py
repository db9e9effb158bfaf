"""The token cache: its entries are valid for a second of reading, and never for writing."""

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
    """Revoke a token as another process would, so that this process does not notice."""
    async with database(system) as connection:
        await connection.execute("UPDATE api_tokens SET revoked_at = now() WHERE id = $1", token_id)


async def test_a_token_revoked_elsewhere_reads_for_at_most_a_second_and_never_writes(shared: System) -> None:
    reader = await account(shared.admin, {"role": "ADMIN"})
    assert (await reader.client.post(VIEWER)).status_code == 200
    await revoke_elsewhere(shared, reader.token_id)
    revoked = time.monotonic()
    assert (await reader.client.post(WRITING)).status_code == 401
    while (await reader.client.post(VIEWER)).status_code != 401:
        assert time.monotonic() < revoked + CHECK_SECONDS + 1
        await asyncio.sleep(0.05)


async def test_a_mutation_clears_the_token_cache_of_its_process(shared: System) -> None:
    reader = await account(shared.admin)
    query = "{ environments { id } }"
    grant = {"actorId": reader.id, "role": "VIEWER"}
    assert "errors" in (await reader.client.execute(query))
    await shared.admin.change("grantRole", "actor { id }", **grant)
    assert "errors" not in (await reader.client.execute(query))
    await shared.admin.change("revokeRole", "actor { id }", **grant)
    assert "errors" in (await reader.client.execute(query))
    await shared.admin.change("revokeApiToken", "token { id }", id=reader.token_id)
    assert (await reader.client.post(VIEWER)).status_code == 401


async def test_a_token_is_looked_up_once_a_second_and_an_unknown_one_each_time(
    shared: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups: list[str] = []

    async def counted(runtime: Runtime, secret: str) -> Principal | None:
        lookups.append(secret)
        return await authenticate(runtime, secret)

    monkeypatch.setattr("app.api.authentication.authenticate", counted)
    tokens = TokenCache(shared.runtime)
    for secret in (ADMIN, "nobody") * 3:
        await tokens.principal(secret)
    assert (lookups.count(ADMIN), lookups.count("nobody")) == (1, 3)
    assert await tokens.principal(ADMIN, time.monotonic()) is not None
    tokens.clear()
    assert await tokens.principal(ADMIN) is not None
    assert lookups.count(ADMIN) == 3
