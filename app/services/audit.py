"""Keeping what a use case changed, in its own transaction."""

from app.core import audit
from app.core.audit import Act
from app.store import audit as store
from app.store.unit import Unit


class UnrecordedError(Exception):
    """A mutation ended well and did not note what it held or changed: a defect of its use case."""


async def keep(act: Act, work: Unit) -> None:
    """Store an entry for each object that the unit changed. Raises UnrecordedError when it noted none."""
    entries = audit.entries(act, work.changes, work.now, work.new_id)
    if not entries:
        raise UnrecordedError(f"{act.action} does not note what it changes: call Case.changed")
    await store.insert(entries)
