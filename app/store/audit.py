"""The audit log in the database, which itself numbers and chains entries, and forbids to change or remove them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.core import ids
from app.core.audit import AuditEntry, AuditFilter, ChainLink
from app.core.paging import PageRequest
from app.store.codecs import dump, reader
from app.store.database import execute, fetch, fetch_one
from app.store.paging import in_list_order

COLUMNS = "id, at, actor_id, action, target_id, before, after, reason, source_ip"
MATCHES = (
    "($1::text IS NULL OR actor_id = $1) AND ($2::text IS NULL OR target_id = $2)"
    " AND ($3::text[] IS NULL OR action = ANY($3))"
    " AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)"
    " AND ($6::text IS NULL OR id >= $6) AND ($7::text IS NULL OR id < $7)"
)
CONTENT = (
    "jsonb_build_array(number, id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), actor_id,"
    " action, target_id, before, after, reason, source_ip)::text"
)
"""What the hash of an entry is over, behind the hash of the one before: a migration has the same."""
LONGEST_WAIT = timedelta(days=1)
"""How much earlier than its moment an entry can have got its id: what its transaction waited for locks."""
_read = reader(AuditEntry, "before", "after")


async def insert(entries: Sequence[AuditEntry]) -> None:
    """Store new entries. The database numbers and chains them: nobody who may add one can choose that."""
    await execute(
        f"INSERT INTO audit_entries ({COLUMNS}) SELECT {COLUMNS}"
        " FROM jsonb_to_recordset($1::jsonb) AS e(id text, at timestamptz, actor_id text, action text, target_id text,"
        " before jsonb, after jsonb, reason text, source_ip text)",
        dump(list(entries)),
    )


async def links(after: int, limit: int) -> list[ChainLink]:
    """Return up to `limit` links behind the one with the number `after`, in their order."""
    rows = await fetch(
        f"SELECT number, id, at, hash, {CONTENT} AS content FROM audit_entries WHERE number > $1"
        " ORDER BY number LIMIT $2",
        after,
        limit,
    )
    return [ChainLink(**row) for row in rows]


def _values(wanted: AuditFilter) -> list[object]:
    """Return the parameters of `MATCHES`. Ids grow with time: by them the index of the key bounds a span of time."""
    return [
        wanted.actor_id,
        wanted.target_id,
        None if wanted.actions is None else list(wanted.actions),
        wanted.since,
        wanted.until,
        _bound(wanted.since, LONGEST_WAIT),
        _bound(wanted.until, timedelta()),
    ]


def _bound(at: datetime | None, margin: timedelta) -> str | None:
    if at is None or at < ids.EPOCH + margin:
        return None
    return ids.make(ids.IdKind.AUDIT_ENTRY, at - margin, bytes(ids.NOISE_BYTES))


async def by_ids(wanted: Sequence[str]) -> dict[str, AuditEntry]:
    """Return the entries that exist among `wanted`, by id."""
    rows = await fetch(f"SELECT {COLUMNS} FROM audit_entries WHERE id = ANY($1)", list(wanted))
    return {row["id"]: _read(row) for row in rows}


async def page(wanted: AuditFilter, span: PageRequest) -> list[AuditEntry]:
    """Return a part of the entries that match, newest first. Its positions are ids; an unknown one leaves nothing."""
    bounds = [("<", span.after), (">", span.before)]
    given = [(sign, id_) for sign, id_ in bounds if id_ is not None]
    placed = "".join(
        f" AND number {sign} (SELECT number FROM audit_entries WHERE id = ${place})"
        for place, (sign, _) in enumerate(given, 8)
    )
    rows = await fetch(
        f"SELECT {COLUMNS} FROM audit_entries WHERE {MATCHES}{placed}"
        f" ORDER BY number {'DESC' if span.forward else 'ASC'} LIMIT ${8 + len(given)}",
        *_values(wanted),
        *(id_ for _, id_ in given),
        span.limit,
    )
    return in_list_order([_read(row) for row in rows], span)


async def count(wanted: AuditFilter) -> int:
    """Return how many entries match."""
    row = await fetch_one(f"SELECT count(*) AS n FROM audit_entries WHERE {MATCHES}", *_values(wanted))
    return int(row["n"]) if row else 0
