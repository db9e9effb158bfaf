"""The Deployment controller of a played cluster: pods that become ready after a while, as many as the manner allows."""

import asyncio
import itertools
from collections.abc import Iterator

from tests.cluster.api import ClusterServer, Object, matches

READY_SECONDS = 0.03
BROKEN = "broken"
"""Images with this in their name never become ready."""


class Rollers:
    """Looks at every Deployment again whenever anything changes, and counts who could serve."""

    def __init__(self, server: ClusterServer) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._due = False
        self._timers: list[asyncio.TimerHandle] = []
        self.watched: dict[str, str] | None = None
        self.fewest = 10**9
        self.most = 0
        server.listeners.append(self._soon)

    def _soon(self) -> None:
        self._count()
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._reconcile)

    def _count(self) -> None:
        """Keep the fewest and the most pods that were ready of those watched."""
        if self.watched is not None:
            pods = [pod for pod in self._server.of("pods") if matches(self.watched, pod["metadata"]["labels"])]
            ready = sum(bool(pod["status"].get("ready")) for pod in pods)
            self.fewest = min(self.fewest, ready)
            self.most = max(self.most, len(pods))

    def serving(self, selector: dict[str, str]) -> Iterator[str]:
        """Yield the images of the ready pods that a selector finds."""
        for pod in self._server.of("pods"):
            if pod["status"].get("ready") and matches(selector, pod["metadata"]["labels"]):
                yield pod["spec"]["containers"][0]["image"]

    def _reconcile(self) -> None:
        self._due = False
        for deployment in self._server.of("deployments"):
            if "deletionTimestamp" not in deployment["metadata"]:
                self._see_to(deployment)

    def _pods(self, deployment: Object) -> list[Object]:
        uid = deployment["metadata"]["uid"]
        return [pod for pod in self._server.of("pods") if pod["metadata"]["ownerReferences"][0]["uid"] == uid]

    def _see_to(self, deployment: Object) -> None:
        spec, name = deployment["spec"], deployment["metadata"]["name"]
        space, wanted = deployment["metadata"]["namespace"], spec.get("replicas", 1)
        template = repr(spec["template"])
        pods = self._pods(deployment)
        new = [pod for pod in pods if pod["spec"]["template"] == template]
        new.sort(key=lambda pod: not pod["status"].get("ready"))
        old = [pod for pod in pods if pod["spec"]["template"] != template]
        ready = [pod for pod in pods if pod["status"].get("ready")]
        room = wanted + 1 - len(pods)
        for _ in range(min(wanted - len(new), room if old else wanted)):
            self._make(deployment, template)
        spare = len(ready) - wanted
        unready = [pod for pod in old if not pod["status"].get("ready")]
        extra = [*new[wanted:], *unready, *[pod for pod in old if pod["status"].get("ready")][: max(0, spare)]]
        for pod in extra:
            self._server.remove(("pods", space, pod["metadata"]["name"]))
        pods = self._pods(self._server.seek("deployments", name, space) or deployment)
        new = [pod for pod in pods if pod["spec"]["template"] == template]
        available = sum(bool(pod["status"].get("ready")) for pod in pods)
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(new),
            "availableReplicas": available,
        }
        self._server.change("deployments", name, lambda body: body.update(status=status), space)

    def _make(self, deployment: Object, template: str) -> None:
        meta, spec = deployment["metadata"], deployment["spec"]["template"]
        name = f"{meta['name']}-{next(self._numbers)}"
        owner = {"kind": "Deployment", "name": meta["name"], "uid": meta["uid"]}
        image = spec["spec"]["containers"][0]["image"]
        pod = {
            "metadata": {"name": name, "labels": spec["metadata"]["labels"], "ownerReferences": [owner]},
            "spec": {**spec["spec"], "template": template},
            "status": {"phase": "Pending"},
        }
        if BROKEN in image:
            waiting = {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}
            pod["status"]["containerStatuses"] = [{"name": "web", "image": image, "state": {"waiting": waiting}}]
        self._server.store("pods", pod, meta["namespace"])
        if BROKEN not in image:
            loop = asyncio.get_running_loop()
            self._timers.append(loop.call_later(READY_SECONDS, self._ready, name, meta["namespace"]))

    def _ready(self, name: str, space: str) -> None:
        self._server.change("pods", name, lambda pod: pod["status"].update(phase="Running", ready=True), space)

    def close(self) -> None:
        """Do nothing any more."""
        self._server.listeners.clear()
        for timer in self._timers:
            timer.cancel()
