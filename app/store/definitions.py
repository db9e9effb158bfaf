"""Definitions of applications that were copied into deployments, and those that run or ran."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from app.core.deployment import Definition
from app.store.database import fetch

_read = msgspec.json.Decoder(Definition).decode


async def by_application(deployment_id: str) -> dict[str, Definition]:
    """Return the definitions of a deployment's applications, by application id."""
    rows = await fetch("SELECT definition FROM deployment_applications WHERE deployment_id = $1", deployment_id)
    definitions = [_read(row["definition"]) for row in rows]
    return {definition.application_id: definition for definition in definitions}


async def of_deployments(deployment_ids: Sequence[str]) -> dict[str, list[Definition]]:
    """Return the definitions of each deployment's applications, in the order of the request."""
    definitions: dict[str, list[Definition]] = {id_: [] for id_ in deployment_ids}
    rows = await fetch(
        "SELECT deployment_id, definition FROM deployment_applications WHERE deployment_id = ANY($1)"
        " ORDER BY deployment_id, position",
        list(deployment_ids),
    )
    for row in rows:
        definitions[row["deployment_id"]].append(_read(row["definition"]))
    return definitions


async def running_in(environment_ids: Sequence[str]) -> dict[str, dict[str, Definition]]:
    """Return the definitions of the running releases, by environment and application."""
    rows = await fetch(
        "SELECT r.environment_id, r.application_id, a.definition FROM releases r JOIN deployment_applications a"
        " ON a.deployment_id = r.deployment_id AND a.application_id = r.application_id"
        " WHERE r.environment_id = ANY($1)",
        list(environment_ids),
    )
    definitions: dict[str, dict[str, Definition]] = {id_: {} for id_ in environment_ids}
    for row in rows:
        definitions[row["environment_id"]][row["application_id"]] = _read(row["definition"])
    return definitions


@dataclass(frozen=True, slots=True)
class PastDefinition:
    """A definition that ran in an environment.

    `proven` tells that its deployment and its deploy task succeeded.
    """

    definition: Definition
    proven: bool


async def previous_definitions(deployment_ids: Sequence[str]) -> dict[str, dict[str, PastDefinition]]:
    """Return the definitions of what ran before each deployment, by deployment and application.

    Proven ones come from the last successful deployment of that version in that environment in which the application's
    deploy task succeeded. Without one, the definition of the replaced deployment is returned as not proven.
    """
    rows = await fetch(
        "SELECT a.deployment_id, a.application_id, coalesce(last.definition, b.definition) AS definition,"
        " last.definition IS NOT NULL AS proven"
        " FROM deployment_applications a JOIN deployments d ON d.id = a.deployment_id"
        " LEFT JOIN deployment_applications b"
        " ON b.deployment_id = a.previous_deployment_id AND b.application_id = a.application_id"
        " LEFT JOIN LATERAL (SELECT c.definition FROM deployments e JOIN deployment_applications c"
        " ON c.deployment_id = e.id AND c.application_id = a.application_id"
        " WHERE e.version_id = a.previous_version_id AND e.environment_id = d.environment_id AND e.status = 'SUCCESS'"
        " AND EXISTS (SELECT 1 FROM tasks t WHERE t.deployment_id = e.id AND t.application_id = a.application_id"
        " AND t.type = 'DEPLOY' AND t.status = 'SUCCESS') ORDER BY e.completed_at DESC, e.id DESC LIMIT 1) AS last"
        " ON true WHERE a.deployment_id = ANY($1) AND a.previous_version_id IS NOT NULL",
        list(deployment_ids),
    )
    definitions: dict[str, dict[str, PastDefinition]] = {id_: {} for id_ in deployment_ids}
    for row in rows:
        if row["definition"] is not None:
            definition = PastDefinition(_read(row["definition"]), row["proven"])
            definitions[row["deployment_id"]][row["application_id"]] = definition
    return definitions
