"""Kubernetes quantities, such as 500m, 2 or 1Gi."""

import re
from collections.abc import Mapping
from decimal import Decimal

QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?")
MAX_LENGTH = 50
SUFFIXES: Mapping[str, Decimal] = {
    "": Decimal(1),
    **{
        suffix: Decimal(10) ** power
        for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
    },
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


def amount(quantity: object) -> Decimal | None:
    """Return the amount of a quantity, or None for anything that is not a quantity."""
    if not isinstance(quantity, str) or len(quantity) > MAX_LENGTH:
        return None
    match = QUANTITY.fullmatch(quantity)
    if match is None:
        return None
    suffix = match[2] or ""
    if suffix in SUFFIXES:
        return Decimal(match[1]) * SUFFIXES[suffix]
    return Decimal(f"{match[1]}{suffix}")
