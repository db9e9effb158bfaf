"""Lists and look-ups of the catalogue: pages of applications and versions, and objects by id or name."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from app.api.context import Info
from app.api.execution.dataloader import DataLoader
from app.api.scalars import encode_cursor
from app.api.types.applications import Application
from app.api.types.audit import AuditEntry, Finder
from app.api.types.common import Connection, Page, PageArguments, connection, page_of_list
from app.api.types.deployments import Deployment
from app.api.types.environments import Environment
from app.api.types.templates import WorkflowTemplate
from app.api.types.versions import Version
from app.core.audit import AuditFilter
from app.core.deployment import DeploymentFilter
from app.core.environment import Environment as CoreEnvironment
from app.core.errors import InvalidInput, Refused
from app.core.texts import normalized
from app.core.validation import bounds
from app.core.version import VersionFilter
from app.store import applications as application_store
from app.store import audit as audit_store
from app.store import deployments as deployment_store
from app.store import environments as environment_store
from app.store import templates as template_store
from app.store import versions as version_store

V = TypeVar("V")
RANKS = 10_000
"""What is added to ranks, so that they are ordered as texts."""


async def named_application(info: Info, id_: str | None, name: str | None) -> Application | None:
    """Return an application by exactly one of its id and name. Raises Refused."""
    found = await _one_of(info.context.loaders.application, application_store.by_name, id_, name)
    return Application.of(found) if found else None


async def named_environment(info: Info, id_: str | None, name: str | None) -> Environment | None:
    """Return an environment by exactly one of its id and name. Raises Refused."""
    found = await _one_of(info.context.loaders.environment, environment_store.by_name, id_, name)
    return Environment.of(found) if found else None


async def named_template(info: Info, id_: str | None, name: str | None) -> WorkflowTemplate | None:
    """Return a template by exactly one of its id and name, archived or not. Raises Refused."""
    found = await _one_of(info.context.loaders.workflowtemplate, template_store.by_name, id_, name)
    return WorkflowTemplate.of(found) if found else None


def searched(contains: str | None) -> str | None:
    """Return a text to look for in names: as much of it as is longer than any name."""
    return contains and contains[: bounds.MAX_SEARCH]


async def template_page(
    page: PageArguments, contains: str | None, archived: bool | None
) -> Connection[WorkflowTemplate]:
    """Return a page of the templates that are not archived, or of those that are, by name. Raises Refused."""
    part, only, text = page.window("templates", default=50), bool(archived), searched(contains)
    found, before, behind = part.cut(await template_store.page(part.span, text, archived=only))
    cursors = [encode_cursor("templates", template.name) for template in found]
    shown = Page([WorkflowTemplate.of(template) for template in found], cursors, before, behind)
    return connection(shown, lambda: template_store.count(text, archived=only))


async def _one_of(
    loader: DataLoader[str, V | None], named: Callable[[str], Awaitable[V | None]], id_: str | None, name: str | None
) -> V | None:
    if id_ is not None and name is None:
        return await loader.load(id_)
    if name is not None and id_ is None:
        return await named(normalized(name))
    raise Refused(InvalidInput(message="Give exactly one of id and name.", path=("id",)))


async def all_environments() -> list[Environment]:
    """Return every environment in promotion order."""
    return [Environment.of(environment) for environment in await environment_store.all_by_rank()]


def _in_promotion_order(environment: CoreEnvironment) -> str:
    """Return where an environment stands: ranks lie within 1,000 of 0."""
    return f"{environment.rank + RANKS:05}:{environment.name}"


async def environment_page(page: PageArguments) -> Connection[Environment]:
    """Return a page of the environments, in promotion order. Raises Refused."""
    part, everything = page.window("environments", default=50), await environment_store.all_by_rank()
    everything = sorted(everything, key=_in_promotion_order)
    return page_of_list(part, everything, _in_promotion_order, Environment.of)


async def application_page(page: PageArguments, contains: str | None, archived: bool | None) -> Connection[Application]:
    """Return a page of the applications that are not archived, or of those that are, by name. Raises Refused."""
    part, only, text = page.window("applications", default=50), bool(archived), searched(contains)
    found, before, behind = part.cut(await application_store.page(part.span, text, archived=only))
    cursors = [encode_cursor("applications", application.name) for application in found]
    shown = Page([Application.of(application) for application in found], cursors, before, behind)
    return connection(shown, lambda: application_store.count(text, archived=only))


async def version_page(page: PageArguments, wanted: VersionFilter) -> Connection[Version]:
    """Return a page of the versions that match, newest first. Raises Refused."""
    part = page.window("versions")
    wanted = replace(wanted, contains=searched(wanted.contains), commit=searched(wanted.commit))
    found, before, behind = part.cut(await version_store.page(wanted, part.span))
    cursors = [encode_cursor("versions", version.id) for version in found]
    shown = Page([Version.of(version) for version in found], cursors, before, behind)
    return connection(shown, lambda: version_store.count(wanted))


async def deployment_page(wanted: DeploymentFilter, page: PageArguments) -> Connection[Deployment]:
    """Return a page of deployments, newest first. Raises Refused."""
    part = page.window("deployments")
    found, earlier, later = part.cut(await deployment_store.page(wanted, part.span))
    cursors = [encode_cursor("deployments", deployment.id) for deployment in found]
    shown = Page([Deployment.of(deployment) for deployment in found], cursors, earlier, later)
    return connection(shown, lambda: deployment_store.count(wanted))


async def audit_page(wanted: AuditFilter, page: PageArguments, find: Finder) -> Connection[AuditEntry]:
    """Return a page of the audit log, newest first. `find` finds the targets. Raises Refused."""
    part = page.window("audit", default=50)
    found, before, behind = part.cut(await audit_store.page(wanted, part.span))
    cursors = [encode_cursor("audit", entry.id) for entry in found]
    shown = Page([AuditEntry.of(entry, find) for entry in found], cursors, before, behind)
    return connection(shown, lambda: audit_store.count(wanted))
