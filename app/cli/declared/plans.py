"""What is to be done for a declaration: how it differs from what is there, and the calls that bring it in line."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.cli.client import Api, ApiError, Data
from app.cli.declared.diff import Difference, differences
from app.cli.declared.files import Declared

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
