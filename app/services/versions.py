"""Use cases of versions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from app.core.application import Application
from app.core.errors import InvalidInput, Problem, missing, name_taken
from app.core.ids import Kind
from app.core.roles import Role
from app.core.validation import checks
from app.core.version import Version
from app.services.use_cases import Result, UseCaseContext, forbidden, refuse_if
from app.store import applications as application_store
from app.store import versions as store
from app.store.database import take_turns

MAX_ARTIFACTS = 500
SHOWN = 5


async def create(case: UseCaseContext, draft: Version) -> Result:
    """Create a version as drafted; id, maker and time are set here. For DEPLOYER on each of its applications.

    A role in any one environment is enough: a version does nothing until it is deployed. So that nobody can make a name
    mean something else for those who deploy by it, a name is given once for an application. Creating the same version
    again changes nothing and returns the first one, as a pipeline that runs again expects.
    """
    refuse_if(checks.between(len(draft.artifacts), 1, MAX_ARTIFACTS, "artifacts"))
    ids = [artifact.application_id for artifact in draft.artifacts]
    found = await application_store.by_ids(ids)
    refuse_if(_problems(draft, found))
    if not all(case.principal.allows_somewhere(Role.DEPLOYER, application_id) for application_id in ids):
        raise forbidden(Role.DEPLOYER)
    await take_turns("names of versions")
    known = await store.of_name(draft.name, ids)
    same = next((version for version in known if version.is_same(draft)), None)
    if same is not None:
        case.changed(same.id, same, same)
        return Result((same.id,))
    if known:
        raise name_taken(_taken(draft.name, known[0], found))
    version = replace(
        draft,
        id=case.work.new_id(Kind.VERSION),
        created_by=case.principal.actor.id,
        created_at=case.work.now,
    )
    await store.insert(version)
    case.changed(version.id, None, version)
    return Result((version.id,))


def _taken(name: str, known: Version, found: Mapping[str, Application]) -> str:
    shared = [found[one.application_id].name for one in known.artifacts if one.application_id in found]
    shown = ", ".join(shared[:SHOWN]) + (", …" if len(shared) > SHOWN else "")
    return (
        f"There is a version “{name}” of {shown} already ({known.id}), with another commit or other artifacts. "
        "A version never changes: use another name."
    )


def _problems(draft: Version, found: dict[str, Application]) -> Iterator[Problem]:
    yield from checks.title(draft.name, 100, "name")
    if draft.commit is not None:
        yield from checks.title(draft.commit, 100, "commit")
    seen: set[str] = set()
    for index, artifact in enumerate(draft.artifacts):
        path = ("artifacts", str(index), "applicationId")
        application = found.get(artifact.application_id)
        if application is None:
            yield missing("application", artifact.application_id, path)
        elif application.archived_at is not None:
            yield InvalidInput(message=f"“{application.name}” is archived.", path=path)
        if artifact.application_id in seen:
            yield InvalidInput(message="The application is named twice.", path=path)
        seen.add(artifact.application_id)
        if artifact.image is not None:
            yield from checks.image(artifact.image, "artifacts", str(index), "image")
