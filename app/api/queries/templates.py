"""Root fields that read templates."""

import strawberry

from app.api.context import Info
from app.api.inputs.lookups import WorkflowTemplateBy, id_or_name
from app.api.pages import find_template, template_page
from app.api.permissions import Guard
from app.api.scalars import Cursor
from app.api.types.common import Connection, PageArguments
from app.api.types.templates import WorkflowTemplate
from app.core.roles import Role


@strawberry.type
class TemplateQueries:
    @strawberry.field(
        description="A template. Give exactly one of id, name and by. Null if it does not exist. For VIEWER on "
        "anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def workflow_template(
        self,
        info: Info,
        id: strawberry.ID | None = None,
        name: str | None = None,
        by: WorkflowTemplateBy | None = None,
    ) -> WorkflowTemplate | None:
        return await find_template(info, *id_or_name(id, name, by))

    @strawberry.field(
        description="The templates that are not archived, by name. For VIEWER on anything.",
        extensions=[Guard(Role.VIEWER)],
    )
    async def workflow_templates(
        self,
        info: Info,
        first: int | None = 50,
        after: Cursor | None = None,
        contains: str | None = None,
        archived: bool | None = False,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[WorkflowTemplate]:
        return await template_page(PageArguments(first, after, last, before), contains, archived)
