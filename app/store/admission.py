"""Who holds applications of an environment, and who waits for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.admission import Claim
from app.core.deployment import ACTIVE, Deployment, DeploymentStatus
from app.store.database import fetch


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


async def changed_since(deployments: Sequence[Deployment]) -> dict[str, str]:
    """Return, by the ids of those ended deployments that have one, a later deployment that began to change an
    application which they had begun to change.
    """
    rows = await fetch(
        "SELECT DISTINCT ON (w.id) w.id, d.id AS later FROM unnest($1::text[], $2::text[], $3::timestamptz[])"
        " AS w(id, environment, ended) JOIN deployments d"
        " ON d.environment_id = w.environment AND d.id <> w.id AND d.resumed_at > w.ended"
        " JOIN tasks t ON t.deployment_id = d.id AND t.type = 'DEPLOY' AND t.attempt > 0"
        " AND t.application_id IN (SELECT m.application_id FROM tasks m"
        " WHERE m.deployment_id = w.id AND m.type = 'DEPLOY' AND m.attempt > 0) ORDER BY w.id, d.id DESC",
        [one.id for one in deployments],
        [one.environment_id for one in deployments],
        [one.completed_at for one in deployments],
    )
    return {row["id"]: row["later"] for row in rows}


async def environments_waiting() -> list[str]:
    """Return the ids of the environments in which a deployment waits to start."""
    rows = await fetch(
        "SELECT DISTINCT environment_id FROM deployments WHERE status = 'PENDING' AND queued_at IS NOT NULL"
        " AND NOT paused"
    )
    return [row["environment_id"] for row in rows]
