"""Standard output and error: characters that a terminal does not have, and readers that leave."""

import codecs
import io
import os
import sys
from pathlib import Path
from typing import NoReturn, TextIO

READER_GONE = 141
"""128 + SIGPIPE: what a shell reports of any program whose reader has left."""
REFUSED = 2
PLAIN = {
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
"""What stands for our own symbols where the encoding does not have them; all other characters become `?`."""
REPLACING = "boreas.plain"


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in missing), error.end


codecs.register_error(REPLACING, _plain)


class _Stream(io.TextIOWrapper):
    """Text output that writes what it can, and ends the process when nobody reads it any more."""

    ends_with_reader = False

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._end(error)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._end(error)

    def _end(self, error: OSError) -> NoReturn:
        """End at once, as a signal would: nothing that is still to be written could be."""
        if not self.ends_with_reader:
            raise error
        if not isinstance(error, BrokenPipeError):
            os.write(2, f"Error: The output cannot be written: {error.strerror}.\n".encode())
        os._exit(READER_GONE if isinstance(error, BrokenPipeError) else REFUSED)


def guard() -> None:
    """Take over the streams of this process."""
    sys.stdout, sys.stderr = _guarded(sys.stdout), _guarded(sys.stderr)


def _guarded(stream: TextIO | None) -> TextIO:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if type(stream) is not io.TextIOWrapper:
        return stream
    encoding, line_buffering = stream.encoding, stream.line_buffering
    return _Stream(stream.detach(), encoding=encoding, errors=REPLACING, line_buffering=line_buffering)


def end_with_reader() -> None:
    """End this process quietly once nobody reads its output. Servers go on without."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Stream):
            stream.ends_with_reader = True


def has_unicode() -> bool:
    """Tell whether standard output takes every character."""
    return (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "").startswith("utf")
