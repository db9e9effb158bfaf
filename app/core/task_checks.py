"""What the tasks of a graph must look like, each for itself: what is wrong between them is for `workflow.check`."""

from collections.abc import Sequence

from app.core.application import CommandStep
from app.core.checks import (
    MAX_ATTEMPTS,
    MAX_SECONDS,
    VARIABLE,
    Problems,
    arguments,
    between,
    storable,
    title,
    variables,
)
from app.core.sight import HIDDEN_COMMAND
from app.core.tokens import HIDDEN
from app.core.workflow import WorkflowTask

MAX_TITLE = 200


def workflow_tasks(tasks: Sequence[WorkflowTask]) -> Problems:
    """The fields of tasks, of which there may be thousands: those that are plainly good are not looked at twice."""
    for index, task in enumerate(tasks):
        if not is_plainly_good(task):
            yield from workflow_task(task, "tasks", str(index))


def workflow_task(task: WorkflowTask, *path: str) -> Problems:
    """The fields of one task."""
    yield from title(task.key, MAX_TITLE, *path, "key")
    yield from title(task.name, MAX_TITLE, *path, "name")
    if task.command is not None:
        yield from variables(task.command.env, *path, "command", "env")
        yield from storable(task.command.image, *path, "command", "image")
        yield from arguments(task.command.command, *path, "command", "command")
    yield from storable(task.payload, *path, "payload")
    yield from between(task.timeout_seconds, 1, MAX_SECONDS, *path, "timeoutSeconds")
    yield from between(task.max_attempts, 1, MAX_ATTEMPTS, *path, "maxAttempts")


def is_plainly_good(task: WorkflowTask) -> bool:
    """Tell at a glance that nothing is wrong with a task. One of which it can not be told may be good as well."""
    return (
        _is_plain_title(task.key)
        and _is_plain_title(task.name)
        and not task.payload
        and 1 <= task.timeout_seconds <= MAX_SECONDS
        and 1 <= task.max_attempts <= MAX_ATTEMPTS
        and (task.command is None or _is_plain_command(task.command))
    )


def _is_plain_title(value: str) -> bool:
    return len(value) <= MAX_TITLE and value.isprintable() and bool(value) and not value.isspace()


def _is_plain_command(step: CommandStep) -> bool:
    return (
        (step.image is None or step.image.isprintable())
        and all(map(str.isprintable, step.command))
        and step.command != HIDDEN_COMMAND
        and (
            not step.env
            or all(
                VARIABLE.fullmatch(name)
                and not name.startswith("BOREAS_")
                and isinstance(content, str)
                and content.isprintable()
                and content != HIDDEN
                for name, content in step.env.items()
            )
        )
    )
