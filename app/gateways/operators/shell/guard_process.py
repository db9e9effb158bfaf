"""Kills process groups when the worker that started them dies or falls silent. A script of its own, to outlive it.

Its standard input is a pipe whose other end the worker holds. What it reads are lines:

    + GROUP START   kill this process group where needed; START is when its leader was started, as /proc tells, or ?
    ! GROUP START   the same, and the worker is ending it: kill what is left of it even after its leader has ended
    - GROUP         leave it alone from now on
    until SECONDS   the time on the system's monotonic clock up to which everything may run; a later one replaces it

The end of the input means that the worker is dead, in whatever way: all groups are killed and the guard ends. When the
time passes, the worker is frozen or cut off: all groups are killed, or forgotten where the leader has ended by itself
and left something running on purpose, and the guard goes on. It writes one byte when it is ready. Who starts it blocks
the signals that it shall survive: it would be too late to do that here.

A group whose number has gone to another process since is never hit where /proc tells: that leader has another START.
"""

import ctypes
import os
import select
import signal
import sys
import time
from contextlib import suppress

SET_DUMPABLE = 4
UNKNOWN = "?"
"""The START of a leader where the system does not tell."""


def look(number: int) -> tuple[str, bool] | None:
    """Return when process `number` was started (ticks since boot), and whether it runs; None where nothing tells.

    A process that was not reaped yet has ended, one whose first thread alone has ended runs.
    """
    try:
        descriptor = os.open(f"/proc/{number}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fields = os.read(descriptor, 4096).rpartition(b")")[2].decode().split()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return (fields[19], fields[0] not in "ZX" or int(fields[17]) > 1) if len(fields) > 19 else None


class Guard:
    """The groups to kill, and when."""

    def __init__(self) -> None:
        self._groups: dict[int, tuple[str, bool]] = {}
        self._until: float | None = None

    def serve(self, stream: int) -> None:
        """Read lines until they end, and kill when it is time."""
        rest = b""
        while True:
            if not select.select([stream], [], [], self._patience())[0]:
                self._kill(only_running=True)
                continue
            chunk = os.read(stream, 65536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._obey(line.decode(errors="replace").split())
        self._kill(only_running=False)

    def _patience(self) -> float | None:
        """Return the seconds until it is time to kill. What is to be read goes first, so late reading kills nobody."""
        if self._until is None or not self._groups:
            return None
        return min(max(self._until - time.monotonic(), 0.0), 3600.0)

    def _obey(self, words: list[str]) -> None:
        """Do what a line says; one that says nothing is left out."""
        try:
            match words:
                case ["+" | "!" as sign, group, start] if int(group) > 1:
                    self._groups[int(group)] = start, sign == "!"
                case ["-", group]:
                    self._groups.pop(int(group), None)
                case ["until", seconds]:
                    self._until = float(seconds)
        except ValueError:
            return

    def _kill(self, *, only_running: bool) -> None:
        for group, (start, ending) in self._groups.items():
            if _is_same(group, start, or_gone=ending or not only_running):
                with suppress(OSError):
                    os.killpg(group, signal.SIGKILL)
        self._groups.clear()


def _is_same(group: int, start: str, *, or_gone: bool) -> bool:
    """Return whether the leader is still the one registered and runs; with `or_gone`, also where it has ended.

    While a group has members its number goes to no other process, so a leader that is gone left only its own.
    """
    if start == UNKNOWN:
        return True
    found = look(group)
    if found is None:
        return or_gone
    started, runs = found
    return started == start and (or_gone or runs)


def _close_memory() -> None:
    """Close this process to others of the same user, such as the commands that it is to kill."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    _close_memory()
    with suppress(OSError):
        os.write(1, b".")
    Guard().serve(0)
    os._exit(0)
