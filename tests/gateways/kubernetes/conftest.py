"""A cluster to test against: a played one, or a real one where BOREAS_TEST_KUBECONFIG names a kubeconfig file.

The tests are the same; those that break the cluster itself need the played one and are skipped else.
"""

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import kmock
import pytest
import yaml

from tests.cluster.api import ClusterServer
from tests.cluster.nodes import Nodes
from tests.cluster.rollers import Rollers
from tests.gateways.kubernetes.bench import Bench, real_namespace

KUBECONFIG = os.environ.get("BOREAS_TEST_KUBECONFIG")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A namespace of a cluster, empty, and an operator that works in it."""
    namespace = f"boreas-test-{secrets.token_hex(4)}"
    if KUBECONFIG:
        async with real_namespace(KUBECONFIG, namespace), Bench(KUBECONFIG, namespace) as bench:
            yield bench
        return
    async with ClusterServer() as server, kmock.Server(server) as wire:
        nodes = Nodes(server, tmp_path)
        rollers = Rollers(server)
        config = tmp_path / "kubeconfig"
        config.write_text(kubeconfig(str(wire.url)))
        try:
            async with Bench(str(config), namespace, server, nodes, rollers) as bench:
                yield bench
        finally:
            server.drop()
            rollers.close()
            await nodes.close()


@pytest.fixture
def played(bench: Bench) -> ClusterServer:
    """The played cluster itself, to break it and to look behind it."""
    if bench.server is None:
        pytest.skip("a real cluster is not broken by tests")
    return bench.server


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
