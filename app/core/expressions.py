"""Expressions in texts: `${{ … }}`, from an opening to the next closing. Each text is read once, whatever it holds.

`$${{ … }}` stands for the text `${{ … }}` itself: of the dollars before braces, each two stand for one.
"""

from collections.abc import Callable, Iterator

OPENING, CLOSING = "${{", "}}"
ESCAPED = "$${{ … }}"
SHOWN = 200
"""Characters of an expression that a message shows."""


def _closed(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield each opening that is closed: where its dollars begin, where the last of them is, and where it ends.

    An opening that nothing closes is none, nor is any behind it.
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
    """Return what a text stands for, with another one in place of each expression.

    What grows beyond `limit` is left off there.
    """
    found, done, size = list[str](), 0, 0
    for first, start, end in _closed(text):
        pairs, odd = divmod(start - first + 1, 2)
        found += [text[done:first], "$" * pairs, change(text[start:end]) if odd else text[start + 1 : end]]
        done, size = end, size + sum(map(len, found[-3:]))
        if size > limit:
            return "".join(found)
    return "".join([*found, text[done:]]) if found else text


def unescape(text: str) -> str:
    """Return what a text stands for. Expressions that are left in it stay as they are."""
    return replace(text, str, len(text)) if OPENING in text else text


def escape(text: str) -> str:
    """Return a text that stands for this one."""
    if OPENING not in text:
        return text
    found, done = list[str](), 0
    for first, start, end in _closed(text):
        found += [text[done:first], "$" * (start - first + 1), text[first:end]]
        done = end
    return "".join([*found, text[done:]])


def shortened(expression: str) -> str:
    """Return an expression as a message shows it."""
    return expression if len(expression) <= SHOWN else f"{expression[:SHOWN]}…"
