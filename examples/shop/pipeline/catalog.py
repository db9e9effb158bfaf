"""The shop's services, and the validation of names and ports."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.report import ShopError

ROOT = Path(__file__).resolve().parent.parent
COMMON = "shop_common"
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


FIRST_PORT = 18100
SETS = ("", "blue", "green")
"""The set of rolling and canary deployments, and the two sets of blue-green deployments."""


@dataclass(frozen=True)
class Service:
    """A service: its name in Boreas, and the offsets of its instances from the shop's first port."""

    name: str
    offsets: tuple[int, ...]
    description: str
    own_rollback: bool = False

    @property
    def package(self) -> str:
        """The Python package with its sources."""
        return self.name.replace("-", "_")


SERVICES = (
    Service("user-service", (1, 2), "The users of the shop.", own_rollback=True),
    Service("order-service", (11, 12), "The orders of the shop."),
    Service("payment-service", (21, 22), "The payments of the shop."),
)


def own_port(front: int, color: str) -> int:
    """Returns the own port of a set's process, which it has besides the instance's port."""
    return front + 100 * (1 + SETS.index(color))


def valid_color(name: str) -> str:
    """Returns the name of a set.

    Raises:
        ShopError: there is no such set.
    """
    if name not in SETS:
        raise ShopError(f"{name!r} is not a set of instances; the sets are blue and green")
    return name


def find_service(name: str) -> Service:
    """Raises: ShopError."""
    for service in SERVICES:
        if service.name == name:
            return service
    known = ", ".join(service.name for service in SERVICES)
    raise ShopError(f"there is no service {name!r} in the shop; there are {known}")


def valid_version(name: str) -> str:
    """Returns a version's name, validated because it becomes part of file names.

    Raises:
        ShopError: it is empty or contains something else than letters, digits and . _ + -
    """
    if not VERSION.fullmatch(name):
        raise ShopError(f"{name!r} is not a valid version: use letters, digits and . _ + - (such as v1)")
    return name


def valid_port(name: str) -> int:
    """Returns the port of an instance's name. The ports of its sets are 100, 200 and 300 above.

    Raises:
        ShopError: it is not a port that an ordinary user may listen on.
    """
    if not (name.isascii() and name.isdigit() and len(name) <= 5 and 1024 <= int(name) <= 65235):
        raise ShopError(f"instance {name!r} is not a port from 1024 to 65235; the shop's instances are named by port")
    return int(name)
