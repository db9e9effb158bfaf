"""The context of a deployment's tasks: everything that their instructions are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.core.deployment import Definition, Deployment
from app.core.environment import Environment, Release
from app.core.task import Task
from app.core.version import Version
from app.store import definitions as definition_store
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import versions as version_store


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionContext:
    """The stored objects that a task's instructions are made from.

    `previous` has the versions that ran before, `colors` the sets that serve now (None where an application has no
    two sets), both by application id. `run` is the number of the task's run, where runs outlive workers.
    """

    deployment: Deployment
    environment: Environment
    version: Version
    definitions: Mapping[str, Definition]
    previous: Mapping[str, Version]
    colors: Mapping[str, str | None] = field(default_factory=dict)
    run: int = 0

    def definition(self, task: Task) -> Definition | None:
        """Return the definition of the task's application, None for a task without one."""
        return self.definitions.get(task.application_id) if task.application_id else None


async def load_instruction_context(deployment_id: str) -> InstructionContext:
    """Load the context of a deployment's tasks."""
    deployment = (await deployment_store.by_ids([deployment_id]))[deployment_id]
    releases = await environment_store.releases_in([deployment.environment_id])
    previous = _previous_versions(deployment, releases)
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


def _previous_versions(deployment: Deployment, releases: Sequence[Release]) -> dict[str, str]:
    """Return the id of the version that ran, or runs, before this deployment's, by application id."""
    running = {
        release.application_id: release.version_id for release in releases if release.deployment_id != deployment.id
    }
    recorded = {
        application.application_id: application.previous_version_id
        for application in deployment.applications
        if application.previous_version_id
    }
    return {id_: version for id_, version in (running | recorded).items() if id_ in deployment.application_ids}
