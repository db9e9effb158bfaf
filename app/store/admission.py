"""Who holds applications of an environment, and who waits for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.admission import Claim
from app.core.deployment import ACTIVE, Deployment, DeploymentStatus
from app.store.database import fetch, fetch_one


@dataclass(frozen=True, slots=True)
class Claims:
    """What the active deployments of an environment hold, and what the waiting ones want, first come first."""

    active: tuple[Claim, ...]
    waiting: tuple[Claim, ...]


async def claims(environment_ids: Sequence[str]) -> dict[str, Claims]:
    """Return who holds and who wants applications, by environment."""
    rows = await fetch(
        "SELECT d.id, d.environment_id, d.status, d.freeze_override_reason IS NOT NULL AS exempt,"
        " array_agg(a.application_id) AS applications FROM deployments d"
        " JOIN deployment_applications a ON a.deployment_id = d.id WHERE d.environment_id = ANY($1)"
        " AND (d.status = ANY($2) OR (d.status = 'PENDING' AND d.queued_at IS NOT NULL AND NOT d.paused))"
        " GROUP BY d.id ORDER BY d.queued_at, d.id",
        list(environment_ids),
        [str(status) for status in ACTIVE],
    )
    found: dict[str, tuple[list[Claim], list[Claim]]] = {id_: ([], []) for id_ in environment_ids}
    for row in rows:
        waits = row["status"] == DeploymentStatus.PENDING
        found[row["environment_id"]][waits].append(Claim(row["id"], tuple(row["applications"]), row["exempt"]))
    return {id_: Claims(tuple(active), tuple(waiting)) for id_, (active, waiting) in found.items()}


async def changed_since(deployment: Deployment) -> str | None:
    """Return the id of a later deployment that began to change an application which this one had begun to change."""
    row = await fetch_one(
        "SELECT d.id FROM deployments d JOIN tasks t ON t.deployment_id = d.id"
        " WHERE d.environment_id = $1 AND d.id <> $2 AND d.resumed_at > $3 AND t.type = 'DEPLOY' AND t.attempt > 0"
        " AND t.application_id IN (SELECT application_id FROM tasks"
        " WHERE deployment_id = $2 AND type = 'DEPLOY' AND attempt > 0) ORDER BY d.id DESC LIMIT 1",
        deployment.environment_id,
        deployment.id,
        deployment.completed_at,
    )
    return row["id"] if row else None


async def environments_waiting() -> list[str]:
    """Return the ids of the environments in which a deployment waits to start."""
    rows = await fetch(
        "SELECT DISTINCT environment_id FROM deployments WHERE status = 'PENDING' AND queued_at IS NOT NULL"
        " AND NOT paused"
    )
    return [row["environment_id"] for row in rows]
