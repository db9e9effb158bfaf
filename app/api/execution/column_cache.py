"""Columns that were loaded before, by the version of what they were read from.

Every change of a task is written together with its deployment, whose version it changes. So the version of a deployment
that was just read tells whether its cached columns are current; readers of a popular deployment share them.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from app.api.execution.columns import Columns
from app.api.execution.leaves import Column

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)
MAX_VALUES = 500_000
"""Values in the cache: each takes about 100 bytes, encoded and not. Long texts count as several."""
BYTES_PER_VALUE = 100


class ColumnCache(Generic[K, V]):
    """Columns by key, each of one version. The least recently used ones leave first."""

    def __init__(self, max_values: int = MAX_VALUES) -> None:
        self._max_values = max_values
        self._size = 0
        self._entries: OrderedDict[K, tuple[V, Columns, int]] = OrderedDict()

    def get(self, key: K, version: V) -> Columns | None:
        """Return the columns of exactly this version."""
        entry = self._entries.get(key)
        if entry is None or entry[0] != version:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: K, version: V, columns: Columns) -> None:
        """Keep columns, in place of those of another version."""
        replaced = self._entries.pop(key, None)
        size = columns.size + sum(map(_extra_size, columns.values))
        self._size += size - (replaced[2] if replaced else 0)
        self._entries[key] = version, columns, size
        while self._size > self._max_values:
            _, (_, _, dropped) = self._entries.popitem(last=False)
            self._size -= dropped


def _extra_size(column: Column) -> int:
    """Return how many values more a column counts for the length of its texts."""
    return sum(len(value) // BYTES_PER_VALUE for value in column if type(value) is str)
