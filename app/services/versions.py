"""Use cases of versions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.core.application import Application
from app.core.errors import InvalidInput, Problem, missing, name_taken
from app.core.ids import IdKind
from app.core.roles import Role
from app.core.validation import checks
from app.core.version import Version
from app.services.use_cases import Result, UseCaseContext, forbidden, refuse_if
from app.store import applications as application_store
from app.store import versions as store
from app.store.database import lock_name

NAMES_LOCK = "names of versions"
MAX_ARTIFACTS = 500
MAX_NAMES_SHOWN = 5
"""Applications that a message names."""


async def create(context: UseCaseContext, draft: Version) -> Result:
    """Create a version as drafted; id, creator and time are set here.

    For DEPLOYER on each of its applications. The role in any one environment is enough, because a version has no effect
    until it is deployed. A name is used once per application, so that no caller can change what others deploy by it.
    Creating the same version again returns the first one, so that a pipeline may run again.
    """
    refuse_if(checks.in_range(len(draft.artifacts), 1, MAX_ARTIFACTS, "artifacts"))
    application_ids = [artifact.application_id for artifact in draft.artifacts]
    applications = await application_store.by_ids(application_ids)
    refuse_if(_problems(draft, applications))
    if not all(context.principal.allows_somewhere(Role.DEPLOYER, id_) for id_ in application_ids):
        raise forbidden(Role.DEPLOYER)
    await lock_name(NAMES_LOCK)
    namesakes = await store.named(draft.name, application_ids)
    same = next((version for version in namesakes if version.is_same(draft)), None)
    if same is not None:
        context.record_change(same.id, same, same)
        return Result((same.id,))
    if namesakes:
        raise name_taken(_taken(draft.name, namesakes[0], applications))
    version = replace(
        draft,
        id=context.unit.new_id(IdKind.VERSION),
        created_by=context.principal.actor.id,
        created_at=context.unit.now,
    )
    await store.insert(version)
    context.record_change(version.id, None, version)
    return Result((version.id,))


def _taken(name: str, version: Version, applications: Mapping[str, Application]) -> str:
    """Return the message that a version of this name exists for some of the applications."""
    names = [
        applications[artifact.application_id].name
        for artifact in version.artifacts
        if artifact.application_id in applications
    ]
    shown = ", ".join(names[:MAX_NAMES_SHOWN]) + (", …" if len(names) > MAX_NAMES_SHOWN else "")
    return (
        f"A version “{name}” of {shown} exists already ({version.id}), with another commit or other artifacts. "
        "A version never changes. Use another name."
    )


def _problems(draft: Version, applications: Mapping[str, Application]) -> Iterator[Problem]:
    yield from checks.display_name(draft.name, 100, "name")
    if draft.commit is not None:
        yield from checks.display_name(draft.commit, 100, "commit")
    checked_ids: set[str] = set()
    for index, artifact in enumerate(draft.artifacts):
        path = ("artifacts", str(index), "applicationId")
        application = applications.get(artifact.application_id)
        if application is None:
            yield missing("application", artifact.application_id, path)
        elif application.archived_at is not None:
            message = (
                f"The application “{application.name}” is archived. "
                "Bring it back with unarchiveApplication, or leave it out."
            )
            yield InvalidInput(message=message, path=path)
        if artifact.application_id in checked_ids:
            yield InvalidInput(message="The same application is named twice. Name each one once.", path=path)
        checked_ids.add(artifact.application_id)
        if artifact.image is not None:
            yield from checks.image(artifact.image, "artifacts", str(index), "image")
