"""Inputs about commands."""

from collections.abc import Sequence

import strawberry

from app.api.execution.plain_inputs import plain_input
from app.api.inputs.common import Place, mappings
from app.api.inputs.jobs import JobOptionsInput
from app.api.scalars import JSON
from app.core import application
from app.core.columnar import columns_of, filled


@plain_input(job=JobOptionsInput)
@strawberry.input(description="A command as an argument list, with its limits.")
class CommandStepInput:
    command: list[str] = strawberry.field(
        description="The program, then its arguments, run without a shell. Where it says ${{ … }} and means that text "
        "itself, it is written $${{ … }}, as in env."
    )
    image: str | None = None
    env: JSON | None = strawberry.field(default=None, description="Names to strings.")
    timeout_seconds: int | None = 1800
    max_attempts: int | None = 1
    job: JobOptionsInput | None = strawberry.field(
        default=None, description="Options of the Job that runs it, where the operator is KUBERNETES."
    )

    def step(self, *path: str) -> application.CommandStep:
        """Return it as a core value. Raises Refused."""
        return steps([self], lambda _: path)[0]


def steps(given: Sequence[CommandStepInput], place: Place) -> list[application.CommandStep]:
    """Return commands as core values. Raises Refused."""
    columns = columns_of(given, application.CommandStep.__dataclass_fields__)
    columns["command"] = list(map(tuple, columns["command"]))
    columns["env"] = mappings(columns["env"], place, "env")
    columns["timeout_seconds"] = [1800 if one is None else one for one in columns["timeout_seconds"]]
    columns["max_attempts"] = [1 if one is None else one for one in columns["max_attempts"]]
    if any(columns["job"]):
        columns["job"] = [one and one.options(*place(index), "job") for index, one in enumerate(columns["job"])]
    return filled(application.CommandStep, columns)
