"""Shared support for the tests of the operator.

It builds instructions, collects logged lines and waits for conditions.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from kubernetes_asyncio import client, config

from app.core.attempt import Outcome
from app.core.environment import KubernetesAccess
from app.core.log_levels import Stream
from app.gateways.operators.kubernetes import AllowedClusters, KubernetesOperator
from app.gateways.operators.kubernetes.workload import PollIntervals
from app.ports import Execution, Instruction, Origin
from tests.chaos.cluster.api import ClusterServer
from tests.chaos.cluster.fake_cluster import Cast
from tests.chaos.cluster.nodes import Nodes
from tests.chaos.cluster.rollers import Rollers

IMAGE = "busybox:1.36"
PATIENCE_SECONDS = 20.0
APIS = {
    "jobs": "apis/batch/v1",
    "pods": "api/v1",
    "services": "api/v1",
    "deployments": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "daemonsets": "apis/apps/v1",
    "httproutes": "apis/gateway.networking.k8s.io/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2",
    "poddisruptionbudgets": "apis/policy/v1",
}
KINDS = {
    "services": "Service",
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "httproutes": "HTTPRoute",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "poddisruptionbudgets": "PodDisruptionBudget",
}
_client: Any = client
_config: Any = config


@dataclass(slots=True)
class Lines:
    """Collects log lines; with a `failure` set, it raises that, as the sink of a lost attempt does."""

    output: list[str] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    failure: Exception | None = None

    async def __call__(self, stream: Stream, lines: Sequence[str]) -> None:
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        (self.system if stream is Stream.SYSTEM else self.output).extend(lines)


class Bench:
    """An operator and its cluster."""

    def __init__(
        self,
        path: str,
        namespace: str,
        fake_cluster: Cast | None = None,
    ) -> None:
        self.file = Path(path)
        self.connection = KubernetesAccess(kubeconfig_path=self.file.name, namespace=namespace)
        self._fake_cluster = fake_cluster
        self._api: Any = None
        self.operator = self.new_operator()

    @property
    def server(self) -> ClusterServer | None:
        """The API server of the fake cluster, None for a real cluster."""
        return self._fake_cluster.server if self._fake_cluster else None

    @property
    def nodes(self) -> Nodes:
        """The nodes of the fake cluster."""
        assert self._fake_cluster is not None
        return self._fake_cluster.nodes

    @property
    def rollers(self) -> Rollers:
        """The workload controllers of the fake cluster."""
        assert self._fake_cluster is not None
        return self._fake_cluster.rollers

    def new_operator(self) -> KubernetesOperator:
        """Return the operator of another worker."""
        is_real = self._fake_cluster is None
        pace = PollIntervals(0.5, 15.0, 2.0) if is_real else PollIntervals(0.01, 0.5, 0.02, 0.05)
        return KubernetesOperator(pace, AllowedClusters(self.file.parent, trusts_kubeconfigs=is_real))

    def instruction(self, *command: str, run: str = "0", **options: Any) -> Instruction:
        """Return an instruction, by default with a time limit of one minute."""
        defaults: dict[str, Any] = {
            "command": command or None,
            "env": {"GREETING": "hello"},
            "workspace": "dep/app",
            "timeout_seconds": 60,
            "image": IMAGE,
            "connection": self.connection,
            "origin": Origin(
                deployment_id="dep_01",
                task_id="tsk_01hzz",
                run=run,
                application="shop",
                retain=options.pop("retain", True),
            ),
        }
        return Instruction(**defaults | options)

    async def run(
        self, *command: str, operator: KubernetesOperator | None = None, **options: Any
    ) -> tuple[Outcome, Lines]:
        """Execute a command to its end."""
        lines = Lines()
        outcome = await (operator or self.operator).start(self.instruction(*command, **options), lines).wait()
        return outcome, lines

    def start(self, *command: str, lines: Lines, **options: Any) -> Execution:
        """Start a command and return its execution."""
        return self.operator.start(self.instruction(*command, **options), lines)

    async def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send a request as kubectl does: `path` is the API, a colon and a path below the namespace."""
        group, _, rest = path.rpartition(":")
        if self._api is None:
            self._api = await _config.new_client_from_config(config_file=str(self.file))
        answer = await self._api.call_api(
            f"/{group}/namespaces/{self.connection.namespace}/{rest}",
            method,
            body=body,
            auth_settings=["BearerToken"],
            _preload_content=False,
        )
        document: dict[str, Any] = await answer.json()
        return document

    async def objects(self, plural: str) -> list[dict[str, Any]]:
        """Return the objects of one kind in the namespace."""
        items: list[dict[str, Any]] = (await self.request("GET", f"{APIS[plural]}:{plural}"))["items"]
        return items

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.operator.close()
        if self._api is not None:
            await self._api.close()


async def eventually(
    condition: Callable[[], object], description: str = "it", seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until the condition holds; fail the test after the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s for {description} in vain")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def real_namespace(path: str, name: str) -> AsyncIterator[None]:
    """Create a namespace in a real cluster, and delete it at the end."""
    async with await _config.new_client_from_config(config_file=path) as api:
        core = _client.CoreV1Api(api)
        await core.create_namespace({"metadata": {"name": name}})
        try:
            yield
        finally:
            await core.delete_namespace(name)
