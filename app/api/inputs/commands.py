"""Inputs about commands."""

from collections.abc import Sequence

import strawberry

from app.api.execution.plain_inputs import plain_input
from app.api.inputs.common import PathOf, mappings
from app.api.inputs.jobs import JobOptionsInput
from app.api.scalars import JSON
from app.core import application
from app.core.columnar import columns_of, from_columns

DEFAULT_TIMEOUT_SECONDS = 1800
DEFAULT_MAX_ATTEMPTS = 1


@plain_input(job=JobOptionsInput)
@strawberry.input(description="A command as a list of arguments, with its limits.")
class CommandStepInput:
    command: list[str] = strawberry.field(
        description="The program and its arguments. No shell is involved. To pass the literal text ${{ … }}, write "
        "$${{ … }}, as in env."
    )
    image: str | None = None
    env: JSON | None = strawberry.field(
        default=None, description="Environment variables: an object of names and strings. Default: none."
    )
    timeout_seconds: int | None = DEFAULT_TIMEOUT_SECONDS
    max_attempts: int | None = DEFAULT_MAX_ATTEMPTS
    job: JobOptionsInput | None = strawberry.field(
        default=None, description="Options of the Job that runs the command, if the operator is KUBERNETES."
    )

    def step(self, *path: str) -> application.CommandStep:
        """Return it as a core value. Raises Refused."""
        return steps([self], lambda _: path)[0]


def steps(inputs: Sequence[CommandStepInput], path_of: PathOf) -> list[application.CommandStep]:
    """Return commands as core values. Raises Refused."""
    columns = columns_of(inputs, application.CommandStep.__dataclass_fields__)
    columns["command"] = list(map(tuple, columns["command"]))
    columns["env"] = mappings(columns["env"], path_of, "env")
    columns["timeout_seconds"] = _defaulted(columns["timeout_seconds"], DEFAULT_TIMEOUT_SECONDS)
    columns["max_attempts"] = _defaulted(columns["max_attempts"], DEFAULT_MAX_ATTEMPTS)
    if any(columns["job"]):
        columns["job"] = [job and job.options(*path_of(index), "job") for index, job in enumerate(columns["job"])]
    return from_columns(application.CommandStep, columns)


def _defaulted(values: Sequence[int | None], default: int) -> list[int]:
    return [default if value is None else value for value in values]
