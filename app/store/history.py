"""The deployments of versions, environments and applications that a principal may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.core.deployment import Deployment, DeploymentFilter
from app.core.paging import PageRequest
from app.store.database import fetch
from app.store.deployments import MATCHES, SELECT, filter_values, read
from app.store.paging import PARENT, grouped_by_parent, page_sql, page_values

Parent = Literal["version", "environment", "application"]
BELONGS: Mapping[Parent, str] = {
    "version": "d.version_id = parent.id",
    "environment": "d.environment_id = parent.id",
    "application": "d.id IN (SELECT x.deployment_id FROM deployment_applications x WHERE x.application_id = parent.id)",
}
"""The condition that a deployment belongs to a parent, by kind of parent."""


@dataclass(frozen=True, slots=True)
class DeploymentsOf:
    """The deployments of parents of one kind that match a filter, newest first."""

    parent: Parent
    filter: DeploymentFilter

    async def pages(self, ids: Sequence[str], request: PageRequest) -> dict[str, list[Deployment]]:
        """Return a page of the deployments of each parent."""
        rows = await fetch(
            f"SELECT parent.id AS {PARENT}, found.* FROM unnest($10::text[]) AS parent(id) CROSS JOIN LATERAL"
            f" ({SELECT} WHERE {BELONGS[self.parent]} AND {MATCHES}"
            f" AND {page_sql(request, 'd.id', 11, descending=True)}) AS found",
            *filter_values(self.filter),
            list(ids),
            *page_values(request),
        )
        return grouped_by_parent(ids, rows, read, request)

    async def counts(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the number of matching deployments of each parent."""
        rows = await fetch(
            f"SELECT parent.id AS {PARENT}, (SELECT count(*) FROM deployments d WHERE {BELONGS[self.parent]}"
            f" AND {MATCHES}) AS n FROM unnest($10::text[]) AS parent(id)",
            *filter_values(self.filter),
            list(ids),
        )
        return {row[PARENT]: row["n"] for row in rows}
