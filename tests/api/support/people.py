"""Service accounts with certain grants, created through the API."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.client import Client, Data
from tests.support.world import unique


@dataclass(frozen=True, slots=True)
class Account:
    """A service account, with a token and a client that uses it."""

    id: str
    token_id: str
    client: Client


async def account(admin: Client, *grants: Data, scopes: Sequence[str] = ("ADMIN",)) -> Account:
    """Create an account with grants (`{"role": "VIEWER", "environmentId": …}`) and a scoped token."""
    payload = await admin.change("createServiceAccount", "serviceAccount { id }", name=unique("account"))
    id_ = str(payload["serviceAccount"]["id"])
    for grant in grants:
        await admin.change("grantRole", "actor { id }", actorId=id_, **grant)
    token = await admin.change(
        "createApiToken", "token { id } secret", name="test", serviceAccountId=id_, scopes=list(scopes)
    )
    return Account(id_, token["token"]["id"], Client(admin.url, token["secret"]))


def codes(payload: Data) -> list[str]:
    """Return the codes of a payload's errors."""
    return [error["code"] for error in payload["errors"]]
