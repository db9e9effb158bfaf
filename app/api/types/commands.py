"""Commands, with what the viewer may see of them."""

import strawberry

from app.api.scalars import JSON
from app.api.types.jobs import JobOptions, job_options
from app.core import application as core
from app.core.command_visibility import CommandVisibility


@strawberry.type(
    description="A command as a list of arguments, with its limits. *** replaces values that you may not see."
)
class CommandStep:
    command: list[str]
    image: str | None
    env: JSON = strawberry.field(
        description="Environment variables beside those that Boreas sets: an object of names and strings. Only "
        "DEPLOYER sees the values."
    )
    timeout_seconds: int = strawberry.field(description="How many seconds one attempt may take.")
    max_attempts: int = strawberry.field(description="How many attempts the command gets, including the first.")
    job: JobOptions | None = strawberry.field(
        description="Options of the Job that runs the command in a cluster. Null means that the options of the "
        "environment apply."
    )

    @classmethod
    def of(cls, command: core.CommandStep, visibility: CommandVisibility) -> "CommandStep":
        step = visibility.step(command)
        return cls(
            command=list(step.command),
            image=step.image,
            env=JSON(dict(step.env)),
            timeout_seconds=step.timeout_seconds,
            max_attempts=step.max_attempts,
            job=job_options(step.job),
        )


def command_step(step: core.CommandStep | None, visibility: CommandVisibility) -> CommandStep | None:
    """Return a step with what the viewer may see of it."""
    return CommandStep.of(step, visibility) if step else None
