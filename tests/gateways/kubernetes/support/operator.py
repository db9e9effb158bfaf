"""What the tests of the operator share.

Instructions, lines that were logged, and waiting for things to happen.
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
    """A sink that keeps what it is given; it can be made to fail as that of a lost attempt does."""

    said: list[str] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    lost: Exception | None = None

    async def __call__(self, stream: Stream, lines: Sequence[str]) -> None:
        await asyncio.sleep(0)
        if self.lost:
            raise self.lost
        (self.system if stream is Stream.SYSTEM else self.said).extend(lines)


class Bench:
    """An operator and its cluster."""

    def __init__(
        self,
        path: str,
        namespace: str,
        cast: Cast | None = None,
    ) -> None:
        self.file = Path(path)
        self.connection = KubernetesAccess(kubeconfig_path=self.file.name, namespace=namespace)
        self._cast = cast
        self._api: Any = None
        self.operator = self.another()

    @property
    def server(self) -> ClusterServer | None:
        """The played cluster, None where it is real."""
        return self._cast.server if self._cast else None

    @property
    def nodes(self) -> Nodes:
        """The machines of the played cluster."""
        assert self._cast is not None
        return self._cast.nodes

    @property
    def rollers(self) -> Rollers:
        """Who rolls Deployments out in the played cluster."""
        assert self._cast is not None
        return self._cast.rollers

    def another(self) -> KubernetesOperator:
        """Return another worker's operator."""
        is_real = self._cast is None
        pace = PollIntervals(0.5, 15.0, 2.0) if is_real else PollIntervals(0.01, 0.5, 0.02, 0.05)
        return KubernetesOperator(pace, AllowedClusters(self.file.parent, trusts_kubeconfigs=is_real))

    def instruction(self, *command: str, run: str = "0", **more: Any) -> Instruction:
        """Return an instruction; by default it has a minute's time."""
        about: dict[str, Any] = {
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
                retain=more.pop("retain", True),
            ),
        }
        return Instruction(**about | more)

    async def run(
        self, *command: str, operator: KubernetesOperator | None = None, **more: Any
    ) -> tuple[Outcome, Lines]:
        """Execute a command to its end."""
        lines = Lines()
        outcome = await (operator or self.operator).start(self.instruction(*command, **more), lines).wait()
        return outcome, lines

    def begin(self, *command: str, lines: Lines, **more: Any) -> Execution:
        """Begin to execute a command."""
        return self.operator.start(self.instruction(*command, **more), lines)

    async def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Ask the cluster as a person with kubectl does: a path below the namespace, with its API in front."""
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
        told: dict[str, Any] = await answer.json()
        return told

    async def objects(self, plural: str) -> list[dict[str, Any]]:
        """Return what there is in the namespace."""
        items: list[dict[str, Any]] = (await self.ask("GET", f"{APIS[plural]}:{plural}"))["items"]
        return items

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.operator.close()
        if self._api is not None:
            await self._api.close()


async def eventually(look: Callable[[], object], what: str = "it", seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so; fail the test after the deadline."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s for {what} in vain")
        await asyncio.sleep(0.01)


@asynccontextmanager
async def real_namespace(path: str, name: str) -> AsyncIterator[None]:
    """Make a namespace in a real cluster, and take it away with all that is in it."""
    async with await _config.new_client_from_config(config_file=path) as api:
        core = _client.CoreV1Api(api)
        await core.create_namespace({"metadata": {"name": name}})
        try:
            yield
        finally:
            await core.delete_namespace(name)
