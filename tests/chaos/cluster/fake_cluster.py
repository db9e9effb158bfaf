"""A fake cluster: its API server, nodes that run Jobs, controllers of workloads, and a kubeconfig.

Every request of Boreas in any test must be allowed by the role of its workers, and every object that it sends must be
valid for the API.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import kmock
import yaml

from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.nodes import Nodes
from tests.chaos.cluster.rollers import Rollers
from tests.chaos.cluster.schema import Schema

ROLE = Path(__file__).parents[3] / "examples" / "kubernetes" / "rights.yaml"


@dataclass(frozen=True, slots=True)
class Cast:
    """The parts of a fake cluster."""

    server: ClusterServer
    nodes: Nodes
    rollers: Rollers
    kubeconfig: Path


@asynccontextmanager
async def play(folder: Path) -> AsyncIterator[Cast]:
    """Run a fake cluster, whose Jobs work in the folder."""
    async with aclosing(Schema()) as schema, ClusterServer(schema=schema) as server, kmock.Server(server) as wire:
        nodes, rollers = Nodes(server, folder), Rollers(server)
        config = folder / "kubeconfig"
        config.write_text(kubeconfig(str(wire.url)))
        try:
            yield Cast(server, nodes, rollers, config)
        finally:
            server.drop_connections()
            rollers.close()
            await nodes.close()
        assert server.faults == []
        assert server.rights <= allowed()


def allowed() -> set[tuple[str, str, str]]:
    """Return the rights of workers: verb, group and resource."""
    role, _ = yaml.safe_load_all(ROLE.read_text(encoding="utf-8"))
    return {
        (verb, group, resource)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def kubeconfig(url: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "played", "cluster": {"server": url.rstrip("/")}}],
            "users": [{"name": "tester", "user": {"token": "a-secret-of-tests"}}],
            "contexts": [{"name": "played", "context": {"cluster": "played", "user": "tester"}}],
            "current-context": "played",
        }
    )
