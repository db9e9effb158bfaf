"""Runs one change for several objects."""

from collections.abc import Awaitable, Callable, Sequence

from app.cli.client import ApiError
from app.cli.printer import Printer


async def change_each(printer: Printer, texts: Sequence[str], change: Callable[[str], Awaitable[None]]) -> int:
    """Run a change for each object, and print the errors at the end. Return the exit status.

    For a single object, raises its ApiError.
    """
    errors: list[str] = []
    for text in texts:
        try:
            await change(text)
        except ApiError as error:
            if len(texts) == 1:
                raise
            errors.append(f"{text}: {error.message}")
    for message in errors:
        printer.note(f"Error: {message}")
    return 2 if errors else 0
