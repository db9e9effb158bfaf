"""Clients of the audit log, one of which checks the entries of each of its mutations."""

from typing import Any

from tests.support.client import Client, Data
from tests.support.system import System

LOG = """query($first: Int, $after: Cursor, $filter: AuditFilter) {
  auditLog(first: $first, after: $after, filter: $filter) { totalCount pageInfo { hasNextPage endCursor } nodes {
    id at actor { id name } action targetId target { __typename id } before after reason sourceIp } } }"""


async def log(client: Client, first: int = 50, after: str | None = None, **filter_: Any) -> Data:
    """Return a page of the audit log."""
    data = await client.query(LOG, first=first, after=after, filter=filter_ or None)
    return dict(data["auditLog"])


async def entries(client: Client, **filter_: Any) -> list[Data]:
    """Return entries of the audit log, newest first."""
    return list((await log(client, **filter_))["nodes"])


class Audited:
    """A client that checks the entries of each mutation. `called` has the names of called mutations."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._client = system.admin
        self.called: set[str] = set()

    async def change(self, name: str, selection: str, /, **fields: Any) -> tuple[Data, list[Data]]:
        """Call a mutation that must succeed; return its payload and its audit entries, at least one."""
        ids_before = {entry["id"] for entry in await entries(self._client)}
        payload = await self._client.change(name, selection, **fields)
        new_entries = [entry for entry in await entries(self._client) if entry["id"] not in ids_before]
        assert new_entries, f"{name} left no entry"
        assert {(entry["action"], entry["actor"]["name"], entry["sourceIp"]) for entry in new_entries} == {
            (name, "admin", "127.0.0.1")
        }
        assert len({entry["targetId"] for entry in new_entries}) == len(new_entries), (
            f"{name}: one entry for each object"
        )
        self.called.add(name)
        return payload, new_entries
