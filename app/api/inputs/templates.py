"""Inputs about templates."""

import strawberry

from app.api.execution.plain_inputs import plain_input
from app.api.inputs.workflows import WorkflowTaskInput, core_tasks
from app.core.template import Parameter
from app.core.texts import normalized
from app.services.templates import TemplateDraft


@plain_input()
@strawberry.input(
    description="A parameter of a template. Names, commands and env of tasks refer to it as ${{ parameters.NAME }}. "
    "To write the literal text ${{ … }}, use $${{ … }}."
)
class TemplateParameterInput:
    name: str
    description: str | None = ""
    default: str | None = None
    required: bool | None = strawberry.field(
        default=False, description="Whether a deployment must give a value. Default: false."
    )
    choices: list[str] | None = strawberry.field(
        default=None, description="The only values that are allowed. Null allows any value."
    )

    def parameter(self) -> Parameter:
        """Return it as a core value."""
        return Parameter(
            name=self.name,
            description=self.description or "",
            default=self.default,
            required=bool(self.required),
            choices=None if self.choices is None else tuple(self.choices),
        )


@plain_input(tasks=WorkflowTaskInput, parameters=TemplateParameterInput)
@strawberry.input(description="A new version of a template. Set exactly one of tasks and fromDeploymentId.")
class SaveWorkflowTemplateInput:
    name: str = strawberry.field(description="The name of the template. If it exists, this saves its next version.")
    description: str | None = strawberry.field(
        default="", description="A description of the template for people. Empty keeps the current one."
    )
    note: str | None = strawberry.field(
        default="", description="A note on this version, such as what it changes. Default: empty."
    )
    tasks: list[WorkflowTaskInput] | None = None
    from_deployment_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of a deployment whose current graph is saved."
    )
    parameters: list[TemplateParameterInput] | None = strawberry.field(default_factory=list)
    only_if_changed: bool | None = strawberry.field(
        default=False,
        description="Whether to return the latest version instead, if the new one would equal it. This also holds for "
        "concurrent calls. Default: false.",
    )
    idempotency_key: str | None = None

    def draft(self) -> TemplateDraft:
        """Return it as a core value. Raises Refused."""
        tasks = self.tasks
        return TemplateDraft(
            name=normalized(self.name),
            description=self.description or "",
            note=self.note or "",
            tasks=None if tasks is None else core_tasks(tasks, "tasks"),
            deployment_id=self.from_deployment_id,
            parameters=tuple(parameter.parameter() for parameter in self.parameters or ()),
            only_if_changed=bool(self.only_if_changed),
        )
