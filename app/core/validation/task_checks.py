"""Checks of single tasks of a graph; `workflow_faults.find_faults` checks how they fit together."""

import math
from collections.abc import Sequence
from dataclasses import replace

from app.core import expressions
from app.core.application import CommandStep
from app.core.command_visibility import HIDDEN_COMMAND
from app.core.errors import InvalidInput
from app.core.kubernetes import images
from app.core.template import MAX_GRAPH
from app.core.texts import first_invisible
from app.core.tokens import HIDDEN
from app.core.validation.bounds import json_value
from app.core.validation.checks import (
    MAX_ATTEMPTS,
    MAX_IMAGE,
    MAX_SECONDS,
    NOT_FINITE,
    Problems,
    display_name,
    image,
    in_range,
)
from app.core.validation.command_checks import MAX_ARGUMENTS, VARIABLE, arguments, variables
from app.core.validation.job_option_checks import job_options
from app.core.workflow import MAX_TASKS, Position, WorkflowTask

MAX_TITLE = 200
PLAIN_SIZE = 8 * 1024
PLAIN_VARIABLES = 50
"""Up to these sizes no part of a command can exceed a limit."""


def workflow_tasks(tasks: Sequence[WorkflowTask]) -> Problems:
    """Check the fields of tasks. There may be thousands, so clearly valid ones get no closer look.

    A graph with too many tasks yields nothing here: `workflow_faults.find_faults` reports that.
    """
    if len(tasks) > MAX_TASKS:
        return
    large = 0
    for index, task in enumerate(tasks):
        if not is_clearly_valid(task):
            large += _size(task.command) if task.command else 0
            yield from workflow_task(task, "tasks", str(index))
    if large + len(tasks) * PLAIN_SIZE > MAX_GRAPH:
        total = sum(_size(task.command) for task in tasks if task.command)
        if total > MAX_GRAPH:
            message = f"All commands and variables together have {total} characters; the limit is {MAX_GRAPH}."
            yield InvalidInput(message=message, path=("tasks",))


def template_tasks(tasks: Sequence[WorkflowTask]) -> Problems:
    """Check the fields of a template's tasks. `template.faults` reports expressions in images."""
    return workflow_tasks([_without_expression(task) for task in tasks])


def _without_expression(task: WorkflowTask) -> WorkflowTask:
    step = task.command
    if step is None or step.image is None or expressions.first(step.image) is None:
        return task
    return replace(task, command=replace(step, image=None))


def _size(step: CommandStep) -> int:
    size = sum(map(len, step.command))
    maps = (step.env, step.job.labels, step.job.annotations, step.job.node_selector) if step.job else (step.env,)
    return size + sum(len(text) for texts in maps if texts for text in texts.values() if isinstance(text, str))


def workflow_task(task: WorkflowTask, *path: str) -> Problems:
    """Check the fields of one task."""
    yield from display_name(task.key, MAX_TITLE, *path, "key")
    yield from display_name(task.name, MAX_TITLE, *path, "name")
    if task.command is not None:
        yield from variables(task.command.env, *path, "command", "env")
        yield from image(task.command.image, *path, "command", "image")
        yield from arguments(task.command.command, *path, "command", "command")
        yield from job_options(task.command.job, *path, "command", "job")
    yield from json_value(task.payload, *path, "payload")
    if len(task.block_by) > MAX_TASKS:
        message = f"The task waits for {len(task.block_by)} tasks; a workflow has at most {MAX_TASKS}."
        yield InvalidInput(message=message, path=(*path, "blockBy"))
    yield from in_range(task.timeout_seconds, 1, MAX_SECONDS, *path, "timeoutSeconds")
    yield from in_range(task.max_attempts, 1, MAX_ATTEMPTS, *path, "maxAttempts")
    yield from position(task.position, *path, "position")


def position(value: Position | None, *path: str) -> Problems:
    """Check the position of a task in the editor: finite numbers."""
    if value is not None and not (math.isfinite(value.x) and math.isfinite(value.y)):
        yield InvalidInput(message=NOT_FINITE, path=path)


def is_clearly_valid(task: WorkflowTask) -> bool:
    """Tell quickly that a task is valid. False only means that `workflow_task` has to check it."""
    return (
        _is_plain_title(task.key)
        and _is_plain_title(task.name)
        and not task.payload
        and len(task.block_by) <= MAX_TASKS
        and 1 <= task.timeout_seconds <= MAX_SECONDS
        and 1 <= task.max_attempts <= MAX_ATTEMPTS
        and (task.position is None or next(position(task.position), None) is None)
        and (task.command is None or _is_plain_command(task.command))
    )


def _is_plain_title(value: str) -> bool:
    plain = 0 < len(value) <= MAX_TITLE and value.isprintable() and not value.isspace()
    return plain and (value.isascii() or first_invisible(value) is None)


def _is_plain_image(value: str) -> bool:
    return len(value) <= MAX_IMAGE and images.fault(value) is None


def _is_plain_command(step: CommandStep) -> bool:
    text = "".join(step.command)
    return (
        len(text) <= PLAIN_SIZE
        and text.isprintable()
        and len(step.command) <= MAX_ARGUMENTS
        and step.command != HIDDEN_COMMAND
        and step.job is None
        and (step.image is None or _is_plain_image(step.image))
        and (not step.env or _are_plain_variables(step))
    )


def _are_plain_variables(step: CommandStep) -> bool:
    return (
        len(step.env) <= PLAIN_VARIABLES
        and _size(step) <= PLAIN_SIZE
        and all(
            VARIABLE.fullmatch(name)
            and len(name) <= MAX_TITLE
            and not name.startswith("BOREAS_")
            and isinstance(content, str)
            and content.isprintable()
            and content != HIDDEN
            for name, content in step.env.items()
        )
    )
