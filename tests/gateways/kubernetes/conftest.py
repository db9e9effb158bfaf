"""A cluster to test against.

A fake one, or a real one where BOREAS_TEST_KUBECONFIG names a kubeconfig file.

The tests are the same; those that break the cluster itself need the played one and are skipped else.
"""

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.fake_cluster import play
from tests.gateways.kubernetes.support.operator import Bench, real_namespace

KUBECONFIG = os.environ.get("BOREAS_TEST_KUBECONFIG")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An empty namespace of a cluster, and an operator for it."""
    namespace = f"boreas-test-{secrets.token_hex(4)}"
    if KUBECONFIG:
        async with real_namespace(KUBECONFIG, namespace), Bench(KUBECONFIG, namespace) as bench:
            yield bench
        return
    async with play(tmp_path) as fake_cluster, Bench(str(fake_cluster.kubeconfig), namespace, fake_cluster) as bench:
        yield bench


@pytest.fixture
def api_server(bench: Bench) -> ClusterServer:
    """The API server of the fake cluster, for faults and direct reads."""
    if bench.server is None:
        pytest.skip("a real cluster is not broken by tests")
    return bench.server
