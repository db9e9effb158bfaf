"""Root fields that save and archive templates."""

import strawberry

from app.api.context import Info
from app.api.errors import UserError
from app.api.inputs.common import ByIdInput
from app.api.inputs.templates import SaveWorkflowTemplateInput
from app.api.mutations.run import load_changed, perform
from app.api.permissions import MutationGuard
from app.api.types.templates import TemplateVersion, WorkflowTemplate
from app.core.roles import Role
from app.services import templates


@strawberry.type(description="The template and its version, or the errors.")
class TemplatePayload:
    template: WorkflowTemplate | None = None
    version: TemplateVersion | None = None
    errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class TemplateMutations:
    @strawberry.mutation(
        description="Save the first or the next version of a template. For DEPLOYER on its applications. The next "
        "version takes its author, DEPLOYER on everything, or ADMIN on its applications.",
        extensions=[MutationGuard(Role.DEPLOYER, TemplatePayload)],
    )
    async def save_workflow_template(self, info: Info, input: SaveWorkflowTemplateInput) -> TemplatePayload:
        id_, version_id = await perform(info, input, templates.save, input.draft())
        return TemplatePayload(
            template=await load_changed(info, "WorkflowTemplate", id_),
            version=await load_changed(info, "TemplateVersion", version_id),
        )

    @strawberry.mutation(
        description="Archive a template. It stays readable but cannot be used for new deployments. For its author, "
        "DEPLOYER on everything, or ADMIN on its applications.",
        extensions=[MutationGuard(Role.DEPLOYER, TemplatePayload)],
    )
    async def archive_workflow_template(self, info: Info, input: ByIdInput) -> TemplatePayload:
        (id_,) = await perform(info, input, templates.archive, str(input.id))
        template: WorkflowTemplate = await load_changed(info, "WorkflowTemplate", id_)
        return TemplatePayload(template=template, version=await template.newest(info))
