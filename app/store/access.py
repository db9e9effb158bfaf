"""Actors, grants and tokens in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.access import Actor, ApiToken, Grant, Principal
from app.store import models
from app.store.codecs import reader
from app.store.columns import names_of, row_of, select_list
from app.store.database import execute, fetch, fetch_one
from app.store.paging import ChildRows

ACTOR_COLUMNS = names_of(Actor)
SELECT_ACTOR = f"SELECT {', '.join(ACTOR_COLUMNS)} FROM actors"
TOKEN_COLUMNS = names_of(ApiToken)
RENAMED = {"made_by": "made_by_id"}
SELECT_TOKEN = f"SELECT {select_list(TOKEN_COLUMNS, columns=RENAMED)} FROM api_tokens"
USE_RESOLUTION = timedelta(minutes=1)
"""Resolution of a token's last use: storing every use would make every read a write."""
_read_actor = reader(Actor)
_read_grant = reader(Grant)
_read_token = reader(ApiToken, "scopes")
TOKENS = ChildRows(SELECT_TOKEN, "api_tokens", "actor_id", "id", _read_token, descending=True)
"""The tokens of actors, newest first."""
_read_principal = reader(Principal, "actor", "grants", "scopes")


async def insert_actor(actor: Actor, at: datetime) -> None:
    """Store a new actor."""
    await models.Actor.create(**row_of(actor, ACTOR_COLUMNS), created_at=at)


async def actors_by_ids(ids: Sequence[str]) -> dict[str, Actor]:
    """Return the actors that exist among `ids`, by id."""
    rows = await fetch(f"{SELECT_ACTOR} WHERE id = ANY($1)", list(ids))
    return {row["id"]: _read_actor(row) for row in rows}


async def actor_by_name(name: str) -> Actor | None:
    """Return the actor of that name."""
    row = await fetch_one(f"{SELECT_ACTOR} WHERE name = $1", name)
    return _read_actor(row) if row else None


async def grants_of(actor_ids: Sequence[str]) -> dict[str, list[Grant]]:
    """Return the grants of each actor."""
    grants: dict[str, list[Grant]] = {id_: [] for id_ in actor_ids}
    rows = await fetch(
        "SELECT actor_id, role, environment_id, application_id FROM grants WHERE actor_id = ANY($1) ORDER BY id",
        list(actor_ids),
    )
    for row in rows:
        grants[row["actor_id"]].append(
            _read_grant({name: row[name] for name in ("role", "environment_id", "application_id")})
        )
    return grants


async def add_grant(actor_id: str, grant: Grant, at: datetime) -> None:
    """Store a grant unless the actor has it already."""
    await execute(
        "INSERT INTO grants (actor_id, role, environment_id, application_id, created_at)"
        " SELECT $1::text, $2::text, $3::text, $4::text, $5::timestamptz"
        " WHERE NOT EXISTS (SELECT 1 FROM grants WHERE actor_id = $1 AND role = $2"
        " AND environment_id IS NOT DISTINCT FROM $3 AND application_id IS NOT DISTINCT FROM $4)",
        actor_id,
        grant.role,
        grant.environment_id,
        grant.application_id,
        at,
    )


async def remove_grant(actor_id: str, grant: Grant) -> bool:
    """Delete a grant. Return False if the actor does not have it."""
    removed = await execute(
        "DELETE FROM grants WHERE actor_id = $1 AND role = $2"
        " AND environment_id IS NOT DISTINCT FROM $3 AND application_id IS NOT DISTINCT FROM $4",
        actor_id,
        grant.role,
        grant.environment_id,
        grant.application_id,
    )
    return removed > 0


