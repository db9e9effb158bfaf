"""What the payment-service reads from its section of the settings file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LEDGER_KEY = "ledger_file"


@dataclass(frozen=True)
class Settings:
    """The settings; `ledger` is None when the section does not name one, which the self check reports.

    An instance that runs and reports what it lacks is easier to repair than one that has ended.
    """

    ledger: Path | None
    currency: str
    max_cents: int
    keys: tuple[str, ...]


def parse(section: Mapping[str, object], data: Path) -> Settings:
    """The settings; a relative ledger file lies in the data folder.

    Raises:
        ValueError: a value has the wrong type.
    """
    ledger = section.get(LEDGER_KEY)
    currency = section.get("currency", "EUR")
    max_cents = section.get("max_cents", 1_000_000)
    if ledger is not None and not isinstance(ledger, str):
        raise ValueError(f"settings: {LEDGER_KEY} must be a file name, not {ledger!r}")
    if not isinstance(currency, str) or not isinstance(max_cents, int):
        raise ValueError("settings: currency must be a text, max_cents a whole number")
    return Settings(data / ledger if ledger else None, currency, max_cents, tuple(sorted(section)))
