"""Templates: named graphs with parameters, in numbered versions that never change.

A name, an argument of a command or a value of its environment may contain `${{ parameters.NAME }}`. It is replaced
once, by the exact value of the parameter; no other expressions exist. `$${{ … }}` stands for the literal text
`${{ … }}`, also in tasks made from a template, until the command runs.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from app.core import expressions
from app.core.errors import FaultKind, InvalidInput, Problem, WorkflowFault
from app.core.expressions import ESCAPED, shortened
from app.core.job_options import JobOptions, JobResources, Toleration
from app.core.workflow import WorkflowTask

REFERENCE = re.compile(r"parameters\.([A-Za-z_][A-Za-z0-9_-]*)")
WRITTEN = "${{ parameters.NAME }}"
LITERAL_HINT = f"For the literal text, write {ESCAPED}."
MAX_VALUE = 10_000
"""Characters of the value of a parameter."""
MAX_GIVEN = 1000
"""Values in one request."""
MAX_FILLED = 128 * 1024
"""Characters of a text with its parameters filled in: the limit of an argument."""
MAX_GRAPH = 16 * 1024 * 1024
"""Characters of all commands and variables of a graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a template. Without a value it is `default`, or else empty, unless it is `required`."""

    name: str
    description: str = ""
    default: str | None = None
    required: bool = False
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A named graph. An archived one stays readable, but cannot be used for new deployments."""

    id: str
    name: str
    description: str
    archived_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateVersion:
    """One version of a template, numbered from 1, without its tasks."""

    id: str
    template_id: str
    number: int
    author: str
    created_at: datetime
    note: str
    parameters: tuple[Parameter, ...]


Values = Mapping[str, str]


def reference(expression: str) -> str | None:
    """Return the name of the parameter that an expression, with its braces, refers to, or None if invalid."""
    match = REFERENCE.fullmatch(expression[3:-2].strip())
    return match[1] if match else None


def fill(tasks: Sequence[WorkflowTask], values: Values) -> tuple[WorkflowTask, ...]:
    """Return tasks with values in place of parameters; texts with a missing value stay unchanged.

    Texts are cut once they exceed the limits of a command or a graph; the checks that follow refuse them.
    """

    def value(expression: str) -> str:
        return values[reference(expression) or ""]

    room = MAX_GRAPH

    def change(text: str) -> str:
        nonlocal room
        filled = text
        if all(reference(expression) in values for expression in expressions.find_all(text)):
            filled = expressions.escape(expressions.replace(text, value, min(room, MAX_FILLED)))
        room = max(0, room - len(filled))
        return filled

    return tuple(_mapped(task, change) for task in tasks)


def without_expressions(tasks: Sequence[WorkflowTask]) -> tuple[WorkflowTask, ...]:
    """Return tasks with a placeholder for every expression, so that other faults can be found."""
    return tuple(_mapped(task, lambda text: expressions.replace(text, lambda _: "-", MAX_GRAPH)) for task in tasks)


def _mapped(task: WorkflowTask, change: Callable[[str], str]) -> WorkflowTask:
    step = task.command
    if step is not None:
        command = tuple(change(argument) for argument in step.command)
        step = replace(step, command=command, env={name: change(value) for name, value in step.env.items()})
    return replace(task, name=change(task.name), command=step)


def expressions_of(task: WorkflowTask) -> dict[str, None]:
    """Return the expressions of a task in the places where they are allowed, in order."""
    step = task.command
    texts = [task.name, *(step.command if step else ()), *(step.env.values() if step else ())]
    return dict.fromkeys(expression for text in texts for expression in expressions.find_all(text))


def faults(tasks: Sequence[WorkflowTask], parameters: Sequence[Parameter]) -> Iterator[WorkflowFault]:
    """Yield a fault for each expression without a declared parameter, or in a place where none is allowed."""
    declared = {parameter.name for parameter in parameters}
    for task in tasks:
        for expression in expressions_of(task):
            name = reference(expression)
            if name is None:
                yield _fault(
                    task, f"contains {shortened(expression)}; the only valid expression is {WRITTEN}. {LITERAL_HINT}"
                )
            elif name not in declared:
                yield _fault(task, f"uses the parameter “{name[:200]}”, which is not declared.")
        for text in _elsewhere(task):
            for expression in expressions.find_all(text):
                yield _fault(
                    task,
                    f"contains {shortened(expression)} in a place where expressions are not allowed: use them only in "
                    "names, commands and env.",
                )


def _fault(task: WorkflowTask, message: str) -> WorkflowFault:
    return WorkflowFault(
        kind=FaultKind.MISSING_PARAMETER, message=f"“{task.key}” {message}", task_keys=(task.key,), path=("tasks",)
    )


def _elsewhere(task: WorkflowTask) -> Iterator[str]:
    yield task.key
    yield from task.block_by
    if task.command and task.command.image:
        yield task.command.image
    pending: list[Any] = [task.payload, task.command and task.command.job]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, JobOptions | JobResources | Toleration):
            pending += [getattr(value, field.name) for field in fields(value)]
        elif isinstance(value, Mapping):
            pending += [*value, *value.values()]
        elif isinstance(value, list | tuple):
            pending += value


def values(parameters: Sequence[Parameter], given: Mapping[str, object]) -> Values:
    """Return the value of each parameter that has one; `problems` reports invalid ones."""
    result: dict[str, str] = {}
    for parameter in parameters:
        value = given.get(parameter.name, parameter.default)
        if value is None and not parameter.required:
            value = ""
        if isinstance(value, str):
            result[parameter.name] = value
    return result


def problems(
    tasks: Sequence[WorkflowTask], parameters: Sequence[Parameter], given: Mapping[str, object]
) -> Iterator[Problem]:
    """Yield the problems of the values given for a template's parameters."""
    declared = {parameter.name: parameter for parameter in parameters}
    if len(given) > MAX_GIVEN:
        message = f"{len(given)} parameter values are given; the limit is {MAX_GIVEN}."
        yield InvalidInput(message=message, path=("parameters",))
        return
    for name, value in given.items():
        path = ("parameters", name)
        if name not in declared:
            message = f"The template has no parameter “{name[:200]}”."
            yield WorkflowFault(kind=FaultKind.MISSING_PARAMETER, message=message, task_keys=(), path=path)
        elif not isinstance(value, str):
            yield InvalidInput(message="The value of a parameter must be a string.", path=path)
        else:
            yield from value_problems(value, declared[name].choices, path)
    complete = values(parameters, given)
    for name in [name for name in declared if name not in complete and name not in given]:
        users = tuple(
            task.key for task in tasks if any(reference(expression) == name for expression in expressions_of(task))
        )
        message = f"The parameter “{name}” has no default: give it a value."
        yield WorkflowFault(
            kind=FaultKind.MISSING_PARAMETER, message=message, task_keys=users, path=("parameters", name)
        )


def value_problems(value: str, choices: Sequence[str] | None, path: tuple[str, ...]) -> Iterator[Problem]:
    """Yield the problems of one value."""
    if len(value) > MAX_VALUE:
        yield InvalidInput(message=f"The value has {len(value)} characters; the limit is {MAX_VALUE}.", path=path)
    if choices is not None and value not in choices:
        yield InvalidInput(message=f"The value must be one of: {', '.join(choices)[:1000]}.", path=path)
    if expressions.first(value) is not None:
        yield InvalidInput(message="The value must not contain an expression: values are used unchanged.", path=path)
