"""The shop's services, and the names and numbers that are valid in it."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.report import ShopError

ROOT = Path(__file__).resolve().parent.parent
COMMON = "shop_common"
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True)
class Service:
    """A service: its name in Boreas, and the ports of its instances; an instance is named by its port."""

    name: str
    ports: tuple[int, ...]
    description: str
    own_rollback: bool = False

    @property
    def package(self) -> str:
        """The Python package with its sources."""
        return self.name.replace("-", "_")


SERVICES = (
    Service("user-service", (18101, 18102), "The users of the shop.", own_rollback=True),
    Service("order-service", (18111, 18112), "The orders of the shop."),
    Service("payment-service", (18121, 18122), "The payments of the shop."),
)


def find_service(name: str) -> Service:
    """Raises: ShopError."""
    for service in SERVICES:
        if service.name == name:
            return service
    known = ", ".join(service.name for service in SERVICES)
    raise ShopError(f"there is no service {name!r} in the shop; there are {known}")


def valid_version(name: str) -> str:
    """The version's name, checked because it becomes part of file names.

    Raises:
        ShopError: it is empty or holds something else than letters, digits and . _ + -
    """
    if not VERSION.fullmatch(name):
        raise ShopError(f"{name!r} can not be a version here: use letters, digits and . _ + - (such as v1)")
    return name


def valid_port(name: str) -> int:
    """The port that an instance's name stands for.

    Raises:
        ShopError: it is no port that an ordinary user may listen on.
    """
    if not (name.isascii() and name.isdigit() and len(name) <= 5 and 1024 <= int(name) <= 65535):
        raise ShopError(f"instance {name!r} is not a port from 1024 to 65535; the shop's instances are named by port")
    return int(name)
