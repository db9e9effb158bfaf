"""Templates: named graphs with parameters, in numbered versions that never change.

A name, an argument of a command or a value of its environment may hold `${{ parameters.NAME }}`. Each is replaced, once
and exactly, by the value that is given for the parameter; there is no other expression. `$${{ … }}` stands for the text
`${{ … }}` itself, also in what is made of a template, until the command is run.
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
TEXT = f"Where the text itself is meant, write {ESCAPED}."
MAX_VALUE = 10_000
"""Characters of a value of a parameter."""
MAX_GIVEN = 1000
"""Values that are given at once, whatever they are for."""
MAX_FILLED = 128 * 1024
"""Characters of a text with its parameters filled in: what an argument may hold."""
MAX_GRAPH = 16 * 1024 * 1024
"""Characters of all commands and variables of a graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What users of a template say. Without a value it is `default`, or else empty, unless it is `required`."""

    name: str
    description: str = ""
    default: str | None = None
    required: bool = False
    choices: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A named graph. One that is archived stays readable, and nothing is made from it any more."""

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
    """Return the name of the parameter that an expression, with its braces, stands for; None: it is none of ours."""
    found = REFERENCE.fullmatch(expression[3:-2].strip())
    return found[1] if found else None


def fill(tasks: Sequence[WorkflowTask], values: Values) -> tuple[WorkflowTask, ...]:
    """Return tasks with the values in place of their parameters. A text in which one has no value stays as it is.

    Texts that grow beyond what a command or a graph may hold are left off there: what they are checked for is refused.
    """

    def value(expression: str) -> str:
        return values[reference(expression) or ""]

    room = MAX_GRAPH

    def change(text: str) -> str:
        nonlocal room
        made = text
        if all(reference(found) in values for found in expressions.find_all(text)):
            made = expressions.escape(expressions.replace(text, value, min(room, MAX_FILLED)))
        room = max(0, room - len(made))
        return made

    return tuple(_mapped(task, change) for task in tasks)


def without_expressions(tasks: Sequence[WorkflowTask]) -> tuple[WorkflowTask, ...]:
    """Return tasks with every expression in the places for them replaced: what else is wrong with them can be told."""
    return tuple(_mapped(task, lambda text: expressions.replace(text, lambda _: "-", MAX_GRAPH)) for task in tasks)


def _mapped(task: WorkflowTask, change: Callable[[str], str]) -> WorkflowTask:
    step = task.command
    if step is not None:
        command = tuple(change(argument) for argument in step.command)
        step = replace(step, command=command, env={name: change(value) for name, value in step.env.items()})
    return replace(task, name=change(task.name), command=step)


def expressions_of(task: WorkflowTask) -> dict[str, None]:
    """Return the expressions that a task holds in the places for them, in their order."""
    step = task.command
    texts = [task.name, *(step.command if step else ()), *(step.env.values() if step else ())]
    return dict.fromkeys(found for text in texts for found in expressions.find_all(text))


def faults(tasks: Sequence[WorkflowTask], parameters: Sequence[Parameter]) -> Iterator[WorkflowFault]:
    """Yield a fault for each expression that is no use of a declared parameter, or stands where none is replaced."""
    declared = {parameter.name for parameter in parameters}
    for task in tasks:
        for expression in expressions_of(task):
            name = reference(expression)
            if name is None:
                yield _fault(task, f"holds {shortened(expression)}; the only expression there is is {WRITTEN}. {TEXT}")
            elif name not in declared:
                yield _fault(task, f"uses the parameter “{name[:200]}”, which is not declared.")
        for text in _elsewhere(task):
            for expression in expressions.find_all(text):
                yield _fault(
                    task,
                    f"holds {shortened(expression)} where nothing is replaced: only in names, commands and env.",
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
    waiting: list[Any] = [task.payload, task.command and task.command.job]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, JobOptions | JobResources | Toleration):
            waiting += [getattr(one, field.name) for field in fields(one)]
        elif isinstance(one, Mapping):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one


def values(parameters: Sequence[Parameter], given: Mapping[str, object]) -> Values:
    """Return the value of each parameter that has one; what is wrong with those given is for `problems`."""
    known: dict[str, str] = {}
    for parameter in parameters:
        value = given.get(parameter.name, parameter.default)
        if value is None and not parameter.required:
            value = ""
        if isinstance(value, str):
            known[parameter.name] = value
    return known


def problems(
    tasks: Sequence[WorkflowTask], parameters: Sequence[Parameter], given: Mapping[str, object]
) -> Iterator[Problem]:
    """Yield what is wrong with the values given for a template's parameters."""
    declared = {parameter.name: parameter for parameter in parameters}
    if len(given) > MAX_GIVEN:
        message = f"{len(given)} values are given; at most {MAX_GIVEN} are taken."
        yield InvalidInput(message=message, path=("parameters",))
        return
    for name, value in given.items():
        path = ("parameters", name)
        if name not in declared:
            message = f"The template has no parameter “{name[:200]}”."
            yield WorkflowFault(kind=FaultKind.MISSING_PARAMETER, message=message, task_keys=(), path=path)
        elif not isinstance(value, str):
            yield InvalidInput(message="The value of a parameter is a string.", path=path)
        else:
            yield from value_problems(value, declared[name].choices, path)
    has = values(parameters, given)
    for name in [each for each in declared if each not in has and each not in given]:
        users = tuple(task.key for task in tasks if any(reference(each) == name for each in expressions_of(task)))
        message = f"The parameter “{name}” has no default: give its value."
        yield WorkflowFault(
            kind=FaultKind.MISSING_PARAMETER, message=message, task_keys=users, path=("parameters", name)
        )


def value_problems(value: str, choices: Sequence[str] | None, path: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what is wrong with one value."""
    if len(value) > MAX_VALUE:
        yield InvalidInput(message=f"It has {len(value)} characters; at most {MAX_VALUE} are taken.", path=path)
    if choices is not None and value not in choices:
        yield InvalidInput(message=f"It takes one of: {', '.join(choices)[:1000]}.", path=path)
    if expressions.first(value) is not None:
        yield InvalidInput(message="A value is used as it is: it can not hold an expression.", path=path)
