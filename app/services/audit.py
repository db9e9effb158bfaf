"""Keeping what a use case changed, in its own transaction."""

from dataclasses import replace

from app.core import audit
from app.core.audit import FIRST_HASH, AuditContext, ChainCheck, check_links
from app.core.ids import IdKind, kind_of
from app.services.secret_masking import masker_for
from app.store import audit as store
from app.store.unit_of_work import Unit


class UnrecordedError(Exception):
    """A mutation ended well and did not note what it held or changed: a defect of its use case."""


CHAIN_PAGE = 1000


async def verify(noted: str | None = None) -> tuple[ChainCheck, bool]:
    """Follow the chain of all entries, up to a fault; also tell whether the hash that was noted is one of theirs."""
    chain, found = ChainCheck(), noted in (None, FIRST_HASH)
    while links := await store.links(chain.length, CHAIN_PAGE):
        chain = check_links(chain, links)
        found = found or any(link.hash == noted for link in links[: chain.length - links[0].number + 1])
        if chain.fault:
            break
    return chain, found


async def keep(act: AuditContext, work: Unit) -> None:
    """Store an entry for each object that the unit changed. Raises UnrecordedError when it noted none."""
    entries = audit.entries(act, work.changes, work.now, work.new_id)
    if not entries:
        raise UnrecordedError(f"{act.action} does not note what it changes: call Case.changed")
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
