"""The plan of a document: the differences to what exists, and the mutations that remove them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.cli.apply.diff import Difference, differences
from app.cli.apply.files import Document
from app.cli.client import Api, ApiError, Data

HIDDEN = "***"
"""What the API shows instead of values that the token may not see."""
Step = Callable[[Api], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a document changes. `exists`: whether the object exists; `steps` run in order."""

    document: Document
    exists: bool
    differences: tuple[Difference, ...]
    steps: tuple[Step, ...]

    @property
    def action(self) -> str:
        """CREATE, UPDATE or KEEP."""
        if not self.steps:
            return "KEEP"
        return "UPDATE" if self.exists else "CREATE"

    async def carry_out(self, api: Api) -> None:
        """Run every step. Raises ApiError, which names the document."""
        try:
            for step in self.steps:
                await step(api)
        except ApiError as error:
            raise document_error(self.document, error.message) from error


def document_error(document: Document, message: str) -> ApiError:
    """Return an error that names the document."""
    return ApiError(f"{document.place}, {document.title}: {message}")


def refuse_hidden(document: Document, current: object, path: str = "") -> None:
    """Refuse to compare with hidden values: commands, variables and checks. Raises ApiError.

    A difference to `***` means nothing, and people should not overwrite what they cannot see.
    """
    if isinstance(current, list):
        current = {str(index): item for index, item in enumerate(current) if not isinstance(item, str)}
    for name, value in current.items() if isinstance(current, Mapping) else ():
        value_path = f"{path}.{name}" if path else str(name)
        if value in (HIDDEN, [HIDDEN]):
            raise document_error(
                document,
                f"{value_path}: Your token may not see the current value. Use a token with the role DEPLOYER on the "
                "application.",
            )
        refuse_hidden(document, value, value_path)


def mutation(document: str, fields: Data) -> Step:
    """Return a step that runs one mutation."""

    async def run(api: Api) -> None:
        await api.mutate(document, **fields)

    return run


def changes(current: Data | None, declared: Data) -> tuple[Difference, ...]:
    """Return how declared fields differ from the current ones, if any."""
    return tuple(differences(current or {}, declared))


def top_fields(changed: Sequence[Difference], declared: Data) -> dict[str, Any]:
    """Return the fields of an input that contain a difference."""
    names = {difference.field.split(".", 1)[0] for difference in changed}
    return {name: value for name, value in declared.items() if name in names}
