"""The worker's side of the spawner: starts it, asks it for processes, and waits for what it started."""

import errno
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from marshal import dumps
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import Protocol

from app.gateways.operators.shell import spawner_process as script
from app.gateways.operators.shell.accounts import Account
from app.gateways.operators.shell.open_files import given_back

_ANSWER_SECONDS = 30.0
"""How long a spawner may take to start a command: milliseconds, unless somebody froze it."""

UMASK = 0o077
"""What another user writes is closed to everybody else."""


class Process(Protocol):
    """A child of ours, as `subprocess.Popen` and `SpawnerClient` are."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    returncode: int | None

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return how it ended. Raises TimeoutExpired."""
        ...


class SpawnerClient:
    """A process that a spawner started: a child of this process, like any other."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.returncode: int | None = None

    @property
    def pid(self) -> int:
        """Its number."""
        return self._number

    def poll(self) -> int | None:
        """Return how it ended, a signal's number below zero; None while it runs."""
        return self._look(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return how it ended. Raises TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout
        while (code := self._look(os.WNOHANG if until else 0)) is None:
            if until and time.monotonic() >= until:
                raise TimeoutExpired(str(self._number), timeout or 0)
            time.sleep(0.01)
        return code

    def _look(self, options: int) -> int | None:
        if self.returncode is None:
            try:
                number, status = os.waitpid(self._number, options)
            except ChildProcessError:
                number, status = self._number, 0
            if number:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class Spawner:
    """Starts commands as other users. Its process comes with the first command, and again if it dies.

    Forking this process, which is large, would take seven times as long; forking that one takes as long as a plain
    start.
    """

    usable = sys.platform == "linux" and script.CLONE is not None
    """Whether this system has what it takes."""

    def __init__(self) -> None:
        self._process: Popen[bytes] | None = None
        self._ours: socket.socket | None = None

    def start(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        outputs: Sequence[int],
        *,
        account: Account,
        wall: int | None,
    ) -> SpawnerClient:
        """Start a command. Raises OSError and ValueError where it can not be."""
        request = _request(command, env, folder, account)
        files = [*outputs, *(() if wall is None else (wall,))]
        answer = self._ask(request, files)
        number, code, about_folder = script.ANSWER.unpack(answer)
        if code:
            if number:
                SpawnerClient(number).wait()
            raise OSError(code, os.strerror(code), str(folder) if about_folder else command[0])
        return SpawnerClient(number)

    def close(self) -> None:
        """End the process. What it started goes on."""
        if self._ours:
            self._ours.close()
        if self._process:
            try:
                self._process.wait(2.0)
            except TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._ours = self._process = None

    def _ask(self, request: bytes, files: Sequence[int]) -> bytes:
        """Return the answer. Whoever got a request may have started it: it is not sent again."""
        head = [script.LENGTH.pack(len(request))]
        try:
            socket.send_fds(self._open(), head, files)
        except OSError:
            self._kill()
            socket.send_fds(self._open(), head, files)
        ours = self._open()
        try:
            ours.sendall(request)
            answer = ours.recv(script.ANSWER.size, socket.MSG_WAITALL)
        except OSError:
            self._kill()
            raise
        if len(answer) < script.ANSWER.size:
            self._kill()
            raise OSError(errno.EIO, "the process that starts commands has ended")
        return answer

    def _open(self) -> socket.socket:
        if self._process and self._process.poll() is not None:
            self.close()
        if self._ours is None:
            ours, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-I", "-S", str(Path(script.__file__).absolute())]
                self._process = Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=DEVNULL,
                    stderr=DEVNULL,
                    cwd="/",
                    start_new_session=True,
                    preexec_fn=given_back(),  # noqa: PLW1509 - it sets a limit, and takes no lock that a thread may hold
                )
            ours.settimeout(_ANSWER_SECONDS)
            self._ours = ours
        return self._ours

    def _kill(self) -> None:
        if self._process:
            with suppress(OSError):
                self._process.kill()
        self.close()


def _request(command: Sequence[str], env: Mapping[str, str], folder: Path, account: Account) -> bytes:
    program = os.fsencode(command[0])
    candidates = [program]
    if b"/" not in program:
        candidates = [os.path.join(os.fsencode(each), program) for each in os.get_exec_path(env)]  # noqa: PTH118
    who = (account.user, account.group, account.groups, account.passage, account.lasting)
    words = [os.fsencode(word) for word in command]
    variables = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
    return dumps((candidates, words, variables, os.fsencode(folder), UMASK, who))
