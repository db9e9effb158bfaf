"""Standard output and error: characters that the encoding lacks, and readers that close the pipe."""

import codecs
import io
import os
import sys
from pathlib import Path
from typing import NoReturn, TextIO

READER_GONE = 141
"""128 + SIGPIPE: the status that shells report for a program whose reader closed the pipe."""
WRITE_FAILED = 2
ASCII_SYMBOLS = {
    "✓": "+",
    "✗": "x",
    "▶": ">",
    "⊘": "-",
    "»": ">",
    "↺": "<",
    "·": ".",
    "│": "|",
    "→": "->",
    "…": "...",
    "“": '"',
    "”": '"',
    "’": "'",
    "–": "-",
}
"""Replacements for our own symbols where the encoding lacks them; every other character becomes `?`."""
ERROR_HANDLER = "boreas.ascii"


def _replace_missing(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(ASCII_SYMBOLS.get(character, "?") for character in missing), error.end


codecs.register_error(ERROR_HANDLER, _replace_missing)


class _Stream(io.TextIOWrapper):
    """Text output that replaces missing characters, and ends the process when its reader is gone."""

    ends_with_reader = False

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._end_process(error)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._end_process(error)

    def _end_process(self, error: OSError) -> NoReturn:
        """End at once, as a signal would: buffered text could not be written either."""
        if not self.ends_with_reader:
            raise error
        if not isinstance(error, BrokenPipeError):
            os.write(2, f"Error: The output cannot be written: {error.strerror}.\n".encode())
        os._exit(READER_GONE if isinstance(error, BrokenPipeError) else WRITE_FAILED)


def guard() -> None:
    """Replace the standard streams of this process by guarded ones."""
    sys.stdout, sys.stderr = _guarded(sys.stdout), _guarded(sys.stderr)


def _guarded(stream: TextIO | None) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if type(stream) is not io.TextIOWrapper:
        return stream
    encoding, line_buffering = stream.encoding, stream.line_buffering
    return _Stream(stream.detach(), encoding=encoding, errors=ERROR_HANDLER, line_buffering=line_buffering)


def end_with_reader() -> None:
    """End this process silently once nothing reads its output. Servers run on without a reader."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Stream):
            stream.ends_with_reader = True


def has_unicode() -> bool:
    """Return whether standard output can encode every character."""
    return (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "").startswith("utf")
