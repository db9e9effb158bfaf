"""Expressions where nothing is filled in: an application has no parameters, so none of its commands could be run."""

from collections.abc import Iterator, Mapping, Sequence

from app.core import expressions
from app.core.application import Application
from app.core.errors import InvalidInput, Problem
from app.core.expressions import ESCAPED, shortened

Place = tuple[str, ...]


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
    found = next((found for argument in command if (found := expressions.first(argument))), None)
    if found is not None:
        yield _problem(found, path)


def _variables(variables: Mapping[str, object], *path: str) -> Iterator[Problem]:
    for name, content in variables.items():
        found = expressions.first(content) if isinstance(content, str) else None
        if found is not None:
            yield _problem(found, (*path, name))


def _problem(expression: str, path: Place) -> Problem:
    message = (
        f"It holds {shortened(expression)}; only templates have parameters. Where the text itself is meant, "
        f"write {ESCAPED}."
    )
    return InvalidInput(message=message, path=path)
