"""Expressions in texts: `${{ … }}`, from an opening to the next closing. Each text is read once, whatever it holds."""

from collections.abc import Callable, Iterator

OPENING, CLOSING = "${{", "}}"
SHOWN = 200
"""Characters of an expression that a message shows."""


def places(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each expression begins and ends. An opening that nothing closes is none, nor is any behind it."""
    start = text.find(OPENING)
    while start >= 0:
        end = text.find(CLOSING, start + len(OPENING))
        if end < 0:
            return
        end += len(CLOSING)
        yield start, end
        start = text.find(OPENING, end)


def first(text: str) -> str | None:
    """Return the first expression of a text, with its braces."""
    return next(every(text), None)


def every(text: str) -> Iterator[str]:
    """Yield the expressions of a text, with their braces."""
    return (text[start:end] for start, end in places(text))


def replaced(text: str, change: Callable[[str], str], limit: int) -> str:
    """Return a text with another one in place of each expression. What grows beyond `limit` is left off there."""
    found, done, size = [], 0, 0
    for start, end in places(text):
        found += [text[done:start], change(text[start:end])]
        done, size = end, size + len(found[-2]) + len(found[-1])
        if size > limit:
            return "".join(found)
    return "".join([*found, text[done:]]) if found else text


def shortened(expression: str) -> str:
    """Return an expression as a message shows it."""
    return expression if len(expression) <= SHOWN else f"{expression[:SHOWN]}…"
