"""The user that commands run as: the worker's own, one other, or one for each environment.

Where each environment has a user of its own, its commands can neither read the files, memory and variables of another
environment's commands or of Boreas, nor end them. Such users need no entry in /etc/passwd: a number is enough.
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

CAPABILITIES = {"CHOWN": 0, "DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7}
"""The capabilities, with their numbers, that are needed to start, end and clean up commands of other users."""
DEFAULT_RANGE = "64000-64999"
"""The suggested users: distributions keep these numbers free for users that are created on demand."""
SHAPE = re.compile(r"(\d+)(?:-(\d+))?")
ACCEPTED = f"It accepts a user's name or number, or a range of numbers such as {DEFAULT_RANGE}."


class NoAccountError(Exception):
    """There is no user to run a command as; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user for commands. `home` is a folder to create for it, None where it has one.

    `lasting`: it cannot become another user, for example by sudo. `passage`: it may read files without permission.
    """

    user: int
    group: int
    groups: tuple[int, ...] = ()
    name: str | None = None
    home: Path | None = None
    lasting: bool = True
    passage: bool = False


class Accounts(Protocol):
    """Selects the user that the commands of an environment run as."""

    is_own: bool
    """Whether it is always the worker's own user."""

    def of(self, environment: str) -> Account | None:
        """Return the account, None for the worker's own. The same one each time. Raises NoAccountError."""
        ...

    def description(self) -> str:
        """Return the end of the sentence “Commands run as …”."""
        ...


class OwnUser:
    """All commands run as the worker's own user."""

    is_own = True

    def of(self, _environment: str) -> Account | None:
        """Return None."""
        return None

    def description(self) -> str:
        """Return the end of the sentence “Commands run as …”."""
        return (
            "the user of the worker"
            if os.geteuid()
            else "root, as BOREAS_COMMAND_USER says: everybody who may deploy is root here"
        )


class NoUser:
    """No command runs."""

    is_own = False

    def __init__(self, why: str) -> None:
        self._why = why

    def of(self, _environment: str) -> Account | None:
        """Raise NoAccountError."""
        raise NoAccountError(self._why)

    def description(self) -> str:
        """Return the end of the sentence “Commands run as …”."""
        return f"no user: {self._why}"


class OneUser:
    """All commands run as one other user."""

    is_own = False

    def __init__(self, account: Account) -> None:
        self._account = account

    def of(self, _environment: str) -> Account | None:
        """Return the user."""
        return self._account

    def description(self) -> str:
        """Return the end of the sentence “Commands run as …”."""
        return f"the user {self._account.name or self._account.user}"


class UserPerEnvironment:
    """Each environment has a user of its own from a range. A file keeps which."""

    is_own = False

    def __init__(self, low: int, high: int, data: Path, *, passage: bool) -> None:
        self._low, self._high = low, high
        self._data = data
        self._passage = passage
        self._users: dict[str, int] = {}

    def of(self, environment: str) -> Account | None:
        """Return the environment's user; assign one the first time. Raises NoAccountError where none is free."""
        if environment not in self._users:
            with _register(self._data / "command-users") as taken:
                self._users = dict(taken)
                if environment not in taken:
                    self._users[environment] = taken[environment] = self._free(environment, set(taken.values()))
        user = self._users[environment]
        return Account(user, user, home=self._data / "homes" / str(user), passage=self._passage)

    def description(self) -> str:
        """Return the end of the sentence “Commands run as …”."""
        return f"the users {self._low}-{self._high}, one for each environment"

    def _free(self, environment: str, taken: set[int]) -> int:
        """Return a free number, which other installations on this machine are unlikely to choose."""
        size = self._high - self._low + 1
        first = int.from_bytes(sha256(environment.encode()).digest()[:8], "big") % size
        for step in range(size):
            number = self._low + (first + step) % size
            if number not in taken and not _has_name(number):
                return number
        raise NoAccountError(
            f"all users of {self._low}-{self._high} are taken; set a wider range with BOREAS_COMMAND_USER"
        )


def accounts(setting: str | None, data: Path, *, passage: bool = False) -> Accounts:
    """Return the accounts that the setting BOREAS_COMMAND_USER asks for. Raises ValueError where it is invalid."""
    own = os.geteuid()
    if setting is None:
        return OwnUser() if own else NoUser(_advice_for_root())
    matched = SHAPE.fullmatch(setting)
    if matched and matched[2]:
        low, high = int(matched[1]), int(matched[2])
        if not 0 < low <= high < 1 << 31:
            raise ValueError(f"BOREAS_COMMAND_USER is “{setting}”, which is not a range of users. {ACCEPTED}")
        _require_switching(setting)
        return UserPerEnvironment(low, high, data, passage=passage)
    account = _bare(int(setting), data) if matched else _named(setting)
    if account.user == own:
        return OwnUser()
    _require_switching(setting)
    return OneUser(account)


def _advice_for_root() -> str:
    advice = f"set BOREAS_COMMAND_USER={DEFAULT_RANGE}, so that each environment has a user of its own, or name a user"
    if not can_switch():
        advice = "it may not switch to another user; start it as an ordinary user"
    return f"this worker is root, and runs no command as root unless told; {advice} (BOREAS_COMMAND_USER=root: as root)"


def _require_switching(setting: str) -> None:
    if not can_switch():
        raise ValueError(
            f"BOREAS_COMMAND_USER is “{setting}”, but this process runs as user {os.geteuid()} and may not run "
            "commands as another user. Start it as root, or remove that setting."
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
        raise ValueError(f"BOREAS_COMMAND_USER is “{name}”, but there is no such user. {ACCEPTED}") from None
    groups = tuple(sorted(set(os.getgrouplist(name, found.pw_gid))))
    return Account(found.pw_uid, found.pw_gid, groups, name=name, lasting=False)


def can_switch() -> bool:
    """Return whether this process may start, end and clean up processes of other users."""
    if sys.platform != "linux":
        return os.geteuid() == 0
    with Path("/proc/self/status").open(encoding="ascii", errors="replace") as status:
        effective = next((int(line.split()[1], 16) for line in status if line.startswith("CapEff:")), 0)
    return all(effective >> number & 1 for number in CAPABILITIES.values())


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
    """Lock the file of assigned users for the block, yield its content, and append what the block adds."""
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
