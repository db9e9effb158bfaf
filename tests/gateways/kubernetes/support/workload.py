"""A workload to roll out: a Deployment of three replicas, its Service, and where asked for a route."""

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
        """Make the objects, and roll the old version out once."""
        await self.objects()
        outcome = await self.bring(self.shape(0), image=OLD, deployment_id="dep_01")
        assert outcome.ending is Ending.SUCCEEDED, outcome

    async def objects(self) -> None:
        """Make the objects that are there before Boreas comes."""
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
        """Make an object."""
        version = APIS[plural].partition("/")[2]
        told = await self.bench.ask(
            "POST", f"{APIS[plural]}:{plural}", {"apiVersion": version, "kind": KINDS[plural]} | body
        )
        if told.get("code") == 404 and plural == "httproutes":
            pytest.skip("the cluster has no Gateway API")
        assert told.get("kind") != "Status", told

    def shape(self, updated: int, kind: StrategyKind = StrategyKind.ROLLING, **more: Any) -> Shape:
        """Return a shape of all replicas."""
        about: dict[str, Any] = {"total": TOTAL, "weight": updated / TOTAL} | more
        return Shape(kind=kind, updated=updated, **about)

    async def bring(self, shape: Shape, operator: KubernetesOperator | None = None, **other: Any) -> Outcome:
        """Give it a shape."""
        if other.get("image") == OLD:
            shape = replace(shape, updated=TOTAL, finished=True)
        return await (operator or self.bench.operator).apply(replace(self.workload, **other), shape, self.lines)

    async def take_back(self, shape: Shape, operator: KubernetesOperator | None = None) -> Outcome:
        """Bring the old version back."""
        return await (operator or self.bench.operator).roll_back(self.workload, shape, self.lines)

    async def watch(self, shape: Shape) -> Outcome:
        """Look at what was brought."""
        return await self.bench.operator.observe(self.workload, shape, self.lines)

    async def size(self) -> int:
        """Return how many replicas it is to have."""
        return await self.bench.operator.size(self.workload)

    async def by_hand(self, plural: str, change: Callable[[dict[str, Any]], object], name: str = "web") -> None:
        """Change an object as a person does: the newest there is, again where it was changed in between."""
        path = f"{APIS[plural]}:{plural}/{name}"
        while True:
            change(body := await self.bench.ask("GET", path))
            if (await self.bench.ask("PUT", path, body)).get("code") != 409:
                return

    async def images(self) -> dict[str, tuple[str, int]]:
        """Return what each Deployment runs, and how many of it."""
        return {
            each["metadata"]["name"]: (
                each["spec"]["template"]["spec"]["containers"][0]["image"],
                each["spec"]["replicas"],
            )
            for each in await self.bench.objects("deployments")
        }

    async def selector(self) -> dict[str, str]:
        """Return whom the Service selects."""
        (service,) = [each for each in await self.bench.objects("services") if each["metadata"]["name"] == "web"]
        found: dict[str, str] = service["spec"]["selector"]
        return found

    async def weights(self) -> dict[str, int]:
        """Return the weights of the route."""
        (route,) = await self.bench.objects("httproutes")
        return {ref["name"]: ref.get("weight", 1) for ref in route["spec"]["rules"][0]["backendRefs"]}


class InPlace(Web):
    """A StatefulSet or a DaemonSet of three pods, by its plural."""

    def __init__(self, bench: Bench, plural: str, *, image: str = NEW, **manner: Any) -> None:
        super().__init__(bench, image=image)
        self.plural = plural
        self.manner = manner
        self.workload = replace(self.workload, target=KubernetesTarget(plural, "web"), deployment_id="dep_03")

    async def make(self) -> None:
        """Make it as it is before Boreas comes."""
        labels = {"app": self.plural}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": OLD}]}}
        spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
        if self.manner:
            spec["updateStrategy"] = self.manner
        if self.plural == "statefulsets":
            spec |= {"replicas": TOTAL, "serviceName": "web"}
        await self.create(self.plural, {"apiVersion": "apps/v1", "metadata": {"name": self.plural}, "spec": spec})
        assert (await self.bring(self.shape(TOTAL, finished=True), image=OLD, deployment_id="dep_01")).message is None

    async def pods(self) -> list[str]:
        """Return what each pod runs, in the order of their names."""
        found = [each for each in await self.bench.objects("pods") if each["metadata"]["labels"]["app"] == self.plural]
        found.sort(key=lambda pod: str(pod["metadata"]["name"]))
        return [pod["spec"]["containers"][0]["image"] for pod in found]

    async def spec(self) -> dict[str, Any]:
        """Return what is asked for."""
        (found,) = await self.bench.objects(self.plural)
        spec: dict[str, Any] = found["spec"]
        return spec
