"""The controllers of workloads of a fake cluster.

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
"""Images with this in their name run, and their readiness probe fails."""
PROBED = "Readiness probe failed: HTTP probe failed with statuscode: 503"
KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}


class Rollers:
    """Reconciles every workload after each change, and counts the pods that could serve."""

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
        """Record the fewest ready pods and the most pods of the watched selector."""
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
        """Crash every pod of an image once; it becomes ready again, unless it `loops`."""
        for pod in self._server.of("pods"):
            if pod["spec"]["containers"][0]["image"] == image:
                count = int(pod["status"]["containerStatuses"][0]["restartCount"]) + 1
                reason = "CrashLoopBackOff" if loops else None
                self._set_ready(pod, ready=not loops, restarts=count, reason=reason)

    def _set_ready(self, pod: Object, **state: object) -> None:
        meta = pod["metadata"]
        self._server.change("pods", meta["name"], lambda body: pod_states.set_ready(body, **state), meta["namespace"])  # type: ignore[arg-type]

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
                self._reconcile_deployment(deployment)
        self._in_place.reconcile()
        self._schedule()

    def pods(self, owner: Object) -> list[Object]:
        """Return the pods of a workload."""
        uid = owner["metadata"]["uid"]
        return [pod for pod in self._server.of("pods") if pod["metadata"]["ownerReferences"][0]["uid"] == uid]

    def _reconcile_deployment(self, deployment: Object) -> None:
        spec, name = deployment["spec"], deployment["metadata"]["name"]
        space, replicas = deployment["metadata"]["namespace"], spec.get("replicas", 1)
        template, is_paused, refused = self._template(deployment), bool(spec.get("paused")), False
        for _ in range(0 if is_paused else self._missing_pods(deployment, template)):
            refused = refused or not self.make(deployment, template)
        for pod in () if is_paused else self._surplus_pods(deployment, template):
            self._server.remove(("pods", space, pod["metadata"]["name"]))
        pods = self.pods(self._server.seek("deployments", name, space) or deployment)
        ready = sum(bool(pod["status"].get("ready")) for pod in pods)
        updated = sum(pod["spec"]["template"] == template for pod in pods)
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": updated,
            "availableReplicas": ready,
            "conditions": self._conditions(deployment, refused, (replicas, len(pods), updated, ready)),
        }
        self._server.change("deployments", name, lambda body: body.update(status=status), space)

    def _template(self, deployment: Object) -> str:
        """Return the original template of the newest ReplicaSet, whose labels may have changed since."""
        meta, template = deployment["metadata"], deployment["spec"]["template"]
        for replica_set in self._server.of("replicasets"):
            if (
                replica_set["metadata"]["ownerReferences"][0]["uid"] == meta["uid"]
                and replica_set["spec"]["template"] == template
            ):
                return str(replica_set["metadata"]["annotations"]["made-from"])
        if deployment["spec"].get("paused"):
            return "none yet"
        owner = {"kind": "Deployment", "name": meta["name"], "uid": meta["uid"], "controller": True}
        name, annotations = f"{meta['name']}-{next(self._numbers)}", {"made-from": repr(template)}
        metadata = {"name": name, "ownerReferences": [owner], "annotations": annotations}
        self._server.store("replicasets", {"metadata": metadata, "spec": {"template": template}}, meta["namespace"])
        return repr(template)

    def _missing_pods(self, deployment: Object, template: str) -> int:
        spec, pods = deployment["spec"], self.pods(deployment)
        replicas = int(spec.get("replicas", 1))
        new_pods = [pod for pod in pods if pod["spec"]["template"] == template]
        if len(new_pods) == len(pods):
            return max(0, replicas - len(new_pods))
        if (spec.get("strategy") or {}).get("type") == "Recreate":
            return 0
        return max(0, min(replicas - len(new_pods), replicas + pod_states.allowed(spec, replicas)[0] - len(pods)))

    def _surplus_pods(self, deployment: Object, template: str) -> list[Object]:
        spec, pods = deployment["spec"], self.pods(deployment)
        replicas = spec.get("replicas", 1)
        new_pods = sorted(
            (pod for pod in pods if pod["spec"]["template"] == template), key=lambda pod: not pod["status"].get("ready")
        )
        old_pods = [pod for pod in pods if pod["spec"]["template"] != template]
        if (spec.get("strategy") or {}).get("type") == "Recreate" and old_pods:
            return old_pods
        unready = [pod for pod in old_pods if not pod["status"].get("ready")]
        ready = [pod for pod in old_pods if pod["status"].get("ready")]
        removable = sum(bool(pod["status"].get("ready")) for pod in pods) - (
            replicas - pod_states.allowed(spec, replicas)[1]
        )
        if not unready and len(new_pods) >= replicas and all(pod["status"].get("ready") for pod in new_pods[:replicas]):
            removable = len(ready)
        return [*new_pods[replicas:], *unready, *ready[: max(0, removable)]]

    def _conditions(self, deployment: Object, refused: bool, progress: tuple[int, ...]) -> list[Object]:
        """Return the conditions for refused pods and for an exceeded progress deadline."""
        meta, seconds = deployment["metadata"], deployment["spec"].get("progressDeadlineSeconds", 600)
        conditions: list[Object] = []
        if refused:
            message = f'pods "{meta["name"]}-x" is forbidden: exceeded quota: pods, limited: pods={self.quota}'
            conditions.append(
                {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
            )
        key = (meta["generation"], progress)
        last_key, timer = self._deadlines.get(meta["uid"], (None, None))
        if last_key != key or len(set(progress)) == 1:
            if timer is not None:
                timer.cancel()
            new_timer = asyncio.get_running_loop().call_later(seconds, self._soon)
            self._deadlines[meta["uid"]] = (key, new_timer)
        elif timer is not None and timer.when() <= asyncio.get_running_loop().time():
            condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
            conditions.append(condition | {"message": f'ReplicaSet "{meta["name"]}-1" has timed out progressing.'})
        return conditions

    def make(self, owner: Object, template: str, name: str | None = None, body: Object | None = None) -> bool:
        """Create a pod of a workload. Return whether the quota allows it."""
        meta, spec = owner["metadata"], body or owner["spec"]["template"]
        if self.quota is not None and sum(1 for _ in self._server.of("pods")) >= self.quota:
            return False
        name = name or f"{meta['name']}-{next(self._numbers)}"
        owners = {KINDS[kind]: self._server.seek(kind, meta["name"], meta["namespace"]) for kind in KINDS}
        kind = next(
            kind for kind, candidate in owners.items() if candidate and candidate["metadata"]["uid"] == meta["uid"]
        )
        controller = {"kind": kind, "name": meta["name"], "uid": meta["uid"], "controller": True}
        image = spec["spec"]["containers"][0]["image"]
        pod: Object = {
            "metadata": {**spec["metadata"], "name": name, "ownerReferences": [controller]},
            "spec": {**spec["spec"], "template": template},
            "status": {"phase": "Pending"},
        }
        if BROKEN in image:
            waiting_state = {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}
            pod["status"] |= pod_states.statuses(pod, {"waiting": waiting_state}, ready=False)
        self._server.store("pods", pod, meta["namespace"])
        return True

    def _schedule(self) -> None:
        """Assign pods to nodes and start their images, unless those are broken."""
        pods = list(self._server.of("pods"))
        nodes_taken = sum("node" in pod["status"] and pod_states.is_exclusive(pod) for pod in pods)
        for pod in pods:
            meta = pod["metadata"]
            if "node" in pod["status"] or "boreas.dev/run" in meta["labels"]:
                continue
            exclusive = pod_states.is_exclusive(pod)
            if exclusive and self.places is not None and nodes_taken >= self.places:
                self._server.change("pods", meta["name"], pod_states.mark_unschedulable, meta["namespace"])
                continue
            nodes_taken += exclusive
            self._server.change("pods", meta["name"], lambda body: body["status"].update(node="n"), meta["namespace"])
            if BROKEN not in pod["spec"]["containers"][0]["image"]:
                loop = asyncio.get_running_loop()
                self._timers.append(loop.call_later(READY_SECONDS, self._ready, meta["uid"], meta["namespace"]))

    def _ready(self, uid: str, space: str) -> None:
        for pod in self._server.of("pods"):
            if pod["metadata"]["uid"] == uid and pod["metadata"]["namespace"] == space:
                is_ready = UNREADY not in pod["spec"]["containers"][0]["image"]
                self._set_ready(pod, ready=is_ready)
                if not is_ready:
                    self.record_event("Pod", pod, "Unhealthy", PROBED)

    def record_event(self, kind: str, body: Object, reason: str, message: str, type_: str = "Warning") -> None:
        """Record an event of an object; a repetition increases its count."""
        meta = body["metadata"]
        subject = {"kind": kind, "name": meta["name"], "uid": meta["uid"]}
        fields = {"involvedObject": subject, "type": type_, "reason": reason, "message": message}
        name = f"{meta['name']}.{reason.lower()}"
        count = (self._server.seek("events", name, meta["namespace"]) or {}).get("count", 0) + 1
        event = {"metadata": {"name": name}, "lastTimestamp": now(), "count": count} | fields
        self._server.store("events", event, meta["namespace"])

    def close(self) -> None:
        """Stop all controllers."""
        self._server.listeners.clear()
        for timer in (*self._timers, *(new_timer for _, new_timer in self._deadlines.values())):
            timer.cancel()
