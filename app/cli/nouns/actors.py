"""People and service accounts, with their grants and tokens: fetching and printing them."""

from typing import Any

from rich.text import Text

from app.cli import lookups
from app.cli.client import Api, Data
from app.cli.nouns import queries
from app.cli.nouns.columns import exact_time, field, time
from app.cli.nouns.details import fetch
from app.cli.printer import Column
from app.cli.times import TimeFormat

ROLES = ("VIEWER", "DEPLOYER", "APPROVER", "ADMIN")


def token_state(token: Data, times: TimeFormat) -> Text:
    """Return whether a token is valid."""
    if token["revokedAt"]:
        return Text("⊘ revoked", style="yellow")
    if token["expiresAt"] and token["expiresAt"] <= times.now.isoformat():
        return Text("✗ expired", style="yellow")
    return Text("✓ valid", style="green")


def _name_or_all(name: str) -> Any:
    return lambda grant, times: grant[name]["name"] if grant[name] else "all"


GRANTS = (
    Column("ROLE", field("role")),
    Column("ENVIRONMENT", _name_or_all("environment")),
    Column("APPLICATION", _name_or_all("application")),
)
TOKENS = (
    Column("ID", field("id")),
    Column("NAME", field("name")),
    Column("STATE", token_state),
    Column("SCOPES", lambda token, times: ", ".join(token["scopes"])),
    Column("AGE", time("createdAt")),
    Column("USED", lambda token, times: times(token["lastUsedAt"]) or "never"),
    Column("UNTIL", exact_time("expiresAt", if_none="no end")),
    Column("BEGINS", field("prefix")),
)


async def fetch_actor(api: Api, text: str | None) -> Data:
    """Return an actor with grants and tokens; None: the owner of the token. Raises ApiError."""
    id_ = await lookups.actor_id(api, text or "me")
    return await fetch(api, "person or service account", text or "me", queries.ACTOR, id_)
