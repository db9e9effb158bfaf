"""The order book, in memory."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One position of an order; money is in cents."""

    sku: str
    quantity: int
    unit_cents: int


@dataclass(frozen=True)
class Order:
    """An accepted order; the id is unique over all instances of the service."""

    id: str
    user_id: str
    items: Sequence[Item]
    total_cents: int


class Book:
    """All orders that this process accepted; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: dict[str, Order] = {}

    def accept(self, user_id: str, items: Sequence[Item]) -> Order:
        """Makes the order, with a new id and its total."""
        order = Order(f"o-{uuid.uuid4().hex[:12]}", user_id, tuple(items), total(items))
        with self._lock:
            self._orders[order.id] = order
        return order

    def all(self) -> list[Order]:
        """Oldest first."""
        with self._lock:
            return list(self._orders.values())

    def get(self, order_id: str) -> Order | None:
        """None when this process did not accept it."""
        with self._lock:
            return self._orders.get(order_id)

    def miscounted(self) -> list[str]:
        """Ids of orders whose total is not the sum of their items."""
        return [order.id for order in self.all() if order.total_cents != total(order.items)]


def total(items: Sequence[Item]) -> int:
    """In cents."""
    return sum(item.quantity * item.unit_cents for item in items)
