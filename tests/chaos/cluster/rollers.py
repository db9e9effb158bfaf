"""The controllers of workloads of a played cluster.

Pods that become ready after a while, as the manner allows.

`quota` bounds how many pods there may be, `places` how many of those that want a node for themselves.
"""

import asyncio
import itertools
from collections.abc import Iterator

from tests.chaos.cluster import pod_states
from tests.chaos.cluster.api import ClusterServer, Object, now
from tests.chaos.cluster.in_place import InPlace
from tests.chaos.cluster.selectors import matches

READY_SECONDS = 0.03
BROKEN = "broken"
"""Images with this in their name never become ready."""
UNREADY = "unready"
"""Images with this in their name run, and their readiness probe finds nothing good."""
PROBED = "Readiness probe failed: HTTP probe failed with statuscode: 503"
KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}


class Rollers:
    """Looks at every workload again whenever anything changes, and counts who could serve."""

    def __init__(self, server: ClusterServer) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._due = False
        self._timers: list[asyncio.TimerHandle] = []
        self._deadlines: dict[str, tuple[object, asyncio.TimerHandle]] = {}
        self._in_place = InPlace(server, self)
        self.stopped = False
        self.quota: int | None = None
        self.places: int | None = None
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

    def crash(self, image: str, *, loops: bool = False) -> None:
        """Let every pod of an image crash once after it was ready; it is ready again, unless it `loops`."""
        for pod in self._server.of("pods"):
            if pod["spec"]["containers"][0]["image"] == image:
                count = int(pod["status"]["containerStatuses"][0]["restartCount"]) + 1
                reason = "CrashLoopBackOff" if loops else None
                self._turn(pod, ready=not loops, restarts=count, reason=reason)

    def _turn(self, pod: Object, **how: object) -> None:
        meta = pod["metadata"]
        self._server.change("pods", meta["name"], lambda body: pod_states.turned(body, **how), meta["namespace"])  # type: ignore[arg-type]

    def _reconcile(self) -> None:
        self._due = False
        if self.stopped:
            return
        for pod in self._server.of("pods"):
            meta = pod["metadata"]
            if "deletionTimestamp" in meta and "boreas.dev/run" not in meta["labels"]:
                self._server.remove(("pods", meta["namespace"], meta["name"]))
        self._schedule()
        for deployment in self._server.of("deployments"):
            if "deletionTimestamp" not in deployment["metadata"]:
                self._see_to(deployment)
        self._in_place.reconcile()
        self._schedule()

    def pods(self, owner: Object) -> list[Object]:
        """Return the pods of a workload."""
        uid = owner["metadata"]["uid"]
        return [pod for pod in self._server.of("pods") if pod["metadata"]["ownerReferences"][0]["uid"] == uid]

    def _see_to(self, deployment: Object) -> None:
        spec, name = deployment["spec"], deployment["metadata"]["name"]
        space, wanted = deployment["metadata"]["namespace"], spec.get("replicas", 1)
        template, is_paused, refused = self._template(deployment), bool(spec.get("paused")), False
        for _ in range(0 if is_paused else self._missing(deployment, template)):
            refused = refused or not self.make(deployment, template)
        for pod in () if is_paused else self._extra(deployment, template):
            self._server.remove(("pods", space, pod["metadata"]["name"]))
        pods = self.pods(self._server.seek("deployments", name, space) or deployment)
        ready = sum(bool(pod["status"].get("ready")) for pod in pods)
        updated = sum(pod["spec"]["template"] == template for pod in pods)
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": updated,
            "availableReplicas": ready,
            "conditions": self._conditions(deployment, refused, (wanted, len(pods), updated, ready)),
        }
        self._server.change("deployments", name, lambda body: body.update(status=status), space)

    def _template(self, deployment: Object) -> str:
        """Return what pods of the newest ReplicaSet were made from: it may have been labelled since."""
        meta, template = deployment["metadata"], deployment["spec"]["template"]
        for each in self._server.of("replicasets"):
            if each["metadata"]["ownerReferences"][0]["uid"] == meta["uid"] and each["spec"]["template"] == template:
                return str(each["metadata"]["annotations"]["made-from"])
        if deployment["spec"].get("paused"):
            return "none yet"
        owner = {"kind": "Deployment", "name": meta["name"], "uid": meta["uid"], "controller": True}
        name, notes = f"{meta['name']}-{next(self._numbers)}", {"made-from": repr(template)}
        about = {"name": name, "ownerReferences": [owner], "annotations": notes}
        self._server.store("replicasets", {"metadata": about, "spec": {"template": template}}, meta["namespace"])
        return repr(template)

    def _missing(self, deployment: Object, template: str) -> int:
        spec, pods = deployment["spec"], self.pods(deployment)
        wanted = int(spec.get("replicas", 1))
        new = [pod for pod in pods if pod["spec"]["template"] == template]
        if len(new) == len(pods):
            return max(0, wanted - len(new))
        if (spec.get("strategy") or {}).get("type") == "Recreate":
            return 0
        return max(0, min(wanted - len(new), wanted + pod_states.allowed(spec, wanted)[0] - len(pods)))

    def _extra(self, deployment: Object, template: str) -> list[Object]:
        spec, pods = deployment["spec"], self.pods(deployment)
        wanted = spec.get("replicas", 1)
        new = sorted(
            (pod for pod in pods if pod["spec"]["template"] == template), key=lambda pod: not pod["status"].get("ready")
        )
        old = [pod for pod in pods if pod["spec"]["template"] != template]
        if (spec.get("strategy") or {}).get("type") == "Recreate" and old:
            return old
        unready = [pod for pod in old if not pod["status"].get("ready")]
        ready = [pod for pod in old if pod["status"].get("ready")]
        left = sum(bool(pod["status"].get("ready")) for pod in pods) - (wanted - pod_states.allowed(spec, wanted)[1])
        if not unready and len(new) >= wanted and all(pod["status"].get("ready") for pod in new[:wanted]):
            left = len(ready)
        return [*new[wanted:], *unready, *ready[: max(0, left)]]

    def _conditions(self, deployment: Object, refused: bool, at: tuple[int, ...]) -> list[Object]:
        """Tell what pods could not be made, and after the deadline that nothing gets on."""
        meta, seconds = deployment["metadata"], deployment["spec"].get("progressDeadlineSeconds", 600)
        told: list[Object] = []
        if refused:
            message = f'pods "{meta["name"]}-x" is forbidden: exceeded quota: pods, limited: pods={self.quota}'
            told.append({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message})
        key = (meta["generation"], at)
        seen, timer = self._deadlines.get(meta["uid"], (None, None))
        if seen != key or len(set(at)) == 1:
            if timer is not None:
                timer.cancel()
            handle = asyncio.get_running_loop().call_later(seconds, self._soon)
            self._deadlines[meta["uid"]] = (key, handle)
        elif timer is not None and timer.when() <= asyncio.get_running_loop().time():
            late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
            told.append(late | {"message": f'ReplicaSet "{meta["name"]}-1" has timed out progressing.'})
        return told

    def make(self, owner: Object, template: str, name: str | None = None, body: Object | None = None) -> bool:
        """Make a pod of a workload. Return whether the quota let it be made."""
        meta, spec = owner["metadata"], body or owner["spec"]["template"]
        if self.quota is not None and sum(1 for _ in self._server.of("pods")) >= self.quota:
            return False
        name = name or f"{meta['name']}-{next(self._numbers)}"
        there = {KINDS[kind]: self._server.seek(kind, meta["name"], meta["namespace"]) for kind in KINDS}
        kind = next(kind for kind, each in there.items() if each and each["metadata"]["uid"] == meta["uid"])
        controller = {"kind": kind, "name": meta["name"], "uid": meta["uid"], "controller": True}
        image = spec["spec"]["containers"][0]["image"]
        pod: Object = {
            "metadata": {**spec["metadata"], "name": name, "ownerReferences": [controller]},
            "spec": {**spec["spec"], "template": template},
            "status": {"phase": "Pending"},
        }
        if BROKEN in image:
            waiting = {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}
            pod["status"] |= pod_states.statuses(pod, {"waiting": waiting}, ready=False)
        self._server.store("pods", pod, meta["namespace"])
        return True

    def _schedule(self) -> None:
        """Give pods nodes; the image of what has one starts, unless it is broken."""
        pods = list(self._server.of("pods"))
        taken = sum("node" in pod["status"] and pod_states.is_exclusive(pod) for pod in pods)
        for pod in pods:
            meta = pod["metadata"]
            if "node" in pod["status"] or "boreas.dev/run" in meta["labels"]:
                continue
            exclusive = pod_states.is_exclusive(pod)
            if exclusive and self.places is not None and taken >= self.places:
                self._server.change("pods", meta["name"], pod_states.unschedulable, meta["namespace"])
                continue
            taken += exclusive
            self._server.change("pods", meta["name"], lambda body: body["status"].update(node="n"), meta["namespace"])
            if BROKEN not in pod["spec"]["containers"][0]["image"]:
                loop = asyncio.get_running_loop()
                self._timers.append(loop.call_later(READY_SECONDS, self._ready, meta["uid"], meta["namespace"]))

    def _ready(self, uid: str, space: str) -> None:
        for pod in self._server.of("pods"):
            if pod["metadata"]["uid"] == uid and pod["metadata"]["namespace"] == space:
                is_ready = UNREADY not in pod["spec"]["containers"][0]["image"]
                self._turn(pod, ready=is_ready)
                if not is_ready:
                    self.tell("Pod", pod, "Unhealthy", PROBED)

    def tell(self, kind: str, body: Object, reason: str, message: str, type_: str = "Warning") -> None:
        """Tell of something by an event of an object; the same again counts."""
        meta = body["metadata"]
        about = {"kind": kind, "name": meta["name"], "uid": meta["uid"]}
        told = {"involvedObject": about, "type": type_, "reason": reason, "message": message}
        name = f"{meta['name']}.{reason.lower()}"
        count = (self._server.seek("events", name, meta["namespace"]) or {}).get("count", 0) + 1
        event = {"metadata": {"name": name}, "lastTimestamp": now(), "count": count} | told
        self._server.store("events", event, meta["namespace"])

    def close(self) -> None:
        """Stop working."""
        self._server.listeners.clear()
        for timer in (*self._timers, *(handle for _, handle in self._deadlines.values())):
            timer.cancel()
