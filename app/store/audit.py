"""The audit log in the database.

Triggers number and chain its entries, and refuse to change or delete them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.core import ids
from app.core.audit import AuditEntry, AuditFilter, ChainLink
from app.core.paging import PageRequest
from app.store.codecs import dump, reader
from app.store.columns import names_of
from app.store.database import execute, fetch, fetch_one
from app.store.paging import in_list_order

COLUMNS = ", ".join(names_of(AuditEntry))
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
"""What an entry's hash covers, after the hash of the entry before.

A migration contains the same expression.
"""
LONGEST_WAIT = timedelta(days=1)
"""The most that an entry's id may be older than its moment: the time its transaction waited for locks."""
_read = reader(AuditEntry, "before", "after")


async def insert(entries: Sequence[AuditEntry]) -> None:
    """Store new entries.

    The database numbers and chains them, so that no writer can choose a number or hash.
    """
    await execute(
        f"INSERT INTO audit_entries ({COLUMNS}) SELECT {COLUMNS}"
        " FROM jsonb_to_recordset($1::jsonb) AS e(id text, at timestamptz, actor_id text, action text, target_id text,"
        " before jsonb, after jsonb, reason text, source_ip text)",
        dump(list(entries)),
    )


async def links(after: int, limit: int) -> list[ChainLink]:
    """Return up to `limit` links of the chain behind the one with the number `after`, in order."""
    rows = await fetch(
        f"SELECT number, id, at, hash, {CONTENT} AS content FROM audit_entries WHERE number > $1"
        " ORDER BY number LIMIT $2",
        after,
        limit,
    )
    return [ChainLink(**row) for row in rows]


def _filter_values(filter_: AuditFilter) -> list[object]:
    """Return the parameters of `MATCHES`.

    Ids grow with time, so the primary key's index bounds a span of time.
    """
    return [
        filter_.actor_id,
        filter_.target_id,
        None if filter_.actions is None else list(filter_.actions),
        filter_.since,
        filter_.until,
        _bound(filter_.since, LONGEST_WAIT),
        _bound(filter_.until, timedelta()),
    ]


def _bound(at: datetime | None, margin: timedelta) -> str | None:
    if at is None or at < ids.EPOCH + margin:
        return None
    return ids.make(ids.IdKind.AUDIT_ENTRY, at - margin, bytes(ids.NOISE_BYTES))


async def by_ids(entry_ids: Sequence[str]) -> dict[str, AuditEntry]:
    """Return the entries that exist among `entry_ids`, by id."""
    rows = await fetch(f"SELECT {COLUMNS} FROM audit_entries WHERE id = ANY($1)", list(entry_ids))
    return {row["id"]: _read(row) for row in rows}


async def page(filter_: AuditFilter, request: PageRequest) -> list[AuditEntry]:
    """Return a page of the entries that match, newest first.

    Its positions are ids; an unknown id matches nothing.
    """
    bounds = [(sign, id_) for sign, id_ in (("<", request.after), (">", request.before)) if id_ is not None]
    conditions = "".join(
        f" AND number {sign} (SELECT number FROM audit_entries WHERE id = ${number})"
        for number, (sign, _) in enumerate(bounds, 8)
    )
    rows = await fetch(
        f"SELECT {COLUMNS} FROM audit_entries WHERE {MATCHES}{conditions}"
        f" ORDER BY number {'DESC' if request.forward else 'ASC'} LIMIT ${8 + len(bounds)}",
        *_filter_values(filter_),
        *(id_ for _, id_ in bounds),
        request.limit,
    )
    return in_list_order([_read(row) for row in rows], request)


async def count(filter_: AuditFilter) -> int:
    """Return how many entries match."""
    row = await fetch_one(f"SELECT count(*) AS n FROM audit_entries WHERE {MATCHES}", *_filter_values(filter_))
    return int(row["n"]) if row else 0
