"""Freeze windows in the database."""

from collections.abc import Sequence

from app.core.freeze import FreezeWindow
from app.store import models
from app.store.codecs import reader
from app.store.database import execute, fetch

COLUMNS = "id, environment_id, name, reason, starts_at, ends_at, recurrence, timezone, created_at"
_read = reader(FreezeWindow)


async def insert(window: FreezeWindow) -> None:
    """Store a new window."""
    await models.FreezeWindow.create(**{name: getattr(window, name) for name in COLUMNS.split(", ")})


async def remove(id_: str) -> None:
    """Remove a window."""
    await execute("DELETE FROM freeze_windows WHERE id = $1", id_)


async def by_ids(ids: Sequence[str]) -> dict[str, FreezeWindow]:
    """Return the windows that exist among `ids`, by id."""
    rows = await fetch(f"SELECT {COLUMNS} FROM freeze_windows WHERE id = ANY($1)", list(ids))
    return {row["id"]: _read(row) for row in rows}


async def of_environments(environment_ids: Sequence[str]) -> dict[str, list[FreezeWindow]]:
    """Return the windows of each environment, in the order of their (first) start."""
    found: dict[str, list[FreezeWindow]] = {id_: [] for id_ in environment_ids}
    rows = await fetch(
        f"SELECT {COLUMNS} FROM freeze_windows WHERE environment_id = ANY($1) ORDER BY starts_at, id",
        list(environment_ids),
    )
    for row in rows:
        found[row["environment_id"]].append(_read(row))
    return found
