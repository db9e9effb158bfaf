"""Expressions in texts: `${{ … }}`, from an opening to the next closing. Each text is read only once.

`$${{ … }}` stands for the literal text `${{ … }}`: before braces, two dollars stand for one.
"""

from collections.abc import Callable, Iterator

OPENING, CLOSING = "${{", "}}"
ESCAPED = "$${{ … }}"
SHOWN = 200
"""Characters of an expression that a message shows."""


def _closed(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield each closed expression: the index of its first dollar, of its last dollar, and of its end.

    An opening without a closing ends the search.
    """
    start, done = text.find(OPENING), 0
    while start >= 0:
        end = text.find(CLOSING, start + len(OPENING))
        if end < 0:
            return
        first = start
        while first > done and text[first - 1] == "$":
            first -= 1
        done = end + len(CLOSING)
        yield first, start, done
        start = text.find(OPENING, done)


def find_all(text: str) -> Iterator[str]:
    """Yield the expressions of a text, with their braces."""
    return (text[start:end] for first, start, end in _closed(text) if (start - first) % 2 == 0)


def first(text: str) -> str | None:
    """Return the first expression of a text, with its braces."""
    return next(find_all(text), None)


def replace(text: str, change: Callable[[str], str], limit: int) -> str:
    """Return a text with its expressions replaced and its escapes resolved.

    A result longer than `limit` is cut.
    """
    parts, done, size = list[str](), 0, 0
    for first, start, end in _closed(text):
        pairs, odd = divmod(start - first + 1, 2)
        parts += [text[done:first], "$" * pairs, change(text[start:end]) if odd else text[start + 1 : end]]
        done, size = end, size + sum(map(len, parts[-3:]))
        if size > limit:
            return "".join(parts)
    return "".join([*parts, text[done:]]) if parts else text


def unescape(text: str) -> str:
    """Return a text with its escapes resolved; other expressions stay unchanged."""
    return replace(text, str, len(text)) if OPENING in text else text


def escape(text: str) -> str:
    """Return the escaped form of a text, which `unescape` turns back into it."""
    if OPENING not in text:
        return text
    parts, done = list[str](), 0
    for first, start, end in _closed(text):
        parts += [text[done:first], "$" * (start - first + 1), text[first:end]]
        done = end
    return "".join([*parts, text[done:]])


def shortened(expression: str) -> str:
    """Return an expression as a message shows it."""
    return expression if len(expression) <= SHOWN else f"{expression[:SHOWN]}…"
