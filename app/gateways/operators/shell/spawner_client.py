"""The worker's side of the spawner: starts it, sends it requests, and waits for the processes that it starts."""

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
from app.gateways.operators.shell.open_files import limit_restorer

_ANSWER_SECONDS = 30.0
"""How long a spawner may take to start a command: it takes milliseconds, unless it is frozen."""

UMASK = 0o077
"""Files that commands of another user write are private to that user."""


class Process(Protocol):
    """A child process, such as `subprocess.Popen` and `SpawnedProcess`."""

    @property
    def pid(self) -> int:
        """The number of the process."""
        ...

    returncode: int | None

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit and return its code. Raises TimeoutExpired."""
        ...


class SpawnedProcess:
    """A process that the spawner started. It is a child of this process."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.returncode: int | None = None

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._number

    def poll(self) -> int | None:
        """Return the exit code, the negative number of a signal; None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit and return its code. Raises TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self._reap(os.WNOHANG if deadline else 0)) is None:
            if deadline and time.monotonic() >= deadline:
                raise TimeoutExpired(str(self._number), timeout or 0)
            time.sleep(0.01)
        return code

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            try:
                number, status = os.waitpid(self._number, options)
            except ChildProcessError:
                number, status = self._number, 0
            if number:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class Spawner:
    """Starts commands as other users, by a small process that starts with the first command, and again when it dies.

    A fork of this large process would take seven times as long.
    """

    is_supported = sys.platform == "linux" and script.CLONE is not None
    """Whether this system supports it."""

    def __init__(self) -> None:
        self._process: Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def start(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        outputs: Sequence[int],
        *,
        account: Account,
        wall: int | None,
    ) -> SpawnedProcess:
        """Start a command. Raises OSError and ValueError where it cannot start."""
        request = _encode_request(command, env, folder, account)
        files = [*outputs, *(() if wall is None else (wall,))]
        answer = self._request(request, files)
        number, code, is_about_folder = script.ANSWER.unpack(answer)
        if code:
            if number:
                SpawnedProcess(number).wait()
            raise OSError(code, os.strerror(code), str(folder) if is_about_folder else command[0])
        return SpawnedProcess(number)

    def close(self) -> None:
        """End the spawner. The commands that it started run on."""
        if self._socket:
            self._socket.close()
        if self._process:
            try:
                self._process.wait(2.0)
            except TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._socket = self._process = None

    def _request(self, request: bytes, files: Sequence[int]) -> bytes:
        """Return the answer to a request. It is not sent again once a spawner has it, as that may have started it."""
        head = [script.LENGTH.pack(len(request))]
        try:
            socket.send_fds(self._open(), head, files)
        except OSError:
            self._kill()
            socket.send_fds(self._open(), head, files)
        connection = self._open()
        try:
            connection.sendall(request)
            answer = connection.recv(script.ANSWER.size, socket.MSG_WAITALL)
        except OSError:
            self._kill()
            raise
        if len(answer) < script.ANSWER.size:
            self._kill()
            raise OSError(errno.EIO, "the spawner, the process that starts commands, has ended; retry the task")
        return answer

    def _open(self) -> socket.socket:
        if self._process and self._process.poll() is not None:
            self.close()
        if self._socket is None:
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
                    preexec_fn=limit_restorer(),  # noqa: PLW1509 - it sets a limit, and takes no lock that a thread may hold
                )
            ours.settimeout(_ANSWER_SECONDS)
            self._socket = ours
        return self._socket

    def _kill(self) -> None:
        if self._process:
            with suppress(OSError):
                self._process.kill()
        self.close()


def _encode_request(command: Sequence[str], env: Mapping[str, str], folder: Path, account: Account) -> bytes:
    program = os.fsencode(command[0])
    candidates = [program]
    if b"/" not in program:
        candidates = [os.path.join(os.fsencode(folder_), program) for folder_ in os.get_exec_path(env)]  # noqa: PTH118
    identity = (account.user, account.group, account.groups, account.passage, account.lasting)
    words = [os.fsencode(word) for word in command]
    variables = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
    return dumps((candidates, words, variables, os.fsencode(folder), UMASK, identity))
