"""The workers' door is tested with the engine behind it."""

from tests.services.support.fixtures import engine, gate, gates, notes, site, swept, trial

__all__ = ["engine", "gate", "gates", "notes", "site", "swept", "trial"]
