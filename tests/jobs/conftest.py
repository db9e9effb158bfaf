"""Fixtures of the engine for the tests of the worker's jobs."""

from tests.services.support.fixtures import engine, gate, gates, notes, site, swept, trial

__all__ = ["engine", "gate", "gates", "notes", "site", "swept", "trial"]
