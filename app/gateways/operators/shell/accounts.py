"""Whom commands run as: the worker's own user, one other, or one for each environment.

Where each environment has a user of its own, its commands can neither read the files, the memory and the variables of
another's, nor end them; and those of Boreas neither. Such users need no entry in a table of accounts: a number will do.
"""

import fcntl
import grp
import os
import pwd
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

NEEDED = {"CHOWN": 0, "DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7}
"""The capabilities, by their numbers, of who starts, ends and cleans up after commands of other users."""
USUAL_RANGE = "64000-64999"
"""Users that are taken where nothing else is said: they are kept free for what is made on demand."""
SHAPE = re.compile(r"(\d+)(?:-(\d+))?")
TAKES = f"It takes a user's name or number, or a range of numbers such as {USUAL_RANGE}."


class NoAccountError(Exception):
    """There is nobody to run a command as; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user for commands. `home` is a folder to make for it, None where it has one.

    `lasting` it can not become anybody else, as by sudo; `passage` it may enter and read what is closed to it.
    """

    user: int
    group: int
    groups: tuple[int, ...] = ()
    name: str | None = None
    home: Path | None = None
    lasting: bool = True
    passage: bool = False


class Accounts(Protocol):
    """Says whom the commands of an environment run as."""

    is_own: bool
    """Whether that is the worker's own user."""

    def of(self, environment: str) -> Account | None:
        """Return the account, None for the worker's own. The same one each time. Raises NoAccountError."""
        ...

    def told(self) -> str:
        """Say it for people, as the end of “Commands run as …”."""
        ...


class Own:
    """Everything runs as the worker does."""

    is_own = True

    def of(self, _environment: str) -> Account | None:
        """Return None."""
        return None

    def told(self) -> str:
        """Say it for people."""
        return "the user of the worker" if os.geteuid() else "root, as told: whoever may deploy is root here"


class Nobody:
    """Nothing runs."""

    is_own = False

    def __init__(self, why: str) -> None:
        self._why = why

    def of(self, _environment: str) -> Account | None:
        """Raise NoAccountError."""
        raise NoAccountError(self._why)

    def told(self) -> str:
        """Say it for people."""
        return f"nobody: {self._why}"


class One:
    """Everything runs as one other user."""

    is_own = False

    def __init__(self, account: Account) -> None:
        self._account = account

    def of(self, _environment: str) -> Account | None:
        """Return the user."""
        return self._account

    def told(self) -> str:
        """Say it for people."""
        return f"the user {self._account.name or self._account.user}"


class Each:
    """Each environment has a user of its own, out of a range, which is written down and stays its own."""

    is_own = False

    def __init__(self, low: int, high: int, data: Path, *, passage: bool) -> None:
        self._low, self._high = low, high
        self._data = data
        self._passage = passage
        self._known: dict[str, int] = {}

    def of(self, environment: str) -> Account | None:
        """Return the environment's user; the first time, find one. Raises NoAccountError where none is left."""
        if environment not in self._known:
            with _register(self._data / "command-users") as taken:
                self._known = dict(taken)
                if environment not in taken:
                    self._known[environment] = taken[environment] = self._free(environment, set(taken.values()))
        user = self._known[environment]
        return Account(user, user, home=self._data / "homes" / str(user), passage=self._passage)

    def told(self) -> str:
        """Say it for people."""
        return f"the users {self._low}-{self._high}, one for each environment"

    def _free(self, environment: str, taken: set[int]) -> int:
        """Return a number that nobody has, and that other Boreas on this machine hardly choose."""
        size = self._high - self._low + 1
        first = int.from_bytes(sha256(environment.encode()).digest()[:8], "big") % size
        for step in range(size):
            number = self._low + (first + step) % size
            if number not in taken and not _has_name(number):
                return number
        raise NoAccountError(
            f"all users of {self._low}-{self._high} are taken; name a wider range with BOREAS_COMMAND_USER"
        )


def accounts(setting: str | None, data: Path, *, passage: bool = False) -> Accounts:
    """Return whom commands run as, by the setting BOREAS_COMMAND_USER. Raises ValueError where that can not be."""
    own = os.geteuid()
    if setting is None:
        return Own() if own else Nobody(_what_root_can_do())
    matched = SHAPE.fullmatch(setting)
    if matched and matched[2]:
        low, high = int(matched[1]), int(matched[2])
        if not 0 < low <= high < 1 << 31:
            raise ValueError(f"BOREAS_COMMAND_USER is “{setting}”, which is no range. {TAKES}")
        _require_switching(setting)
        return Each(low, high, data, passage=passage)
    account = _bare(int(setting), data) if matched else _named(setting)
    if account.user == own:
        return Own()
    _require_switching(setting)
    return One(account)


def _what_root_can_do() -> str:
    usual = f"set BOREAS_COMMAND_USER={USUAL_RANGE}, so that each environment has a user of its own, or name a user"
    if not can_switch():
        usual = "it may not switch to another one; start it as an ordinary user"
    return f"this worker is root, and runs no command as root unless told; {usual} (BOREAS_COMMAND_USER=root: as root)"


def _require_switching(setting: str) -> None:
    if not can_switch():
        raise ValueError(
            f"BOREAS_COMMAND_USER is “{setting}”, but this process runs as user {os.geteuid()} and may not run "
            "anything as another one. Start it as root, or leave that setting out."
        )


def _bare(number: int, data: Path) -> Account:
    try:
        return _named(pwd.getpwuid(number).pw_name)
    except KeyError:
        return Account(number, number, home=data / "homes" / str(number))


def _named(name: str) -> Account:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise ValueError(f"BOREAS_COMMAND_USER is “{name}”, and there is no such user. {TAKES}") from None
    groups = tuple(sorted(set(os.getgrouplist(name, found.pw_gid))))
    return Account(found.pw_uid, found.pw_gid, groups, name=name, lasting=False)


def can_switch() -> bool:
    """Return whether this process may start, end and clean up after processes of other users."""
    if sys.platform != "linux":
        return os.geteuid() == 0
    with Path("/proc/self/status").open(encoding="ascii", errors="replace") as status:
        effective = next((int(line.split()[1], 16) for line in status if line.startswith("CapEff:")), 0)
    return all(effective >> number & 1 for number in NEEDED.values())


def _has_name(number: int) -> bool:
    for table in (pwd.getpwuid, grp.getgrgid):
        try:
            table(number)
        except KeyError:
            continue
        return True
    return False


@contextmanager
def _register(path: Path) -> Iterator[dict[str, int]]:
    """Give what is written down, alone of all workers of this data folder; what is added is written down at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        words = [line.split("\t") for line in file.read().splitlines()]
        known = {line[0]: int(line[1]) for line in words if len(line) == 2 and line[1].isdecimal()}
        taken = dict(known)
        yield taken
        file.writelines(f"{name}\t{number}\n" for name, number in taken.items() if name not in known)
        file.flush()
        os.fsync(file.fileno())
