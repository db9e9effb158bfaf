"""What surrounds the tasks of a deployment, as it is stored."""

from collections.abc import Sequence

from app.core.deployment import Deployment
from app.core.environment import Release
from app.services.execution.instructions import InstructionContext
from app.store import definitions as definition_store
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import versions as version_store


def _previous(deployment: Deployment, releases: Sequence[Release]) -> dict[str, str]:
    """Return the version that ran, or runs, before this deployment's, by application id."""
    running = {
        release.application_id: release.version_id for release in releases if release.deployment_id != deployment.id
    }
    known = {a.application_id: a.previous_version_id for a in deployment.applications if a.previous_version_id}
    return {id_: version for id_, version in (running | known).items() if id_ in deployment.application_ids}


async def instruction_context_of(deployment_id: str) -> InstructionContext:
    """Return what surrounds the tasks of a deployment."""
    deployment = (await deployment_store.by_ids([deployment_id]))[deployment_id]
    releases = await environment_store.releases_in([deployment.environment_id])
    previous = _previous(deployment, releases)
    versions = await version_store.by_ids([deployment.version_id, *previous.values()])
    environment = (await environment_store.by_ids([deployment.environment_id]))[deployment.environment_id]
    return InstructionContext(
        deployment=deployment,
        environment=environment,
        version=versions[deployment.version_id],
        definitions=await definition_store.by_application(deployment_id),
        previous={application_id: versions[version_id] for application_id, version_id in previous.items()},
        colors={release.application_id: release.color for release in releases},
    )
