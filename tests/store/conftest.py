"""The store is tested with the engine's fixtures: real rows come from real use cases."""

from tests.services.support.fixtures import engine, site, swept, trial

__all__ = ["engine", "site", "swept", "trial"]
