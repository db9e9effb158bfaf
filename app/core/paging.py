"""Pages of ordered lists."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Requests up to `limit` items after the position `after` and before the position `before`.

    They are the first items of that range, or the last ones if not `forward`; always in the order of the list.
    """

    limit: int
    after: str | None = None
    before: str | None = None
    forward: bool = True
