"""The second wall: what the kernel keeps commands out of although they run as the user who may enter it.

Landlock knows only what is allowed. So everything is allowed but what is protected: whatever lies beside the way to it,
from the root down. In the folders on that way itself commands can change what is there, and neither make nor remove
anything; whoever needs that puts the data folder elsewhere. A process behind the wall can not look into one before it
either: not into its memory, its variables or its open files. The network and signals are as they were.
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
"""Everything that the second version of Landlock knows: from EXECUTE up to REFER."""
OLDEST = 2
"""In the first version nothing behind a wall can be moved from one folder to another."""
KEPT = 64
"""Rulesets that are kept: a deployment runs many commands in one workspace."""
FRESH_SECONDS = 1.0
"""After so long it is looked again for what lies beside the way: something may have been made there."""
PASSAGE = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/proc", "/sys")
"""What who may enter everything may use of the system, beside the devices below and of /etc what all may read."""
TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - they are looked into, nothing is made there
"""Of what is in these who may enter everything may use what everybody may."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm")


def version() -> int:
    """Return which version of Landlock this kernel has; 0: none."""
    if sys.platform != "linux":
        return 0
    return max(0, _syscall(CREATE_RULESET, None, 0, VERSION_FLAG))


def _syscall(number: int, *values: object) -> int:
    return int(_libc().syscall(ctypes.c_long(number), *values))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


Begun = TypeVar("Begun")


def begun_behind(ruleset: int, begin: Callable[[], Begun]) -> Begun:
    """Begin something behind a wall: in a thread of its own, for a wall is around one thread and what it starts.

    So nothing has to be done between the fork and the program, which would take a fork that is much slower. Raises
    what `begin` raises.
    """
    came: Future[Begun] = Future()

    def run() -> None:
        try:
            _checked(_libc().prctl(SET_NO_NEW_PRIVS, ctypes.c_ulong(1), *[ctypes.c_ulong(0)] * 3))
            _checked(_syscall(RESTRICT_SELF, ruleset, 0))
            came.set_result(begin())
        except BaseException as error:
            came.set_exception(error)

    thread = Thread(target=run, name="behind a wall")
    thread.start()
    thread.join()
    return came.result()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class Wall:
    """Keeps commands out of folders and files, except for those that a command is given."""

    def __init__(self, protected: Sequence[Path], passage: Sequence[Path] | None = None) -> None:
        """Protect some paths. `passage` are the folders of those who may enter everything, beside the system's."""
        self._version = version()
        self._protected = frozenset(way for path in protected for way in (path.absolute(), path.resolve()))
        self._ways = {parent for path in self._protected for parent in path.parents}
        self._passage = None if passage is None else [path.resolve() for path in passage]
        self._rulesets: OrderedDict[tuple[Path, ...], tuple[float, int]] = OrderedDict()

    @property
    def stands(self) -> bool:
        """Whether the kernel has what it takes."""
        return self._version >= OLDEST

    def on_way(self, path: Path) -> bool:
        """Return whether a folder lies on the way to what is protected, so that nothing can be made in it."""
        return path.resolve() in self._ways

    def ruleset(self, given: Sequence[Path]) -> int:
        """Return the ruleset, an open file, for a command that is given some folders. Raises OSError.

        It stays the wall's: nobody else closes it.
        """
        key = tuple(given)
        now = time.monotonic()
        made, known = self._rulesets.pop(key, (0.0, -1))
        if known >= 0 and now - made > FRESH_SECONDS:
            os.close(known)
            known = -1
        if known < 0:
            made, known = now, self._make(key)
        self._rulesets[key] = made, known
        while len(self._rulesets) > KEPT:
            os.close(self._rulesets.popitem(last=False)[1][1])
        return known

    def close(self) -> None:
        """Close what is kept."""
        while self._rulesets:
            os.close(self._rulesets.popitem()[1][1])

    def _make(self, given: Sequence[Path]) -> int:
        handled = FOLDER_RIGHTS | (TRUNCATE if self._version > OLDEST else 0)
        attributes = ctypes.create_string_buffer(struct.pack("=Q", handled), 8)
        ruleset = _checked(_syscall(CREATE_RULESET, attributes, 8, 0))
        try:
            if self._passage is None:
                self._allow(ruleset, Path("/"), READ_DIR)
            for path in (*self._open(), *given):
                self._allow(ruleset, path, handled)
        except BaseException:
            os.close(ruleset)
            raise
        return ruleset

    @staticmethod
    def _allow(ruleset: int, path: Path, rights: int) -> None:
        """Allow what lies at and below a path. What has gone meanwhile, or can not be opened, is left out."""
        with suppress(OSError):
            file = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if not stat.S_ISDIR(os.fstat(file).st_mode):
                    rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
                rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, file), 12)
                _syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
            finally:
                os.close(file)

    def _open(self) -> Iterator[Path]:
        """Yield what is allowed to everybody: whatever lies beside the ways to what is protected."""
        if self._passage is None:
            yield from self._beside(Path("/"))
            return
        for path in (*map(Path, PASSAGE), *(Path("/dev") / name for name in DEVICES), *self._passage):
            yield from self._beside(path)
        for folder in TEMPORARY:
            for path in self._beside(Path(folder), enter=True):
                if _is_open(path):
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


def _is_open(path: Path) -> bool:
    """Return whether everybody may read what is there, and enter it."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        return bool(mode & stat.S_IROTH and (mode & stat.S_IXOTH or not stat.S_ISDIR(mode)))
    return False


def _readable(folder: Path) -> Iterator[Path]:
    """Yield what everybody may read below a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                continue
            mode = entry.stat(follow_symlinks=False).st_mode
            if entry.is_file() and mode & stat.S_IROTH:
                yield Path(entry.path)
            elif entry.is_dir() and mode & stat.S_IROTH and mode & stat.S_IXOTH:
                yield from _readable(Path(entry.path))
