"""The controllers of StatefulSets and DaemonSets of a fake cluster.

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
        """Reconcile all workloads once."""
        for workload in self._server.of("statefulsets"):
            self._reconcile_stateful_set(workload)
        for workload in self._server.of("daemonsets"):
            self._reconcile_daemon_set(workload)

    def _remove(self, owner: Object, name: str) -> None:
        self._server.remove(("pods", owner["metadata"]["namespace"], name))

    def _reconcile_stateful_set(self, workload: Object) -> None:
        meta, spec = workload["metadata"], workload["spec"]
        template, replicas = repr(spec["template"]), spec.get("replicas", 1)
        current = self._current.setdefault(meta["uid"], spec["template"])
        strategy = spec.get("updateStrategy") or {}
        partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
        is_manual = strategy.get("type") == "OnDelete"
        pods = {pod["metadata"]["name"]: pod for pod in self._rollers.pods(workload)}
        for ordinal in range(replicas):
            name = f"{meta['name']}-{ordinal}"
            if name not in pods:
                body = current if ordinal < partition and not is_manual else spec["template"]
                self._rollers.make(workload, repr(body), name, body)
                break
            if not pods[name]["status"].get("ready"):
                break
        else:
            stale = [
                name
                for ordinal in range(partition, replicas)
                if pods[name := f"{meta['name']}-{ordinal}"]["spec"]["template"] != template
            ]
            if stale and not is_manual:
                self._remove(workload, stale[-1])
        for name in pods.keys() - {f"{meta['name']}-{ordinal}" for ordinal in range(replicas)}:
            self._remove(workload, name)
        pods = {pod["metadata"]["name"]: pod for pod in self._rollers.pods(workload)}
        updated = sum(pod["spec"]["template"] == template for pod in pods.values())
        if updated == replicas == len(pods):
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

    def _reconcile_daemon_set(self, workload: Object) -> None:
        meta, spec = workload["metadata"], workload["spec"]
        template = repr(spec["template"])
        strategy = spec.get("updateStrategy") or {}
        max_unavailable = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
        allowed = max(1, pod_states.budget(max_unavailable, len(NODES), up=True))
        pods = {pod["metadata"]["name"]: pod for pod in self._rollers.pods(workload)}
        for node in NODES:
            if f"{meta['name']}-{node}" not in pods:
                self._rollers.make(workload, template, f"{meta['name']}-{node}")
        if strategy.get("type") != "OnDelete":
            stale = [pod for pod in pods.values() if pod["spec"]["template"] != template]
            absent = len(NODES) - sum(bool(pod["status"].get("ready")) for pod in pods.values())
            broken = [pod for pod in stale if not pod["status"].get("ready")]
            ready_pods = [pod for pod in stale if pod["status"].get("ready")]
            for pod in [*broken, *ready_pods[: max(0, allowed - absent)]]:
                self._remove(workload, pod["metadata"]["name"])
        current_pods = self._rollers.pods(workload)
        ready = sum(bool(pod["status"].get("ready")) for pod in current_pods)
        status = {
            "observedGeneration": meta["generation"],
            "desiredNumberScheduled": len(NODES),
            "currentNumberScheduled": len(current_pods),
            "updatedNumberScheduled": sum(pod["spec"]["template"] == template for pod in current_pods),
            "numberReady": ready,
            "numberAvailable": ready,
        }
        self._server.change("daemonsets", meta["name"], lambda body: body.update(status=status), meta["namespace"])
