"""Inputs about templates."""

import strawberry

from app.api.execution.plain_inputs import plain_input
from app.api.inputs.workflows import WorkflowTaskInput, core_tasks
from app.core.template import Parameter
from app.core.texts import tidy
from app.services.templates import TemplateDraft


@plain_input()
@strawberry.input(
    description="What users of a template say; written as ${{ parameters.NAME }} in names, commands and env. "
    "$${{ … }} stands for the text ${{ … }} itself."
)
class TemplateParameterInput:
    name: str
    description: str | None = ""
    default: str | None = None
    required: bool | None = strawberry.field(default=False, description="Whether a value must be given.")
    choices: list[str] | None = strawberry.field(default=None, description="The only values that it takes.")

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
@strawberry.input(description="A version to save: of exactly one of tasks and fromDeploymentId.")
class SaveWorkflowTemplateInput:
    name: str = strawberry.field(description="A name that is known makes the next version of that template.")
    description: str | None = strawberry.field(default="", description="Empty: as it was.")
    note: str | None = strawberry.field(default="", description="What this version is, or changes.")
    tasks: list[WorkflowTaskInput] | None = None
    from_deployment_id: strawberry.ID | None = strawberry.field(default=None, description="Its present graph.")
    parameters: list[TemplateParameterInput] | None = strawberry.field(default_factory=list)
    only_if_changed: bool | None = strawberry.field(
        default=False,
        description="Make no version that would be just as the latest one, also where somebody else saves the same "
        "at this moment: the answer is that one.",
    )
    idempotency_key: str | None = None

    def draft(self) -> TemplateDraft:
        """Return it as a core value. Raises Refused."""
        tasks = self.tasks
        return TemplateDraft(
            name=tidy(self.name),
            description=self.description or "",
            note=self.note or "",
            tasks=None if tasks is None else core_tasks(tasks, "tasks"),
            deployment_id=self.from_deployment_id,
            parameters=tuple(parameter.parameter() for parameter in self.parameters or ()),
            only_if_changed=bool(self.only_if_changed),
        )
