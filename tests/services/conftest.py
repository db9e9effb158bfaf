"""Fixtures of the engine for the tests of the services."""

from tests.services.support.clusters import cast, cluster, nodes, place
from tests.services.support.fixtures import engine, gate, gates, notes, site, swept, trial

__all__ = ["cast", "cluster", "engine", "gate", "gates", "nodes", "notes", "place", "site", "swept", "trial"]
