"""The controllers of StatefulSets and DaemonSets of a played cluster.

Pods are replaced under their own names.
"""

from typing import Any

from tests.chaos.cluster import pod_states
from tests.chaos.cluster.api import ClusterServer, Object

NODES = ("n1", "n2", "n3")


class InPlace:
    """Brings StatefulSets, one pod after the other, and DaemonSets, one pod per node, to their templates."""

    def __init__(self, server: ClusterServer, rollers: Any) -> None:
        self._server = server
        self._rollers = rollers
        self._current: dict[str, Object] = {}

    def reconcile(self) -> None:
        """Look at all of them once."""
        for each in self._server.of("statefulsets"):
            self._ordered(each)
        for each in self._server.of("daemonsets"):
            self._everywhere(each)

    def _remove(self, owner: Object, name: str) -> None:
        self._server.remove(("pods", owner["metadata"]["namespace"], name))

    def _ordered(self, each: Object) -> None:
        meta, spec = each["metadata"], each["spec"]
        template, wanted = repr(spec["template"]), spec.get("replicas", 1)
        current = self._current.setdefault(meta["uid"], spec["template"])
        manner = spec.get("updateStrategy") or {}
        partition = int((manner.get("rollingUpdate") or {}).get("partition") or 0)
        is_manual = manner.get("type") == "OnDelete"
        pods = {pod["metadata"]["name"]: pod for pod in self._rollers.pods(each)}
        for ordinal in range(wanted):
            name = f"{meta['name']}-{ordinal}"
            if name not in pods:
                body = current if ordinal < partition and not is_manual else spec["template"]
                self._rollers.make(each, repr(body), name, body)
                break
            if not pods[name]["status"].get("ready"):
                break
        else:
            stale = [
                name
                for ordinal in range(partition, wanted)
                if pods[name := f"{meta['name']}-{ordinal}"]["spec"]["template"] != template
            ]
            if stale and not is_manual:
                self._remove(each, stale[-1])
        for name in pods.keys() - {f"{meta['name']}-{ordinal}" for ordinal in range(wanted)}:
            self._remove(each, name)
        pods = {pod["metadata"]["name"]: pod for pod in self._rollers.pods(each)}
        updated = sum(pod["spec"]["template"] == template for pod in pods.values())
        if updated == wanted == len(pods):
            self._current[meta["uid"]] = spec["template"]
        ready = sum(bool(pod["status"].get("ready")) for pod in pods.values())
        status = {
            "observedGeneration": meta["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "updatedReplicas": updated,
        }
        self._server.change("statefulsets", meta["name"], lambda body: body.update(status=status), meta["namespace"])

    def _everywhere(self, each: Object) -> None:
        meta, spec = each["metadata"], each["spec"]
        template = repr(spec["template"])
        manner = spec.get("updateStrategy") or {}
        missing = (manner.get("rollingUpdate") or {}).get("maxUnavailable", 1)
        allowed = max(1, pod_states.budget(missing, len(NODES), up=True))
        pods = {pod["metadata"]["name"]: pod for pod in self._rollers.pods(each)}
        for node in NODES:
            if f"{meta['name']}-{node}" not in pods:
                self._rollers.make(each, template, f"{meta['name']}-{node}")
        if manner.get("type") != "OnDelete":
            stale = [pod for pod in pods.values() if pod["spec"]["template"] != template]
            absent = len(NODES) - sum(bool(pod["status"].get("ready")) for pod in pods.values())
            broken = [pod for pod in stale if not pod["status"].get("ready")]
            whole = [pod for pod in stale if pod["status"].get("ready")]
            for pod in [*broken, *whole[: max(0, allowed - absent)]]:
                self._remove(each, pod["metadata"]["name"])
        now = self._rollers.pods(each)
        ready = sum(bool(pod["status"].get("ready")) for pod in now)
        status = {
            "observedGeneration": meta["generation"],
            "desiredNumberScheduled": len(NODES),
            "currentNumberScheduled": len(now),
            "updatedNumberScheduled": sum(pod["spec"]["template"] == template for pod in now),
            "numberReady": ready,
            "numberAvailable": ready,
        }
        self._server.change("daemonsets", meta["name"], lambda body: body.update(status=status), meta["namespace"])
