"""Use cases of applications."""

from dataclasses import replace

from app.core.application import Application
from app.core.errors import Forbidden, Refused, WrongState, name_taken, not_found
from app.core.ids import IdKind
from app.core.kubernetes import ownership
from app.core.roles import Role
from app.core.validation import application_checks
from app.services.use_cases import Result, UseCaseContext, refuse_if
from app.store import applications as store
from app.store.database import lock_name

NAMES_LOCK = "names of applications"
"""Locked while an application takes a name, or objects of a cluster."""


async def create(context: UseCaseContext, draft: Application) -> Result:
    """Create an application as drafted; id and time are set here. For DEPLOYER on everything."""
    context.require(Role.DEPLOYER)
    application = replace(draft, id=context.unit.new_id(IdKind.APPLICATION), created_at=context.unit.now)
    refuse_if(application_checks.application(application))
    await lock_name(NAMES_LOCK)
    if await store.by_name(application.name):
        message = f"The name “{application.name}” is taken by another application, perhaps an archived one."
        raise name_taken(f"{message} Use another name.")
    await _refuse_taken_objects(application, None)
    await store.insert(application)
    context.record_change(application.id, None, application)
    return Result((application.id,))


async def update(context: UseCaseContext, changes: tuple[str, dict[str, object]]) -> Result:
    """Change some fields (by name) of an application; existing deployments keep their copy.

    For DEPLOYER on it. Its objects in a cluster are for ADMIN to change, so that a deployer cannot take those of
    another application.
    """
    id_, fields = changes
    application = await _locked(context, id_)
    changed = replace(application, **fields)  # type: ignore[arg-type]
    refuse_if(application_checks.application(changed))
    if ownership.named_objects(changed.kubernetes) != ownership.named_objects(application.kubernetes):
        if not context.principal.allows(Role.ADMIN, application_ids=[id_]):
            message = (
                "Only an ADMIN on the application may change its workload, service and route. "
                "Leave them as they are, or ask an ADMIN."
            )
            raise Refused(Forbidden(message=message, required=Role.ADMIN, path=("kubernetes",)))
        await _refuse_taken_objects(changed, application)
    await store.update(changed)
    context.record_change(id_, application, changed)
    return Result((id_,))


async def archive(context: UseCaseContext, id_: str) -> Result:
    """Archive an application: it stays readable but cannot be deployed. For DEPLOYER on it."""
    application = await _locked(context, id_)
    archived = replace(application, archived_at=context.unit.now)
    await store.update(archived)
    context.record_change(id_, application, archived)
    return Result((id_,))


async def unarchive(context: UseCaseContext, id_: str) -> Result:
    """Bring an archived application back, so that it can be deployed again. For DEPLOYER on it."""
    application = await _locked(context, id_, archived=True)
    active = replace(application, archived_at=None)
    await store.update(active)
    context.record_change(id_, application, active)
    return Result((id_,))


async def _refuse_taken_objects(application: Application, before: Application | None) -> None:
    """Refuse objects of a cluster that another application has, archived ones included. Raises Refused."""
    target = application.kubernetes
    if target is not None:
        await lock_name(NAMES_LOCK)
        rivals = await store.using_objects(ownership.reserved_names(target), but=application.id)
        refuse_if(ownership.name_conflicts(target, before.kubernetes if before else None, rivals))


async def _locked(context: UseCaseContext, id_: str, *, archived: bool = False) -> Application:
    """Lock and return an active (or an archived) application that the caller may change. Raises Refused."""
    application = await store.locked(id_)
    if application is None:
        raise not_found("application", id_, ("id",))
    context.require(Role.DEPLOYER, application_ids=[id_])
    if archived and application.archived_at is None:
        message = f"The application “{application.name}” is not archived."
        raise Refused(WrongState(message=message, status="ACTIVE", path=("id",)))
    if application.archived_at is not None and not archived:
        message = f"The application “{application.name}” is archived. Bring it back with unarchiveApplication first."
        raise Refused(WrongState(message=message, status="ARCHIVED", path=("id",)))
    return application
