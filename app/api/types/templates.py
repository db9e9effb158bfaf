"""Templates and their versions."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from app.api.context import Info
from app.api.documents.measure import DEPENDS_ON_ACTOR
from app.api.scalars import Cursor
from app.api.types.access import Actor, load_actor
from app.api.types.common import Connection, Node, PageArguments
from app.api.types.connections import TEMPLATE_VERSIONS
from app.api.types.references import require
from app.api.types.workflows import From, WorkflowDiff, WorkflowTask, names_of, workflow_tasks
from app.core import revision, template
from app.core.command_visibility import VisibilityByApplication, of_template
from app.core.errors import not_found
from app.core.workflow import WorkflowTask as CoreTask


@strawberry.type(description="A parameter of a template.")
class TemplateParameter:
    name: str = strawberry.field(
        description="The name. Names, commands and env of tasks refer to it as ${{ parameters.NAME }}."
    )
    description: str
    default: str | None
    required: bool = strawberry.field(
        description="Whether a deployment must give a value. If not, the default or an empty text is used."
    )
    choices: list[str] | None = strawberry.field(description="The only values that are allowed. Null allows any value.")

    @classmethod
    def of(cls, parameter: template.Parameter) -> "TemplateParameter":
        return cls(
            name=parameter.name,
            description=parameter.description,
            default=parameter.default,
            required=parameter.required,
            choices=None if parameter.choices is None else list(parameter.choices),
        )


@strawberry.type(description="A version of a template. It never changes.")
class TemplateVersion(Node):
    value: strawberry.Private[template.TemplateVersion]
    number: int = strawberry.field(description="The number of the version within its template, counted from 1.")
    created_at: datetime
    note: str
    parameters: list[TemplateParameter]

    @classmethod
    def of(cls, version: template.TemplateVersion) -> "TemplateVersion":
        return cls(
            value=version,
            id=strawberry.ID(version.id),
            number=version.number,
            created_at=version.created_at,
            note=version.note,
            parameters=[TemplateParameter.of(parameter) for parameter in version.parameters],
        )

    @strawberry.field
    async def template(self, info: Info) -> "WorkflowTemplate":
        template: WorkflowTemplate = await require(info, "WorkflowTemplate", self.value.template_id)
        return template

    @strawberry.field
    async def author(self, info: Info) -> Actor:
        return await load_actor(info, self.value.author)

    @strawberry.field(
        description="The tasks, in workflow order. References to parameters are not replaced.",
        metadata=DEPENDS_ON_ACTOR,
    )
    async def tasks(self, info: Info) -> list[WorkflowTask]:
        tasks = await info.context.loaders.template_tasks.load(self.id) or ()
        return await workflow_tasks(info, tasks, _visibility_of(info, [self.value.author], tasks))


@strawberry.type(description="A named graph with parameters. Its versions never change.")
class WorkflowTemplate(Node):
    name: str = strawberry.field(description="The unique name.")
    description: str
    archived_at: datetime | None = strawberry.field(
        description="When the template was archived. Null if it is not archived."
    )

    @classmethod
    def of(cls, core_template: template.Template) -> "WorkflowTemplate":
        return cls(
            id=strawberry.ID(core_template.id),
            name=core_template.name,
            description=core_template.description,
            archived_at=core_template.archived_at,
        )

    @strawberry.field(
        description="All versions, oldest first.", deprecation_reason="It grows for ever: use versionsConnection."
    )
    async def versions(self, info: Info) -> list[TemplateVersion]:
        return [TemplateVersion.of(version) for version in await info.context.loaders.template_versions.load(self.id)]

    @strawberry.field(description="All versions, oldest first.")
    async def versions_connection(
        self,
        info: Info,
        first: int | None = 20,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[TemplateVersion]:
        arguments = PageArguments(first, after, last, before)
        return await TEMPLATE_VERSIONS.page(info, self.id, TemplateVersion.of, arguments)

    @strawberry.field
    async def latest(self, info: Info) -> TemplateVersion:
        return await self.newest(info)

    async def newest(self, info: Info) -> TemplateVersion:
        """Load the latest version. Every template has one."""
        return TemplateVersion.of((await info.context.loaders.template_versions.load(self.id))[-1])

    @strawberry.field(
        description="The differences between two versions, in either direction.", metadata=DEPENDS_ON_ACTOR
    )
    async def diff(self, info: Info, from_: From, to: int) -> WorkflowDiff:
        versions = await info.context.loaders.template_versions.load(self.id)
        versions_by_number = {version.number: version for version in versions}
        for argument, number in (("from", from_), ("to", to)):
            if number not in versions_by_number:
                raise not_found("version", str(number), (argument,))
        compared = [versions_by_number[from_], versions_by_number[to]]
        before, after = await info.context.loaders.template_tasks.load_many([version.id for version in compared])
        tasks = (*(before or ()), *(after or ()))
        visibility_of = _visibility_of(info, [version.author for version in compared], tasks)
        return WorkflowDiff.of(revision.diff(before or (), after or ()), await names_of(info, tasks), visibility_of)


def _visibility_of(info: Info, authors: Sequence[str], tasks: Sequence[CoreTask]) -> VisibilityByApplication:
    ids = {task.application_id for task in tasks if task.application_id}
    return of_template(info.context.viewer, authors, ids)
