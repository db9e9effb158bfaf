"""Claims of deployments on the applications of an environment."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.admission import Claim
from app.core.deployment import ACTIVE, Deployment, DeploymentStatus
from app.store.database import fetch


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims of the active deployments of an environment, and of the waiting ones in queue order."""

    active: tuple[Claim, ...]
    waiting: tuple[Claim, ...]


async def claims(environment_ids: Sequence[str]) -> dict[str, Claims]:
    """Return the claims in each environment."""
    rows = await fetch(
        "SELECT d.id, d.environment_id, d.status, d.freeze_override_reason IS NOT NULL AS exempt,"
        " array_agg(a.application_id) AS applications FROM deployments d"
        " JOIN deployment_applications a ON a.deployment_id = d.id WHERE d.environment_id = ANY($1)"
        " AND (d.status = ANY($2) OR (d.status = 'PENDING' AND d.queued_at IS NOT NULL AND NOT d.paused))"
        " GROUP BY d.id ORDER BY d.queued_at, d.id",
        list(environment_ids),
        [str(status) for status in ACTIVE],
    )
    active: dict[str, list[Claim]] = {id_: [] for id_ in environment_ids}
    waiting: dict[str, list[Claim]] = {id_: [] for id_ in environment_ids}
    for row in rows:
        claims_by_environment = waiting if row["status"] == DeploymentStatus.PENDING else active
        claim = Claim(row["id"], tuple(row["applications"]), row["exempt"])
        claims_by_environment[row["environment_id"]].append(claim)
    return {id_: Claims(tuple(active[id_]), tuple(waiting[id_])) for id_ in environment_ids}


async def changed_since(deployments: Sequence[Deployment]) -> dict[str, str]:
    """Return the newest later deployment that changed the same applications, by ended deployment.

    Deployments without such a successor are left out.
    """
    rows = await fetch(
        "SELECT DISTINCT ON (w.id) w.id, d.id AS later FROM unnest($1::text[], $2::text[], $3::timestamptz[])"
        " AS w(id, environment, ended) JOIN deployments d"
        " ON d.environment_id = w.environment AND d.id <> w.id AND d.resumed_at > w.ended"
        " JOIN tasks t ON t.deployment_id = d.id AND t.type = 'DEPLOY' AND t.attempt > 0"
        " AND t.application_id IN (SELECT m.application_id FROM tasks m"
        " WHERE m.deployment_id = w.id AND m.type = 'DEPLOY' AND m.attempt > 0) ORDER BY w.id, d.id DESC",
        [deployment.id for deployment in deployments],
        [deployment.environment_id for deployment in deployments],
        [deployment.completed_at for deployment in deployments],
    )
    return {row["id"]: row["later"] for row in rows}


async def environments_waiting() -> list[str]:
    """Return the ids of the environments that have a deployment in their queue."""
    rows = await fetch(
        "SELECT DISTINCT environment_id FROM deployments WHERE status = 'PENDING' AND queued_at IS NOT NULL"
        " AND NOT paused"
    )
    return [row["environment_id"] for row in rows]
