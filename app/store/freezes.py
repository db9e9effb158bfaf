"""Freeze windows in the database."""

from collections.abc import Sequence

from app.core.freeze import FreezeWindow
from app.store import models
from app.store.codecs import reader
from app.store.columns import names_of, row_of
from app.store.database import execute, fetch

COLUMNS = names_of(FreezeWindow)
SELECT = f"SELECT {', '.join(COLUMNS)} FROM freeze_windows"
_read = reader(FreezeWindow)


async def insert(window: FreezeWindow) -> None:
    """Store a new window."""
    await models.FreezeWindow.create(**row_of(window, COLUMNS))


async def remove(id_: str) -> None:
    """Delete a window."""
    await execute("DELETE FROM freeze_windows WHERE id = $1", id_)


async def by_ids(ids: Sequence[str]) -> dict[str, FreezeWindow]:
    """Return the windows that exist among `ids`, by id."""
    rows = await fetch(f"{SELECT} WHERE id = ANY($1)", list(ids))
    return {row["id"]: _read(row) for row in rows}


async def of_environments(environment_ids: Sequence[str]) -> dict[str, list[FreezeWindow]]:
    """Return the windows of each environment, in the order of their (first) start."""
    windows: dict[str, list[FreezeWindow]] = {id_: [] for id_ in environment_ids}
    rows = await fetch(
        f"{SELECT} WHERE environment_id = ANY($1) ORDER BY starts_at, id",
        list(environment_ids),
    )
    for row in rows:
        windows[row["environment_id"]].append(_read(row))
    return windows
