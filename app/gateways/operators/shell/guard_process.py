"""Kills process groups when their worker dies or its lease expires. A script of its own, to outlive the worker.

The worker holds the other end of its standard input, and writes lines:

    + GROUP START   register a process group; START is the start time of its leader from /proc, or ?
    ! GROUP START   the same, and the worker is stopping it: kill its rest even after its leader has ended
    - GROUP         unregister it
    until SECONDS   the end of the lease, on the system's monotonic clock; a later line replaces it

The end of the input means that the worker is dead: the guard kills all groups and ends. The end of the lease means
that the worker is frozen or cut off: the guard kills the groups and goes on. It spares groups whose leader has ended
and left processes running on purpose. It writes one byte when it is ready. Its parent blocks the signals that it must
survive, as blocking them here would be too late.

Where /proc has the start time, a group whose number was reused since is never killed: its leader has another START.
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
"""The START of a leader where the system does not have it."""


def process_status(number: int) -> tuple[str, bool] | None:
    """Return the start time of a process (ticks since boot), and whether it runs; None where /proc does not have it.

    A zombie has ended. A process whose first thread has ended runs while it has others.
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
    """The registered groups, and the end of the lease."""

    def __init__(self) -> None:
        self._groups: dict[int, tuple[str, bool]] = {}
        self._until: float | None = None

    def serve(self, stream: int) -> None:
        """Read lines until the input ends, and kill when the lease ends."""
        rest = b""
        while True:
            if not select.select([stream], [], [], self._seconds_left())[0]:
                self._kill(only_running=True)
                continue
            chunk = os.read(stream, 65536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._handle(line.decode(errors="replace").split())
        self._kill(only_running=False)

    def _seconds_left(self) -> float | None:
        """Return the seconds until the lease ends. Lines that wait are read first, so a late read kills nothing."""
        if self._until is None or not self._groups:
            return None
        return min(max(self._until - time.monotonic(), 0.0), 3600.0)

    def _handle(self, words: list[str]) -> None:
        """Handle a line. Invalid lines are ignored."""
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
        for group, (start, is_ending) in self._groups.items():
            if _is_same(group, start, or_gone=is_ending or not only_running):
                with suppress(OSError):
                    os.killpg(group, signal.SIGKILL)
        self._groups.clear()


def _is_same(group: int, start: str, *, or_gone: bool) -> bool:
    """Return whether the leader is still the registered one and runs; with `or_gone`, also where it has ended.

    The number of a group is not reused while the group has members, so what an ended leader left is its own.
    """
    if start == UNKNOWN:
        return True
    status = process_status(group)
    if status is None:
        return or_gone
    started, is_running = status
    return started == start and (or_gone or is_running)


def _close_memory() -> None:
    """Deny other processes of the same user access to this one: the commands that it guards are such."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    _close_memory()
    with suppress(OSError):
        os.write(1, b".")
    Guard().serve(0)
    os._exit(0)
