"""The lines of a container's log over several connections, without a gap and without a double."""

import codecs
from collections import Counter
from datetime import UTC, datetime, timedelta

from app.core.logs import LinePart
from app.ports import LONG_LINE


class Tail:
    """Turns the chunks of a log with timestamps into lines. Knows where a new connection has to begin.

    A cluster can begin at a whole second only. Timestamps may be equal, and may go back a little where two streams
    meet. So a new connection begins a second before the latest timestamp, and as many lines as came since that second
    are skipped. A line that a broken connection cut off comes again whole. A long line that was passed on in pieces
    continues after the last piece.
    """

    def __init__(self) -> None:
        self._latest = ""
        self._second = ""
        self._seen: Counter[str] = Counter()
        self._skip = 0
        self._passed = 0
        self._begin()

    @property
    def since(self) -> str | None:
        """The second at which a new connection begins, as RFC 3339; None before the first line."""
        return f"{self._second}Z" if self._second else None

    def reconnect(self) -> None:
        """Expect the next chunk to begin at `since` again."""
        self._skip = self._seen.total()
        self._again = self._passed
        self._begin()

    def _begin(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._buffer = ""
        self._stamp: str | None = None
        self._again = self._passed

    def feed(self, chunk: bytes) -> list[str]:
        """Return the new lines that a chunk completes, and new pieces of very long lines."""
        self._buffer += self._decoder.decode(chunk)
        *whole, self._buffer = self._buffer.split("\n")
        lines = [out for line in whole for out in self._line(line)]
        if len(self._buffer) > LONG_LINE + 64:
            lines += self._piece()
        return lines

    def finish(self) -> list[str]:
        """Return the last line, which has no line end, once the log is complete."""
        rest, self._buffer = self._buffer, ""
        return self._line(rest) if rest else []

    def _open(self, text: str) -> str:
        """Take the timestamp from the beginning of a line."""
        if self._stamp is not None:
            return text
        stamp, space, rest = text.partition(" ")
        second = _second_of(stamp) if space else None
        self._stamp = second or self._latest
        return rest if second else text

    def _piece(self) -> list[str]:
        text = self._open(self._buffer)
        self._buffer = ""
        return self._fresh(text, more=True)

    def _line(self, text: str) -> list[str]:
        body = self._open(text).removesuffix("\r")
        out = self._fresh(body, more=False)
        second = self._stamp or ""
        self._stamp = None
        if self._skip:
            self._skip -= 1
            return []
        self._passed = self._again = 0
        if second > self._latest:
            self._latest, self._second = second, _second_before(second)
            counts = self._seen.items()
            self._seen = Counter({stamp: count for stamp, count in counts if stamp >= self._second})
        if second >= self._second:
            self._seen[second] += 1
        return out

    def _fresh(self, text: str, *, more: bool) -> list[str]:
        """Return the part of a line's text that was not passed on before, in pieces."""
        if self._skip:
            return []
        old = min(self._again, len(text))
        self._again -= old
        fresh = text[old:]
        begun = self._passed > 0
        if more:
            self._passed += len(fresh)
        pieces = [fresh[at : at + LONG_LINE] for at in range(0, len(fresh), LONG_LINE)]
        if begun or more or len(pieces) > 1:
            last = -1 if more else len(pieces) - 1
            return [LinePart(each, continues=begun or at > 0, goes_on=at != last) for at, each in enumerate(pieces)]
        return pieces or [""]


def _second_of(stamp: str) -> str | None:
    """Return the second of a timestamp in UTC, None where it is not one: nodes write their local time."""
    if len(stamp) < 20 or stamp[10] != "T":
        return None
    if stamp.endswith("Z"):
        return stamp[:19]
    try:
        return datetime.fromisoformat(stamp).astimezone(UTC).isoformat()[:19]
    except ValueError:
        return None


def _second_before(second: str) -> str:
    return (datetime.fromisoformat(second) - timedelta(seconds=1)).isoformat()
