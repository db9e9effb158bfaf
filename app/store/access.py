"""Actors, grants and tokens in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.access import Actor, ApiToken, Grant, Principal
from app.store import models
from app.store.codecs import reader
from app.store.database import execute, fetch, fetch_one
from app.store.paging import ChildRows

TOKEN = "id, actor_id, name, prefix, scopes, created_at, expires_at, last_used_at, revoked_at, made_by_id AS made_by"  # noqa: S105
USED_RESOLUTION = timedelta(minutes=1)
"""How exactly the last use of a token is known: writing it at every request would make every read a write."""
_read_actor = reader(Actor)
_read_grant = reader(Grant)
_read_token = reader(ApiToken, "scopes")
TOKENS = ChildRows(f"SELECT {TOKEN} FROM api_tokens", "api_tokens", "actor_id", "id", _read_token, descending=True)
"""The tokens of actors, newest first."""
_read_principal = reader(Principal, "actor", "grants", "scopes")


async def insert_actor(actor: Actor, at: datetime) -> None:
    """Store a new actor."""
    await models.Actor.create(id=actor.id, kind=actor.kind, name=actor.name, email=actor.email, created_at=at)


async def actors_by_ids(ids: Sequence[str]) -> dict[str, Actor]:
    """Return the actors that exist among `ids`, by id."""
    rows = await fetch("SELECT id, kind, name, email FROM actors WHERE id = ANY($1)", list(ids))
    return {row["id"]: _read_actor(row) for row in rows}


async def actor_by_name(name: str) -> Actor | None:
    """Return the actor of that name."""
    row = await fetch_one("SELECT id, kind, name, email FROM actors WHERE name = $1", name)
    return _read_actor(row) if row else None


async def grants_of(actor_ids: Sequence[str]) -> dict[str, list[Grant]]:
    """Return the grants of each actor."""
    found: dict[str, list[Grant]] = {id_: [] for id_ in actor_ids}
    rows = await fetch(
        "SELECT actor_id, role, environment_id, application_id FROM grants WHERE actor_id = ANY($1) ORDER BY id",
        list(actor_ids),
    )
    for row in rows:
        found[row["actor_id"]].append(
            _read_grant({name: row[name] for name in ("role", "environment_id", "application_id")})
        )
    return found


async def add_grant(actor_id: str, grant: Grant, at: datetime) -> None:
    """Store a grant, unless the actor has it."""
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
    """Remove a grant; False when the actor does not have it."""
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
    """Return how many other actors hold ADMIN on everything."""
    row = await fetch_one(
        "SELECT count(DISTINCT actor_id) AS n FROM grants WHERE role = 'ADMIN' AND environment_id IS NULL"
        " AND application_id IS NULL AND actor_id <> $1",
        actor_id,
    )
    return int(row["n"]) if row else 0


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to store, with the hash of its secret."""

    token: ApiToken
    secret_hash: str


async def insert_token(new: NewToken) -> None:
    """Store a new token."""
    token = new.token
    await models.ApiToken.create(
        id=token.id,
        actor_id=token.actor_id,
        name=token.name,
        prefix=token.prefix,
        secret_hash=new.secret_hash,
        scopes=list(token.scopes),
        created_at=token.created_at,
        expires_at=token.expires_at,
        made_by_id=token.made_by,
    )


async def tokens_by_ids(ids: Sequence[str]) -> dict[str, ApiToken]:
    """Return the tokens that exist among `ids`, by id."""
    rows = await fetch(f"SELECT {TOKEN} FROM api_tokens WHERE id = ANY($1)", list(ids))
    return {row["id"]: _read_token(row) for row in rows}


async def tokens_of(actor_ids: Sequence[str]) -> dict[str, list[ApiToken]]:
    """Return the tokens of each actor, newest first."""
    found: dict[str, list[ApiToken]] = {id_: [] for id_ in actor_ids}
    rows = await fetch(
        f"SELECT {TOKEN} FROM api_tokens WHERE actor_id = ANY($1) ORDER BY id DESC",
        list(actor_ids),
    )
    for row in rows:
        found[row["actor_id"]].append(_read_token(row))
    return found


async def token_id_by_hash(secret_hash: str) -> str | None:
    """Return the id of the token with that hash, whatever its state."""
    row = await fetch_one("SELECT id FROM api_tokens WHERE secret_hash = $1", secret_hash)
    return row["id"] if row else None


async def descendants(ids: Sequence[str]) -> list[ApiToken]:
    """Return the tokens with some ids and all that was made with them, and with those, the oldest first."""
    rows = await fetch(
        "WITH RECURSIVE made (id) AS (SELECT id FROM api_tokens WHERE id = ANY($1)"
        " UNION SELECT t.id FROM api_tokens t JOIN made ON t.made_by_id = made.id)"
        f" SELECT {TOKEN} FROM api_tokens WHERE id IN (SELECT id FROM made) ORDER BY id",
        list(ids),
    )
    return [_read_token(row) for row in rows]


async def revoke_tokens(ids: Sequence[str], at: datetime) -> None:
    """Mark tokens as revoked; the first time counts."""
    await execute("UPDATE api_tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = ANY($1)", list(ids), at)


PRINCIPAL = (
    "SELECT t.id AS token_id, t.secret_hash, t.scopes, t.last_used_at,"
    " json_build_object('id', a.id, 'kind', a.kind, 'name', a.name, 'email', a.email) AS actor,"
    " (SELECT coalesce(json_agg(json_build_object('role', g.role, 'environment_id', g.environment_id,"
    " 'application_id', g.application_id) ORDER BY g.id), '[]') FROM grants g WHERE g.actor_id = a.id) AS grants"
    " FROM api_tokens t JOIN actors a ON a.id = t.actor_id WHERE t.secret_hash = ANY($1) AND t.revoked_at IS NULL"
    " AND (t.expires_at IS NULL OR t.expires_at > $2)"
)


async def principal(secret_hash: str, now: datetime) -> Principal | None:
    """Return who comes with a token, None when it is unknown, expired or revoked. Notes that it was used."""
    row = await fetch_one(PRINCIPAL, [secret_hash], now)
    if row is None:
        return None
    if row["last_used_at"] is None or row["last_used_at"] < now - USED_RESOLUTION:
        await execute("UPDATE api_tokens SET last_used_at = $2 WHERE id = $1", row["token_id"], now)
    return _read_principal(row)


async def principals(secret_hashes: Sequence[str], now: datetime) -> dict[str, Principal]:
    """Return who comes with each of some tokens, by hash, without those that are unknown, expired or revoked."""
    return {row["secret_hash"]: _read_principal(row) for row in await fetch(PRINCIPAL, list(secret_hashes), now)}
