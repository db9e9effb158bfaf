"""The users, in memory: what is created is gone with the process, the seed comes back."""

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass

EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+")


@dataclass(frozen=True)
class User:
    """A user; `id` is u-1, u-2, … in the order of creation."""

    id: str
    name: str
    email: str


SEED = (("Ada Lovelace", "ada@shop.example"), ("Grace Hopper", "grace@shop.example"), ("林 小雨", "lin@shop.example"))


class EmailTakenError(Exception):
    """Another user has this e-mail address; case does not tell addresses apart."""


class Directory:
    """All users, found by id and unique by e-mail address; safe to use from several threads."""

    def __init__(self, seed: Iterable[tuple[str, str]] = ()) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[str, User] = {}
        self._by_email: dict[str, User] = {}
        for name, email in seed:
            self.create(name, email)

    def all(self) -> list[User]:
        """Oldest first."""
        with self._lock:
            return list(self._by_id.values())

    def get(self, user_id: str) -> User | None:
        """None for an unknown id."""
        with self._lock:
            return self._by_id.get(user_id)

    def create(self, name: str, email: str) -> User:
        """Raises: EmailTakenError."""
        with self._lock:
            if email.casefold() in self._by_email:
                raise EmailTakenError(email)
            user = User(f"u-{len(self._by_id) + 1}", name, email)
            self._by_id[user.id] = self._by_email[email.casefold()] = user
            return user

    def inconsistency(self) -> str | None:
        """What is wrong between the two indexes, or None."""
        with self._lock:
            if len(self._by_id) != len(self._by_email):
                return f"{len(self._by_id)} users, but {len(self._by_email)} e-mail addresses"
            lost = [user.id for user in self._by_id.values() if self._by_email.get(user.email.casefold()) is not user]
            return f"not found by e-mail address: {', '.join(lost)}" if lost else None
