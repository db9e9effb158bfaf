"""Landlock: the kernel denies commands access to protected paths, although their user has the permissions.

Landlock rules only allow. So everything is allowed except the protected paths: all that lies beside the way to them,
from the root down. In the folders on that way commands can change existing files, but neither create nor remove any; to
allow that, put the data folder elsewhere. A process behind the wall cannot read the memory, the variables or the open
files of one outside either. The network and signals are not restricted.
"""

import ctypes
import os
import stat
import struct
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Thread
from typing import TypeVar

CREATE_RULESET, ADD_RULE, RESTRICT_SELF, SET_NO_NEW_PRIVS = 444, 445, 446, 38
VERSION_FLAG, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REFER, TRUNCATE = 1 << 13, 1 << 14
FOLDER_RIGHTS = (1 << 14) - 1
"""All rights of the second version of Landlock: from EXECUTE up to REFER."""
MIN_VERSION = 2
"""In the first version no file behind a wall can be moved to another folder."""
MAX_RULESETS = 64
"""Rulesets that stay open: a deployment runs many commands in one workspace."""
FRESH_SECONDS = 1.0
"""How long a ruleset is used: files may be created beside the protected paths meanwhile."""
PASSAGE = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/proc", "/sys")
"""System folders for users who may enter everything, beside DEVICES and what is readable for all in /etc."""
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - they are read, never written
"""Of these, users who may enter everything may use what all users may."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm")


def version() -> int:
    """Return the version of Landlock of this kernel; 0: none."""
    if sys.platform != "linux":
        return 0
    return max(0, _syscall(CREATE_RULESET, None, 0, VERSION_FLAG))


def _syscall(number: int, *values: object) -> int:
    return int(_libc().syscall(ctypes.c_long(number), *values))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


T = TypeVar("T")


def run_behind(ruleset: int, call: Callable[[], T]) -> T:
    """Return what `call` returns behind a wall: in a thread of its own: Landlock restricts a thread and its children.

    That avoids code between fork and exec, which would need a much slower fork. Raises what `call` raises.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            _checked(_libc().prctl(SET_NO_NEW_PRIVS, ctypes.c_ulong(1), *[ctypes.c_ulong(0)] * 3))
            _checked(_syscall(RESTRICT_SELF, ruleset, 0))
            result.set_result(call())
        except BaseException as error:
            result.set_exception(error)

    thread = Thread(target=run, name="behind a wall")
    thread.start()
    thread.join()
    return result.result()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class Wall:
    """Denies commands access to protected paths, except to the folders that a command is given."""

    def __init__(self, protected: Sequence[Path], passage: Sequence[Path] | None = None) -> None:
        """Protect paths. `passage` are more folders for users who may enter everything, beside the system's."""
        self._version = version()
        self._protected = frozenset(way for path in protected for way in (path.absolute(), path.resolve()))
        self._ways = {parent for path in self._protected for parent in path.parents}
        self._passage = None if passage is None else [path.resolve() for path in passage]
        self._rulesets: OrderedDict[tuple[Path, ...], tuple[float, int]] = OrderedDict()

    @property
    def stands(self) -> bool:
        """Whether the kernel supports it."""
        return self._version >= MIN_VERSION

    def on_way(self, path: Path) -> bool:
        """Return whether a folder is a parent of a protected path, so that nothing can be created in it."""
        return path.resolve() in self._ways

    def ruleset(self, folders: Sequence[Path]) -> int:
        """Return the ruleset, an open file, for a command that may use some folders. Raises OSError.

        The wall closes it, not the caller.
        """
        key = tuple(folders)
        now = time.monotonic()
        created, ruleset = self._rulesets.pop(key, (0.0, -1))
        if ruleset >= 0 and now - created > FRESH_SECONDS:
            os.close(ruleset)
            ruleset = -1
        if ruleset < 0:
            created, ruleset = now, self._create(key)
        self._rulesets[key] = created, ruleset
        while len(self._rulesets) > MAX_RULESETS:
            os.close(self._rulesets.popitem(last=False)[1][1])
        return ruleset

    def close(self) -> None:
        """Close all rulesets."""
        while self._rulesets:
            os.close(self._rulesets.popitem()[1][1])

    def _create(self, folders: Sequence[Path]) -> int:
        handled = FOLDER_RIGHTS | (TRUNCATE if self._version > MIN_VERSION else 0)
        attributes = ctypes.create_string_buffer(struct.pack("=Q", handled), 8)
        ruleset = _checked(_syscall(CREATE_RULESET, attributes, 8, 0))
        try:
            if self._passage is None:
                self._allow(ruleset, Path("/"), READ_DIR)
            for path in (*self._allowed_paths(), *folders):
                self._allow(ruleset, path, handled)
        except BaseException:
            os.close(ruleset)
            raise
        return ruleset

    @staticmethod
    def _allow(ruleset: int, path: Path, rights: int) -> None:
        """Allow a path and all below it. A path that was removed meanwhile, or cannot be opened, is left out."""
        with suppress(OSError):
            file = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if not stat.S_ISDIR(os.fstat(file).st_mode):
                    rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
                rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, file), 12)
                _syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
            finally:
                os.close(file)

    def _allowed_paths(self) -> Iterator[Path]:
        """Yield the paths that every command may use: all beside the ways to protected paths."""
        if self._passage is None:
            yield from self._beside(Path("/"))
            return
        for path in (*map(Path, PASSAGE), *(Path("/dev") / name for name in DEVICES), *self._passage):
            yield from self._beside(path)
        for folder in TEMPORARY:
            for path in self._beside(Path(folder), enter=True):
                if _is_public(path):
                    yield path
        yield from _readable(Path("/etc"))

    def _beside(self, path: Path, *, enter: bool = False) -> Iterator[Path]:
        if path in self._protected:
            return
        if path not in self._ways and not enter:
            yield path
            return
        with suppress(OSError), os.scandir(path) as entries:
            for entry in entries:
                if not entry.is_symlink():
                    yield from self._beside(Path(entry.path))


def _is_public(path: Path) -> bool:
    """Return whether all users may read a path, and enter it."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        return bool(mode & stat.S_IROTH and (mode & stat.S_IXOTH or not stat.S_ISDIR(mode)))
    return False


def _readable(folder: Path) -> Iterator[Path]:
    """Yield what all users may read below a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                continue
            mode = entry.stat(follow_symlinks=False).st_mode
            if entry.is_file() and mode & stat.S_IROTH:
                yield Path(entry.path)
            elif entry.is_dir() and mode & stat.S_IROTH and mode & stat.S_IXOTH:
                yield from _readable(Path(entry.path))
