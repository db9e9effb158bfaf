"""The deployments of versions, environments and applications, as far as somebody may see them."""

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
"""When a deployment belongs to a parent."""


@dataclass(frozen=True, slots=True)
class DeploymentsOf:
    """The deployments of parents of one kind that match, newest first."""

    parent: Parent
    wanted: DeploymentFilter

    async def pages(self, ids: Sequence[str], span: PageRequest) -> dict[str, list[Deployment]]:
        """Return a part of the deployments of each parent."""
        rows = await fetch(
            f"SELECT parent.id AS {PARENT}, found.* FROM unnest($10::text[]) AS parent(id) CROSS JOIN LATERAL"
            f" ({SELECT} WHERE {BELONGS[self.parent]} AND {MATCHES} AND {page_sql(span, 'd.id', 11, descending=True)})"
            " AS found",
            *filter_values(self.wanted),
            list(ids),
            *page_values(span),
        )
        return grouped_by_parent(ids, rows, read, span)

    async def counts(self, ids: Sequence[str]) -> dict[str, int]:
        """Return how many deployments of each parent match."""
        rows = await fetch(
            f"SELECT parent.id AS {PARENT}, (SELECT count(*) FROM deployments d WHERE {BELONGS[self.parent]}"
            f" AND {MATCHES}) AS n FROM unnest($10::text[]) AS parent(id)",
            *filter_values(self.wanted),
            list(ids),
        )
        return {row[PARENT]: row["n"] for row in rows}
