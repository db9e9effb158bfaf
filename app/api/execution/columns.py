"""Values of many objects, a list per attribute, and lists of objects that are loaded as columns."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.api.execution.leaves import Column
from app.api.execution.selections import SelectedFields

MAX_ENCODINGS = 4
"""Encodings that are kept of the same columns."""


@dataclass(slots=True)
class Columns:
    """Values of many objects, a list per attribute: loaded once for all operations that want the same.

    `encodings` are the encoded objects by the identity of the selected fields, which an entry keeps alive.
    """

    values: Sequence[Column]
    encodings: dict[int, tuple[SelectedFields, Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of values."""
        return sum(map(len, self.values))

    def keep_encoding(self, fields: SelectedFields, encoded: Any) -> None:
        """Keep the objects as they are encoded for `fields`; the oldest encoding leaves first."""
        if len(self.encodings) >= MAX_ENCODINGS:
            del self.encodings[next(iter(self.encodings))]
        self.encodings[id(fields)] = fields, encoded


class Unloaded(ABC):
    """A list that a resolver returns unloaded: the executor loads only the selected fields.

    Plain graphql-core loads the objects, by iterating. `ATTRIBUTES` can be loaded without the objects.
    """

    ATTRIBUTES: ClassVar[frozenset[str]]

    @abstractmethod
    async def objects(self) -> list[Any]:
        """Load the objects."""

    @abstractmethod
    async def columns(self, attributes: tuple[str, ...]) -> Columns:
        """Load the values of some attributes of all objects."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        for loaded in await self.objects():
            yield loaded
