"""Checks of the parameters that a template declares."""

import re
from collections.abc import Sequence

from app.core.errors import InvalidInput
from app.core.template import Parameter, value_problems
from app.core.validation.checks import LABEL_LENGTH, Problems, in_range, text

PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
MAX_PARAMETERS = 100
MAX_CHOICES = 100


def parameters(values: Sequence[Parameter]) -> Problems:
    """Check names, descriptions, choices and defaults of parameters."""
    yield from in_range(len(values), 0, MAX_PARAMETERS, "parameters")
    names: set[str] = set()
    for index, parameter in enumerate(values):
        path = ("parameters", str(index))
        if len(parameter.name) > LABEL_LENGTH or not PARAMETER.fullmatch(parameter.name):
            message = (
                f"“{parameter.name[:80]}” is not a valid parameter name: use 1 to 63 letters, digits, _ and -, "
                "starting with a letter or _."
            )
            yield InvalidInput(message=message, path=(*path, "name"))
        if parameter.name in names:
            yield InvalidInput(message=f"“{parameter.name[:80]}” is declared twice.", path=(*path, "name"))
        names.add(parameter.name)
        yield from _values(parameter, *path)


def _values(parameter: Parameter, *path: str) -> Problems:
    yield from text(parameter.description, *path, "description")
    if parameter.choices is not None:
        yield from in_range(len(parameter.choices), 1, MAX_CHOICES, *path, "choices")
        for choice in parameter.choices:
            yield from text(choice, *path, "choices")
            yield from value_problems(choice, None, (*path, "choices"))
    if parameter.default is not None:
        yield from text(parameter.default, *path, "default")
        yield from value_problems(parameter.default, parameter.choices, (*path, "default"))
