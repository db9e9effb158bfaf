"""Which short cuts the executor takes.

Each gives the answer that graphql-core's own executor gives, in less time.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """Each field is a short cut that can be switched off."""

    prepared: bool = True
    """Queries that were answered before skip Strawberry's pipeline and keep their collected fields."""
    columns: bool = True
    """Lists that are loaded by the executor are read from the database by column, and encoded at once."""
    cache: bool = True
    """Columns are kept by the version of what they were read from."""
    coalescing: bool = True
    """Operations that load at the same moment share a statement."""
    leaves: bool = True
    """Plain fields of the items of a list are completed column by column."""
    objects: bool = True
    """Plain fields of a single object are completed without a call per field."""
    variables: bool = True
    """Long lists of input objects are built in one pass."""

    def without(self, names: Collection[str]) -> "Shortcuts":
        """Return them without some. Raises ValueError for an unknown name."""
        existing = [field.name for field in fields(self)]
        unknown = sorted(set(names) - set(existing))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such short cut; there are {', '.join(existing)}")
        return replace(self, **dict.fromkeys(names, False))


FAST = Shortcuts()
PLAIN = FAST.without([field.name for field in fields(Shortcuts)])
EXECUTORS = {"fast": FAST, "plain": PLAIN}
"""The short cuts by the name of the executor, as the setting BOREAS_EXECUTOR gives it."""
