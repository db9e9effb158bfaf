"""The ledger: an SQLite file that all instances share, so that an order is paid only once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

TABLE = """
create table if not exists payments (
    order_id text primary key,
    amount_cents integer not null check (amount_cents > 0),
    currency text not null
)
"""
WAIT_SECONDS = 1.5


@dataclass(frozen=True)
class Payment:
    """What was paid for one order; money is in cents."""

    order_id: str
    amount_cents: int
    currency: str


@dataclass(frozen=True)
class Ledger:
    """The payments. Each method opens the file anew, so that threads and processes share no connection."""

    file: Path

    def pay(self, payment: Payment) -> tuple[Payment, bool]:
        """The payment that stands for this order, and whether this call made it."""
        with self._open() as connection:
            values = (payment.order_id, payment.amount_cents, payment.currency)
            is_new = connection.execute("insert or ignore into payments values (?, ?, ?)", values).rowcount == 1
            row = connection.execute("select * from payments where order_id = ?", values[:1]).fetchone()
            return Payment(*row), is_new

    def get(self, order_id: str) -> Payment | None:
        """None while the order is not paid."""
        with self._open() as connection:
            row = connection.execute("select * from payments where order_id = ?", (order_id,)).fetchone()
            return Payment(*row) if row else None

    def all(self) -> list[Payment]:
        """Oldest first."""
        with self._open() as connection:
            return [Payment(*row) for row in connection.execute("select * from payments order by rowid")]

    def problems(self) -> list[str]:
        """What SQLite's own check of the file finds; it also fails when the file cannot be written.

        Raises:
            sqlite3.Error: the file cannot be opened or written.
        """
        with self._open() as connection:
            connection.execute("begin immediate")
            return [str(row[0]) for row in connection.execute("pragma quick_check") if row[0] != "ok"]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose work is committed at the end, or rolled back when it fails."""
        with closing(sqlite3.connect(self.file, timeout=WAIT_SECONDS)) as connection, connection:
            connection.execute(TABLE)
            yield connection
