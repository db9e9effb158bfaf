"""Printing and errors of the subcommands."""

import sys


class ShopError(Exception):
    """An expected failure; the message says what to do."""


def say(line: str = "") -> None:
    """Prints a line of progress."""
    print(line)


def use_plain_streams() -> None:
    """Flushes each line, also into a pipe, and escapes characters that the locale lacks."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun, such as "1 file" or "12 files"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
