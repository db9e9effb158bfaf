"""A workload to roll out: a Deployment of three replicas, its Service and an optional HTTPRoute."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.core.application import KubernetesTarget
from app.core.attempt import Ending, Outcome
from app.core.strategy.model import Shape, StrategyKind
from app.gateways.operators.kubernetes import KubernetesOperator
from app.ports import Workload
from tests.gateways.kubernetes.support.operator import APIS, KINDS, Bench, Lines

OLD, NEW = "registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.10"
LABELS = {"app": "web"}
TOTAL = 3


class Web:
    """The workload `web`, in a namespace of a cluster."""

    def __init__(self, bench: Bench, *, route: bool = False, image: str = NEW) -> None:
        self.bench = bench
        target = KubernetesTarget("web", "web", "web", "web" if route else None)
        self.workload = Workload(
            connection=bench.connection,
            target=target,
            deployment_id="dep_02",
            task_id="tsk_02hzz",
            application="web",
            application_id="app_01",
            version="v2",
            image=image,
            previous_image=OLD,
        )
        self.lines = Lines()

    async def make(self) -> None:
        """Create the objects, and roll out the old version."""
        await self.objects()
        outcome = await self.roll_out(self.shape(0), image=OLD, deployment_id="dep_01")
        assert outcome.ending is Ending.SUCCEEDED, outcome

    async def objects(self) -> None:
        """Create the objects that exist before the first rollout of Boreas."""
        container = {"name": "web", "image": OLD}
        template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
        spec = {"replicas": TOTAL, "selector": {"matchLabels": LABELS}, "template": template}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
        await self.create("deployments", body)
        ports = [{"name": "http", "port": 80, "targetPort": 8080}]
        await self.create("services", {"metadata": {"name": "web"}, "spec": {"selector": LABELS, "ports": ports}})
        if self.workload.target.http_route:
            refs = [{"name": "web", "port": 80}]
            await self.create("httproutes", {"metadata": {"name": "web"}, "spec": {"rules": [{"backendRefs": refs}]}})

    async def create(self, plural: str, body: dict[str, Any]) -> None:
        """Create an object."""
        version = APIS[plural].partition("/")[2]
        document = await self.bench.request(
            "POST", f"{APIS[plural]}:{plural}", {"apiVersion": version, "kind": KINDS[plural]} | body
        )
        if document.get("code") == 404 and plural == "httproutes":
            pytest.skip("the cluster has no Gateway API")
        assert document.get("kind") != "Status", document

    def shape(self, updated: int, kind: StrategyKind = StrategyKind.ROLLING, **options: Any) -> Shape:
        """Return a shape of all replicas."""
        fields: dict[str, Any] = {"total": TOTAL, "weight": updated / TOTAL} | options
        return Shape(kind=kind, updated=updated, **fields)

    async def roll_out(self, shape: Shape, operator: KubernetesOperator | None = None, **changes: Any) -> Outcome:
        """Roll out to a shape; changes are fields of the workload."""
        if changes.get("image") == OLD:
            shape = replace(shape, updated=TOTAL, finished=True)
        return await (operator or self.bench.operator).apply(replace(self.workload, **changes), shape, self.lines)

    async def roll_back(self, shape: Shape, operator: KubernetesOperator | None = None) -> Outcome:
        """Roll back to the old version, from a shape."""
        return await (operator or self.bench.operator).roll_back(self.workload, shape, self.lines)

    async def observe(self, shape: Shape) -> Outcome:
        """Observe the rollout in a shape."""
        return await self.bench.operator.observe(self.workload, shape, self.lines)

    async def size(self) -> int:
        """Return the desired number of replicas."""
        return await self.bench.operator.size(self.workload)

    async def edit(self, plural: str, change: Callable[[dict[str, Any]], object], name: str = "web") -> None:
        """Edit an object as a person does, and retry on a conflict."""
        path = f"{APIS[plural]}:{plural}/{name}"
        while True:
            change(body := await self.bench.request("GET", path))
            if (await self.bench.request("PUT", path, body)).get("code") != 409:
                return

    async def images(self) -> dict[str, tuple[str, int]]:
        """Return the image and the number of replicas of each Deployment."""
        return {
            deployment["metadata"]["name"]: (
                deployment["spec"]["template"]["spec"]["containers"][0]["image"],
                deployment["spec"]["replicas"],
            )
            for deployment in await self.bench.objects("deployments")
        }

    async def selector(self) -> dict[str, str]:
        """Return the selector of the Service."""
        (service,) = [
            candidate for candidate in await self.bench.objects("services") if candidate["metadata"]["name"] == "web"
        ]
        selector: dict[str, str] = service["spec"]["selector"]
        return selector

    async def weights(self) -> dict[str, int]:
        """Return the weights of the route."""
        (route,) = await self.bench.objects("httproutes")
        return {ref["name"]: ref.get("weight", 1) for ref in route["spec"]["rules"][0]["backendRefs"]}


class InPlace(Web):
    """A StatefulSet or a DaemonSet of three pods, by its plural."""

    def __init__(self, bench: Bench, plural: str, *, image: str = NEW, **update_strategy: Any) -> None:
        super().__init__(bench, image=image)
        self.plural = plural
        self.update_strategy = update_strategy
        self.workload = replace(self.workload, target=KubernetesTarget(plural, "web"), deployment_id="dep_03")

    async def make(self) -> None:
        """Create the workload, and roll out the old version."""
        labels = {"app": self.plural}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": OLD}]}}
        spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
        if self.update_strategy:
            spec["updateStrategy"] = self.update_strategy
        if self.plural == "statefulsets":
            spec |= {"replicas": TOTAL, "serviceName": "web"}
        await self.create(self.plural, {"apiVersion": "apps/v1", "metadata": {"name": self.plural}, "spec": spec})
        assert (
            await self.roll_out(self.shape(TOTAL, finished=True), image=OLD, deployment_id="dep_01")
        ).message is None

    async def pods(self) -> list[str]:
        """Return the image of each pod, in the order of the pod names."""
        pods = [pod for pod in await self.bench.objects("pods") if pod["metadata"]["labels"]["app"] == self.plural]
        pods.sort(key=lambda pod: str(pod["metadata"]["name"]))
        return [pod["spec"]["containers"][0]["image"] for pod in pods]

    async def spec(self) -> dict[str, Any]:
        """Return the spec of the workload."""
        (document,) = await self.bench.objects(self.plural)
        spec: dict[str, Any] = document["spec"]
        return spec
