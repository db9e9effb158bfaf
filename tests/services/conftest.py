"""The engine's tests have the engine's fixtures."""

from tests.services.clusters import cluster, place
from tests.services.fixtures import engine, gate, gates, notes, site, swept, trial

__all__ = ["cluster", "engine", "gate", "gates", "notes", "place", "site", "swept", "trial"]
