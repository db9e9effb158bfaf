"""Starts commands as other users, for a worker. A script of its own, so that a fork is fast.

The worker holds the other end of its standard input, a socket. A request is eight bytes with a length, sent with the
files of the command's standard output and error and of its Landlock ruleset, if it has one; then, by marshal:

    (candidates, arguments, environment, folder, umask, account)

An account is (user, group, groups, passage, lasting): with `passage` it may read files without permission, with
`lasting` it cannot become another user. The answer is the number of the process, the number of an error or 0, and
whether that is about the folder. The commands are children of the worker, not of the spawner, which can die alone.
"""

import ctypes
import errno
import gc
import marshal
import os
import platform
import signal
import socket
import struct
import sys
from contextlib import suppress

LENGTH, ANSWER = struct.Struct("!q"), struct.Struct("!qi?")
CLONE = {"x86_64": 56, "aarch64": 220, "riscv64": 220, "loongarch64": 220}.get(platform.machine())
"""The number of the system call `clone`; without it commands would not be the worker's children."""
CLONE_PARENT, LANDLOCK_RESTRICT_SELF = 0x8000, 446
SET_DUMPABLE, SET_KEEPCAPS, SET_NO_NEW_PRIVS, CAP_AMBIENT, AMBIENT_RAISE = 4, 8, 38, 47, 2
CAP_DAC_READ_SEARCH, CAP_VERSION = 2, 0x20080522
RESTORED = [number for name in ("SIGPIPE", "SIGXFSZ") if (number := getattr(signal, name, None))]

Account = tuple[int, int, tuple[int, ...], bool, bool]
Request = tuple[list[bytes], list[bytes], dict[bytes, bytes], bytes, int, Account]


class System:
    """The system calls that Python has no functions for."""

    def __init__(self) -> None:
        self._libc = ctypes.PyDLL(None, use_errno=True)

    def call(self, number: int, *values: int) -> int:
        """Make a system call. Raises OSError."""
        return self._checked(self._libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, values)))

    def prctl(self, *values: int) -> None:
        """Change an attribute of this process. Raises OSError."""
        self._checked(self._libc.prctl(*map(ctypes.c_ulong, (*values, 0, 0, 0, 0)[:5])))

    def keep_only(self, capability: int) -> None:
        """Drop all capabilities but one, which stays after exec. Raises OSError."""
        bits = 1 << capability
        header = struct.pack("=Ii", CAP_VERSION, 0)
        self._checked(self._libc.capset(header, struct.pack("=6I", bits, bits, bits, 0, 0, 0)))
        self.prctl(CAP_AMBIENT, AMBIENT_RAISE, capability)

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


def start(system: System, request: Request, files: list[int]) -> tuple[int, int, bool]:
    """Start a command. Return its number, the number of an error or 0, and whether that is about its folder."""
    reading, writing = os.pipe()
    number = system.call(CLONE or 0, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    if number == 0:
        _execute_request(system, request, files, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        fault = pipe.read()
    return (number, fault[0] | fault[1] << 8, bool(fault[2])) if len(fault) == 3 else (number, 0, False)


def _execute_request(system: System, request: Request, files: list[int], writing: int) -> None:
    """Become the command. An error is written to `writing`, which exec closes."""
    is_about_folder = True
    code = errno.EINVAL
    try:
        candidates, arguments, environment, folder, umask, account = request
        os.setsid()
        os.chdir(folder)
        is_about_folder = False
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(files[0], 1)
        os.dup2(files[1], 2)
        for number in RESTORED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.umask(umask)
        _drop_rights(system, account, files[2:])
        code = _execute(candidates, arguments, environment)
    except OSError as error:
        code = error.errno or errno.EINVAL
    finally:
        os.write(writing, bytes((code & 255, code >> 8, is_about_folder)))
        os._exit(127)


def _drop_rights(system: System, account: Account, wall: list[int]) -> None:
    """Drop the rights that the command must not have."""
    user, group, groups, passage, lasting = account
    if lasting:
        system.prctl(SET_NO_NEW_PRIVS, 1)
    if wall:
        system.call(LANDLOCK_RESTRICT_SELF, wall[0], 0)
    if passage:
        system.prctl(SET_KEEPCAPS, 1)
    os.setgroups(groups)
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if passage:
        system.keep_only(CAP_DAC_READ_SEARCH)


def _execute(candidates: list[bytes], arguments: list[bytes], environment: dict[bytes, bytes]) -> int:
    """Become the first candidate that exists. Else return the error: of a candidate that exists, if there is one.

    A folder of the PATH that this user may not read counts as empty.
    """
    saved = last = errno.ENOENT
    for path in candidates:
        try:
            os.execve(path, arguments, environment)  # noqa: S606 - that is what this is for
        except OSError as error:
            last = error.errno or errno.EINVAL
        if last not in (errno.ENOENT, errno.ENOTDIR) and saved == errno.ENOENT:
            saved = errno.ENOENT if len(candidates) > 1 and _hidden(path) else last
    return saved if saved != errno.ENOENT else last if len(candidates) == 1 else saved


def _hidden(path: bytes) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _receive(connection: socket.socket) -> tuple[Request, list[int]] | None:
    head, files, _, _ = socket.recv_fds(connection, LENGTH.size, 3, socket.MSG_CMSG_CLOEXEC | socket.MSG_WAITALL)
    if len(head) < LENGTH.size:
        return None
    (remaining,) = LENGTH.unpack(head)
    parts = []
    while remaining:
        part = connection.recv(min(remaining, 1 << 20))
        if not part:
            return None
        parts.append(part)
        remaining -= len(part)
    return marshal.loads(b"".join(parts)), list(files)  # noqa: S302 - only the worker has the other end


def serve(connection: socket.socket) -> None:
    """Handle requests until the worker closes the socket."""
    system = System()
    system.prctl(SET_DUMPABLE, 0)
    gc.freeze()
    gc.disable()
    while (received := _receive(connection)) is not None:
        request, files = received
        try:
            answer = start(system, request, files)
        except OSError as error:
            answer = (0, error.errno or errno.EAGAIN, False)
        for file in files:
            os.close(file)
        connection.sendall(ANSWER.pack(*answer))


if __name__ == "__main__":
    with suppress(OSError), socket.socket(fileno=os.dup(0)) as worker:
        serve(worker)
    sys.exit(0)
