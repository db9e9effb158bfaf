"""Expressions in applications: applications have no parameters, so a command with one could never run."""

from collections.abc import Iterator, Mapping, Sequence

from app.core import expressions
from app.core.application import Application
from app.core.errors import InvalidInput, Path, Problem
from app.core.expressions import ESCAPED, shortened


def problems(application: Application) -> Iterator[Problem]:
    """Yield every place of an application that holds an expression."""
    for name in ("build", "test"):
        step = getattr(application, name)
        if step is not None:
            yield from _command(step.command, name, "command")
            yield from _variables(step.env, name, "env")
    if application.shell is not None:
        yield from _command(application.shell.command, "shell", "command")
        yield from _command(application.shell.rollback_command or (), "shell", "rollbackCommand")
    if application.health_check is not None:
        yield from _command(application.health_check.command or (), "healthCheck", "command")


def _command(command: Sequence[str], *path: str) -> Iterator[Problem]:
    first = next((first for argument in command if (first := expressions.first(argument))), None)
    if first is not None:
        yield _problem(first, path)


def _variables(variables: Mapping[str, object], *path: str) -> Iterator[Problem]:
    for name, content in variables.items():
        first = expressions.first(content) if isinstance(content, str) else None
        if first is not None:
            yield _problem(first, (*path, name))


def _problem(expression: str, path: Path) -> Problem:
    message = (
        f"The value contains {shortened(expression)}, but only templates have parameters. For the literal text, "
        f"write {ESCAPED}."
    )
    return InvalidInput(message=message, path=path)
