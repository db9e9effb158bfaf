"""The engine's tests have the engine's fixtures."""

from tests.services.fixtures import engine, gate, gates, notes, site, swept, trial

__all__ = ["engine", "gate", "gates", "notes", "site", "swept", "trial"]
