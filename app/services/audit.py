"""Writing audit entries in the transaction of a use case, and verifying their chain."""

from dataclasses import replace

from app.core import audit
from app.core.audit import FIRST_HASH, AuditContext, ChainCheck, check_links
from app.core.ids import IdKind, kind_of
from app.services.secret_masking import masker_for
from app.store import audit as store
from app.store.unit_of_work import Unit

CHAIN_PAGE = 1000
"""Entries that are read at once when the chain is verified."""


class UnrecordedError(Exception):
    """A use case succeeded without recording the objects that it changed: a defect of the use case."""


async def verify(noted_hash: str | None = None) -> tuple[ChainCheck, bool]:
    """Follow the chain of all entries up to the first fault; also tell whether it contains the noted hash."""
    chain, contained = ChainCheck(), noted_hash in (None, FIRST_HASH)
    while links := await store.links(chain.length, CHAIN_PAGE):
        chain = check_links(chain, links)
        contained = contained or any(link.hash == noted_hash for link in links[: chain.length - links[0].number + 1])
        if chain.fault:
            break
    return chain, contained


async def store_entries(act: AuditContext, work: Unit) -> None:
    """Store an entry for each object that the unit of work changed.

    Raises UnrecordedError if it recorded none.
    """
    entries = audit.entries(act, work.changes, work.now, work.new_id)
    if not entries:
        raise UnrecordedError(f"{act.action} records no change: call UseCaseContext.record_change")
    if act.reason:
        masker = await masker_for([id_ for id_ in work.changes if kind_of(id_) is IdKind.DEPLOYMENT], act.reason)
        entries = tuple(
            replace(
                entry,
                reason=masker.mask(act.reason),
                before=masker.mask_json(entry.before),
                after=masker.mask_json(entry.after),
            )
            for entry in entries
        )
    await store.insert(entries)