async def other_admins(actor_id: str) -> int:
    """Return how many other actors have ADMIN on everything."""
    row = await fetch_one(
        "SELECT count(DISTINCT actor_id) AS n FROM grants WHERE role = 'ADMIN' AND environment_id IS NULL"
        " AND application_id IS NULL AND actor_id <> $1",
        actor_id,
    )
    return int(row["n"]) if row else 0


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to store, and the hash of its secret."""

    token: ApiToken
    secret_hash: str


async def insert_token(new: NewToken) -> None:
    """Store a new token."""
    row = row_of(new.token, TOKEN_COLUMNS, json=("scopes",), columns=RENAMED)
    await models.ApiToken.create(**row, secret_hash=new.secret_hash)


async def tokens_by_ids(ids: Sequence[str]) -> dict[str, ApiToken]:
    """Return the tokens that exist among `ids`, by id."""
    rows = await fetch(f"{SELECT_TOKEN} WHERE id = ANY($1)", list(ids))
    return {row["id"]: _read_token(row) for row in rows}


async def tokens_of(actor_ids: Sequence[str]) -> dict[str, list[ApiToken]]:
    """Return the tokens of each actor, newest first."""
    tokens: dict[str, list[ApiToken]] = {id_: [] for id_ in actor_ids}
    for row in await fetch(f"{SELECT_TOKEN} WHERE actor_id = ANY($1) ORDER BY id DESC", list(actor_ids)):
        tokens[row["actor_id"]].append(_read_token(row))
    return tokens


async def token_id_by_hash(secret_hash: str) -> str | None:
    """Return the id of the token with that hash, even if it is expired or revoked."""
    row = await fetch_one("SELECT id FROM api_tokens WHERE secret_hash = $1", secret_hash)
    return row["id"] if row else None


async def descendants(ids: Sequence[str]) -> list[ApiToken]:
    """Return tokens and all tokens that were made with them, directly or not, the oldest first."""
    rows = await fetch(
        "WITH RECURSIVE made (id) AS (SELECT id FROM api_tokens WHERE id = ANY($1)"
        " UNION SELECT t.id FROM api_tokens t JOIN made ON t.made_by_id = made.id)"
        f" {SELECT_TOKEN} WHERE id IN (SELECT id FROM made) ORDER BY id",
        list(ids),
    )
    return [_read_token(row) for row in rows]


async def revoke_tokens(ids: Sequence[str], at: datetime) -> None:
    """Mark tokens as revoked. A token that was revoked before keeps that time."""
    await execute("UPDATE api_tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = ANY($1)", list(ids), at)


SELECT_PRINCIPAL = (
    "SELECT t.id AS token_id, t.secret_hash, t.scopes, t.last_used_at,"
    " json_build_object('id', a.id, 'kind', a.kind, 'name', a.name, 'email', a.email) AS actor,"
    " (SELECT coalesce(json_agg(json_build_object('role', g.role, 'environment_id', g.environment_id,"
    " 'application_id', g.application_id) ORDER BY g.id), '[]') FROM grants g WHERE g.actor_id = a.id) AS grants"
    " FROM api_tokens t JOIN actors a ON a.id = t.actor_id WHERE t.secret_hash = ANY($1) AND t.revoked_at IS NULL"
    " AND (t.expires_at IS NULL OR t.expires_at > $2)"
)


async def principal(secret_hash: str, now: datetime) -> Principal | None:
    """Return the principal of a token and store its use; None if the token is unknown, expired or revoked."""
    row = await fetch_one(SELECT_PRINCIPAL, [secret_hash], now)
    if row is None:
        return None
    if row["last_used_at"] is None or row["last_used_at"] < now - USE_RESOLUTION:
        await execute("UPDATE api_tokens SET last_used_at = $2 WHERE id = $1", row["token_id"], now)
    return _read_principal(row)


async def principals(secret_hashes: Sequence[str], now: datetime) -> dict[str, Principal]:
    """Return the principals of tokens, by hash, without tokens that are unknown, expired or revoked."""
    return {row["secret_hash"]: _read_principal(row) for row in await fetch(SELECT_PRINCIPAL, list(secret_hashes), now)}
