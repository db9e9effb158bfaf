"""Parts of ordered lists, as they are asked for page by page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Up to `limit` items behind the position `after` and before the position `before`.

    They are counted from the start of what is left, or (not `forward`) from its end; either way they come in the order
    of the list.
    """

    limit: int
    after: str | None = None
    before: str | None = None
    forward: bool = True
