"""Use cases of applications."""

from dataclasses import replace

from app.core.application import Application
from app.core.errors import Forbidden, Refused, WrongState, name_taken, not_found
from app.core.ids import Kind
from app.core.kubernetes import ownership
from app.core.roles import Role
from app.core.validation import checks
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import applications as store
from app.store.database import take_turns

NAMES = "names of applications"
"""The turn of whoever gives a name, or takes objects of a cluster for an application."""
NOT_YOURS = (
    "Which workload, service and route belong to an application is for ADMIN on it to change. "
    "Leave them as they are, or ask an ADMIN."
)


async def create(case: UseCaseContext, draft: Application) -> Result:
    """Create an application as drafted; id and times are set here. For DEPLOYER on everything."""
    case.require(Role.DEPLOYER)
    application = replace(draft, id=case.work.new_id(Kind.APPLICATION), created_at=case.work.now)
    refuse_if(checks.application(application))
    await take_turns(NAMES)
    if await store.by_name(application.name):
        message = f"There is an application “{application.name}” already (it may be archived). Use another name."
        raise name_taken(message)
    await _refuse_if_taken(application, None)
    await store.insert(application)
    case.changed(application.id, None, application)
    return Result((application.id,))


async def update(case: UseCaseContext, changes: tuple[str, dict[str, object]]) -> Result:
    """Change some fields (by name) of an application. For DEPLOYER on it. Deployments keep what they were made with.

    Which objects of a cluster are its own is for ADMIN to say: who deploys an application must not choose others'.
    """
    id_, fields = changes
    application = await _held(case, id_)
    changed = replace(application, **fields)  # type: ignore[arg-type]
    refuse_if(checks.application(changed))
    if ownership.named(changed.kubernetes) != ownership.named(application.kubernetes):
        if not case.principal.allows(Role.ADMIN, application_ids=[id_]):
            raise Refused(Forbidden(message=NOT_YOURS, required=Role.ADMIN, path=("kubernetes",)))
        await _refuse_if_taken(changed, application)
    await store.update(changed)
    case.changed(id_, application, changed)
    return Result((id_,))


async def archive(case: UseCaseContext, id_: str) -> Result:
    """Archive an application: it stays readable, and can not be deployed any more. For DEPLOYER on it."""
    application = await _held(case, id_)
    archived = replace(application, archived_at=case.work.now)
    await store.update(archived)
    case.changed(id_, application, archived)
    return Result((id_,))


async def unarchive(case: UseCaseContext, id_: str) -> Result:
    """Bring an archived application back: it can be deployed again. For DEPLOYER on it."""
    application = await _held(case, id_, archived=True)
    active = replace(application, archived_at=None)
    await store.update(active)
    case.changed(id_, application, active)
    return Result((id_,))


async def _refuse_if_taken(application: Application, before: Application | None) -> None:
    """Refuse objects of a cluster that another application has, archived ones included. Raises Refused."""
    target = application.kubernetes
    if target is not None:
        await take_turns(NAMES)
        others = await store.naming(ownership.rivals(target), but=application.id)
        refuse_if(ownership.taken(target, before.kubernetes if before else None, others))


async def _held(case: UseCaseContext, id_: str, *, archived: bool = False) -> Application:
    application = await store.locked(id_)
    if application is None:
        raise not_found("application", id_, ("id",))
    case.require(Role.DEPLOYER, application_ids=[id_])
    if archived and application.archived_at is None:
        raise Refused(WrongState(message=f"“{application.name}” is not archived.", status="ACTIVE", path=("id",)))
    if application.archived_at is not None and not archived:
        raise Refused(WrongState(message=f"“{application.name}” is archived.", status="ARCHIVED", path=("id",)))
    return application
