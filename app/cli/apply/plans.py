"""What is to be done for a declaration: how it differs from what is there, and the calls that bring it in line."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.cli.apply.diff import Difference, differences
from app.cli.apply.files import Declared
from app.cli.client import Api, ApiError, Data

HIDDEN = "***"
"""What the API shows in place of what somebody may not see."""
Do = Callable[[Api], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a declaration changes. `exists` tells whether there is such an object; `steps` are taken in order."""

    declared: Declared
    exists: bool
    differences: tuple[Difference, ...]
    steps: tuple[Do, ...]

    @property
    def action(self) -> str:
        """CREATE, UPDATE or KEEP."""
        if not self.steps:
            return "KEEP"
        return "UPDATE" if self.exists else "CREATE"

    async def carry_out(self, api: Api) -> None:
        """Take every step. Raises ApiError, which says where the declaration stands."""
        try:
            for step in self.steps:
                await step(api)
        except ApiError as error:
            raise fault(self.declared, error.message) from error


def fault(declared: Declared, message: str) -> ApiError:
    """Return the error of a declaration."""
    return ApiError(f"{declared.place}, {declared.title}: {message}")


def refuse_hidden(declared: Declared, found: object, path: str = "") -> None:
    """Refuse to compare with what the API does not show: commands, variables and checks. Raises ApiError.

    A difference to `***` says nothing, and what people do not see they should not overwrite.
    """
    if isinstance(found, list):
        found = {str(index): each for index, each in enumerate(found) if not isinstance(each, str)}
    for name, value in found.items() if isinstance(found, Mapping) else ():
        place = f"{path}.{name}" if path else str(name)
        if value in (HIDDEN, [HIDDEN]):
            raise fault(
                declared,
                f"{place}: Your token may not see what it is. Come with one that is DEPLOYER on the application.",
            )
        refuse_hidden(declared, value, place)


def call(document: str, fields: Data) -> Do:
    """Return a step that is one mutation."""

    async def do(api: Api) -> None:
        await api.change(document, **fields)

    return do


def changed(found: Data | None, wanted: Data) -> tuple[Difference, ...]:
    """Return what differs; None: everything that is to be set."""
    return tuple(differences(found or {}, wanted))


def top_fields(found: Sequence[Difference], wanted: Data) -> dict[str, Any]:
    """Return the fields of an input that have a difference anywhere in them."""
    names = {difference.field.split(".", 1)[0] for difference in found}
    return {name: value for name, value in wanted.items() if name in names}
