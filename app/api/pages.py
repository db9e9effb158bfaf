"""Pages of the top-level lists, and look-ups of an object by its id or its name."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from app.api.context import Info
from app.api.execution.dataloader import DataLoader
from app.api.types.applications import Application
from app.api.types.audit import AuditEntry, Finder
from app.api.types.common import Connection, PageArguments, page_of, page_of_list
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

Row = TypeVar("Row")
RANK_OFFSET = 10_000
"""Added to ranks, which lie within 1,000 of 0, so that their order is that of their texts."""


async def find_application(info: Info, id_: str | None, name: str | None) -> Application | None:
    """Return an application by exactly one of its id and name. Raises Refused."""
    application = await _by_id_or_name(info.context.loaders.application, application_store.by_name, id_, name)
    return Application.of(application) if application else None


async def find_environment(info: Info, id_: str | None, name: str | None) -> Environment | None:
    """Return an environment by exactly one of its id and name. Raises Refused."""
    environment = await _by_id_or_name(info.context.loaders.environment, environment_store.by_name, id_, name)
    return Environment.of(environment) if environment else None


async def find_template(info: Info, id_: str | None, name: str | None) -> WorkflowTemplate | None:
    """Return a template, archived or not, by exactly one of its id and name. Raises Refused."""
    template = await _by_id_or_name(info.context.loaders.workflowtemplate, template_store.by_name, id_, name)
    return WorkflowTemplate.of(template) if template else None


async def _by_id_or_name(
    loader: DataLoader[str, Row | None],
    by_name: Callable[[str], Awaitable[Row | None]],
    id_: str | None,
    name: str | None,
) -> Row | None:
    if id_ is not None and name is None:
        return await loader.load(id_)
    if name is not None and id_ is None:
        return await by_name(normalized(name))
    raise Refused(InvalidInput(message="Give exactly one of id and name.", path=("id",)))


def _search_text(contains: str | None) -> str | None:
    """Return the text to search for. It is cut at a length that no name reaches."""
    return contains and contains[: bounds.MAX_SEARCH]


async def application_page(
    arguments: PageArguments, contains: str | None, archived: bool | None
) -> Connection[Application]:
    """Return a page of the applications that are archived, or of those that are not, by name.

    Raises Refused.
    """
    window, text, only = arguments.window("applications", default=50), _search_text(contains), bool(archived)
    rows = await application_store.page(window.request, text, archived=only)
    return page_of(
        window,
        rows,
        lambda application: application.name,
        Application.of,
        lambda: application_store.count(text, archived=only),
    )


async def template_page(
    arguments: PageArguments, contains: str | None, archived: bool | None
) -> Connection[WorkflowTemplate]:
    """Return a page of the templates that are archived, or of those that are not, by name. Raises Refused."""
    window, text, only = arguments.window("templates", default=50), _search_text(contains), bool(archived)
    rows = await template_store.page(window.request, text, archived=only)
    return page_of(
        window,
        rows,
        lambda template: template.name,
        WorkflowTemplate.of,
        lambda: template_store.count(text, archived=only),
    )


async def all_environments() -> list[Environment]:
    """Return every environment in promotion order."""
    return [Environment.of(environment) for environment in await environment_store.all_by_rank()]


def _promotion_position(environment: CoreEnvironment) -> str:
    return f"{environment.rank + RANK_OFFSET:05}:{environment.name}"


async def environment_page(arguments: PageArguments) -> Connection[Environment]:
    """Return a page of the environments, in promotion order. Raises Refused."""
    window = arguments.window("environments", default=50)
    environments = sorted(await environment_store.all_by_rank(), key=_promotion_position)
    return page_of_list(window, environments, _promotion_position, Environment.of)


async def version_page(arguments: PageArguments, filter: VersionFilter) -> Connection[Version]:
    """Return a page of the versions that match a filter, newest first. Raises Refused."""
    window = arguments.window("versions")
    filter = replace(filter, contains=_search_text(filter.contains), commit=_search_text(filter.commit))
    rows = await version_store.page(filter, window.request)
    return page_of(window, rows, lambda version: version.id, Version.of, lambda: version_store.count(filter))


async def deployment_page(arguments: PageArguments, filter: DeploymentFilter) -> Connection[Deployment]:
    """Return a page of the deployments that match a filter, newest first. Raises Refused."""
    window = arguments.window("deployments")
    rows = await deployment_store.page(filter, window.request)
    return page_of(
        window, rows, lambda deployment: deployment.id, Deployment.of, lambda: deployment_store.count(filter)
    )


async def audit_page(arguments: PageArguments, filter: AuditFilter, find: Finder) -> Connection[AuditEntry]:
    """Return a page of the audit log, newest first. `find` loads the targets. Raises Refused."""
    window = arguments.window("audit", default=50)
    rows = await audit_store.page(filter, window.request)
    return page_of(
        window,
        rows,
        lambda entry: entry.id,
        lambda entry: AuditEntry.of(entry, find),
        lambda: audit_store.count(filter),
    )
