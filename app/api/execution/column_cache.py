"""Columns of tasks as they were read before, kept for as long as nothing of them has changed.

Every change of a task is written together with its deployment, whose `mark` it changes. So whoever has read a
deployment knows by its mark which columns are those of that very moment, and most who look at one have company.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from app.api.execution.executor import Columns
from app.api.execution.leaves import Column
from app.store.tasks import Version

K = TypeVar("K", bound=Hashable)
ROOM = 500_000
"""How many values are kept: each takes about 100 bytes, encoded and not. Long texts count as so many more."""
EACH = 100


class ColumnCache(Generic[K]):
    """Columns by key, as of a mark. Of too many, those go that nobody has asked for the longest."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._size = 0
        self._columns: OrderedDict[K, tuple[Version, Columns, int]] = OrderedDict()

    def get(self, key: K, mark: Version) -> Columns | None:
        """Return what is kept as of just this mark."""
        found = self._columns.get(key)
        if found is None or found[0] != mark:
            return None
        self._columns.move_to_end(key)
        return found[1]

    def put(self, key: K, mark: Version, columns: Columns) -> None:
        """Keep columns, in place of those of another mark."""
        before = self._columns.pop(key, None)
        size = columns.size + sum(map(_excess, columns.values))
        self._size += size - (before[2] if before else 0)
        self._columns[key] = mark, columns, size
        while self._size > self._room:
            _, (_, _, dropped) = self._columns.popitem(last=False)
            self._size -= dropped


def _excess(column: Column) -> int:
    """Return how many values more a column counts for the length of its texts."""
    return sum(len(value) // EACH for value in column if type(value) is str)
