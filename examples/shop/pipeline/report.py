"""What the subcommands print, and how they fail."""

import sys


class ShopError(Exception):
    """A failure that the person or program at the other end can do something about; the text says what."""


def say(line: str = "") -> None:
    """One line of progress."""
    print(line)


def use_plain_streams() -> None:
    """Lines appear as they are written, also into a pipe, and no character can break them in a narrow locale."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]


def counted(number: int, noun: str) -> str:
    """Such as "1 file" or "12 files"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
