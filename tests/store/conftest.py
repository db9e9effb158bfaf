"""The store is tested with the engine's fixtures, so that use cases write the rows."""

from tests.services.support.fixtures import engine, site, swept, trial

__all__ = ["engine", "site", "swept", "trial"]
