"""Runs one program, and stops it when the starter is gone. A script of its own, to start quickly.

    process_wrapper.py STOP_SIGNAL SECONDS SCOPE USER -- PROGRAM ARGUMENTS…

Its standard input is a pipe whose other end the starter holds. When that end is closed, or on SIGTERM, the wrapper
sends STOP_SIGNAL to the program (SCOPE `program`) or to its process group (`group`), and SIGKILL to the group after
SECONDS. The kernel closes the pipe however the starter dies. USER is the account of the program, `-` for the same. The
wrapper exits with the status of the program, or with 128 plus the number of the signal that ended it.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

SET_DUMPABLE = 4


class ProcessWrapper:
    """The program, and the ways to stop it."""

    def __init__(self, stop_signal: str, seconds: str, scope: str, user: str) -> None:
        self._stop_signal = signal.Signals[f"SIG{stop_signal}"]
        self._seconds = float(seconds)
        self._stops_group = scope == "group"
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def run(self, command: list[str]) -> int:
        """Run the program to its end, and return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM):
            signal.signal(number, self._receive)
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **self._account())
        except OSError as error:
            sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}\n")
            return 127
        if self._stopping:
            self._send_stop()
        threading.Thread(target=_wait_for_starter, daemon=True).start()
        status = self._process.wait()
        if self._stopping and self._stops_group:
            os.killpg(0, signal.SIGKILL)
        return status if status >= 0 else 128 - status

    def _account(self) -> dict[str, Any]:
        if self._user == "-":
            return {}
        account = pwd.getpwnam(self._user)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGALRM:
            os.killpg(0, signal.SIGKILL)
        if number == signal.SIGTERM and not self._stopping:
            self._stopping = True
            if self._process is not None:
                self._send_stop()

    def _send_stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, max(self._seconds, 0.001))
        if self._stops_group:
            os.killpg(0, self._stop_signal)
        elif self._process is not None:
            self._process.send_signal(self._stop_signal)


def _wait_for_starter() -> None:
    """Send SIGTERM to this process when the pipe of the starter is closed."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _protect_memory() -> None:
    """Hide the environment, which the program gets, from other processes of the same user."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)


if __name__ == "__main__":
    _protect_memory()
    options, program = sys.argv[1:5], sys.argv[6:]
    sys.exit(ProcessWrapper(*options).run(program))
