"""Simulated nodes: pods of Jobs run their commands as real processes, and the Jobs get the result."""

import asyncio
import itertools
import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.chaos.cluster.api import ClusterServer, Log, Object, now

UNREACHABLE = ".invalid/"
"""Images of such a registry cannot be pulled, here as in any cluster."""
ROOTED = "rooted"
"""Images with this in their name run as root, unless a user is set."""
NODE = "node-1"
TARGET = {
    "type": "FailureTarget",
    "status": "True",
    "reason": "BackoffLimitExceeded",
    "message": "Job has reached the specified backoff limit",
}
RETRY_SECONDS = 0.1
"""The delay before a refused pod is tried again."""


def expand(text: str, env: Mapping[str, str]) -> str:
    """Expand `$(NAME)` as the kubelet does: unknown names stay, and `$$` is one `$`."""

    def replacement(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else env.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", replacement, text)


class Nodes:
    """The Job controller and the kubelet. Reconciles all objects after each change."""

    def __init__(self, server: ClusterServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._due = False
        self._jobs_with_pod: set[str] = set()
        self._dead = False
        self._evicted: set[str] = set()
        self._numbers = itertools.count(1)
        self.unschedulable = False
        self.pull_seconds = 0.0
        self.refusal: str | None = None
        self.killed_as: str | None = None
        server.listeners.append(self._soon)

    def _soon(self) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._reconcile)

    def _reconcile(self) -> None:
        self._due = False
        for job in self._server.of("jobs"):
            self._reconcile_job(job)
        for pod in self._server.of("pods"):
            name, is_deleted = pod["metadata"]["name"], "deletionTimestamp" in pod["metadata"]
            if "boreas.dev/run" not in pod["metadata"]["labels"]:
                continue
            if self._dead:
                continue
            if is_deleted and name in self._runs:
                self._runs[name].cancel()
            elif is_deleted:
                self._server.remove(("pods", pod["metadata"]["namespace"], name))
            elif name not in self._runs and "containerStatuses" not in pod.get("status", {}):
                self._runs[name] = asyncio.create_task(self._run(pod))
        live = {pod["metadata"]["name"] for pod in self._server.of("pods")}
        for name in self._runs.keys() - live:
            self._runs[name].cancel()

    def _reconcile_job(self, job: Object) -> None:
        meta, status = job["metadata"], job.get("status", {})
        name, space = meta["name"], meta["namespace"]
        pods = [
            pod
            for pod in self._server.of("pods")
            if any(owner["uid"] == meta["uid"] for owner in pod["metadata"].get("ownerReferences", ()))
        ]
        if "deletionTimestamp" in meta:
            for pod in pods:
                if "deletionTimestamp" not in pod["metadata"]:
                    self._server.change(
                        "pods", pod["metadata"]["name"], lambda p: p["metadata"].update(deletionTimestamp=now()), space
                    )
            if not pods:
                self._server.remove(("jobs", space, name))
            return
        if status.get("conditions"):
            return
        needs_pod = meta["uid"] not in self._jobs_with_pod
        if needs_pod and not job["spec"].get("suspend"):
            self._make_pod(job)
        if "startTime" not in status:
            self._server.change("jobs", name, lambda j: j.setdefault("status", {}).update(startTime=now()), space)
            limit = job["spec"]["activeDeadlineSeconds"]
            self._timers[meta["uid"]] = asyncio.get_running_loop().call_later(limit, self._reach_deadline, name, space)
        elif not pods and not needs_pod:
            self._end(name, space, "Failed", "BackoffLimitExceeded")
        elif pods and pods[0].get("status", {}).get("phase") in ("Succeeded", "Failed"):
            has_succeeded = pods[0]["status"]["phase"] == "Succeeded"
            self._end(
                name,
                space,
                "Complete" if has_succeeded else "Failed",
                None if has_succeeded else "BackoffLimitExceeded",
            )

    def _reach_deadline(self, name: str, space: str) -> None:
        job = self._server.seek("jobs", name, space)
        if job and not job.get("status", {}).get("conditions"):
            self._end(name, space, "Failed", "DeadlineExceeded")
            for pod in self._server.of("pods"):
                if pod["metadata"]["labels"].get("boreas.dev/run") == name:
                    self._server.change(
                        "pods", pod["metadata"]["name"], lambda p: p["metadata"].update(deletionTimestamp=now()), space
                    )

    def _end(self, name: str, space: str, kind: str, reason: str | None) -> None:
        """End a Job in two steps, as the controller does: first the target condition, then the final one."""
        target = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
        conditions = [{"type": condition_type, "status": "True", "reason": reason} for condition_type in (target, kind)]
        count = {"succeeded" if kind == "Complete" else "failed": 1}
        self._server.change("jobs", name, lambda j: j["status"].update(conditions=conditions[:1]), space)
        self._server.change("jobs", name, lambda j: j["status"].update({"conditions": conditions} | count), space)

    def _refuse(self, job: Object, reason: str) -> None:
        """Record an event for a pod that may not be created."""
        self.record_event("Job", job, "FailedCreate", f"Error creating: {reason}", "Warning")
        asyncio.get_running_loop().call_later(RETRY_SECONDS, self._soon)

    def record_event(self, kind: str, body: Object, reason: str, message: str, type_: str = "Normal") -> None:
        """Record an event of an object once."""
        meta = body["metadata"]
        subject = {"kind": kind, "name": meta["name"], "uid": meta["uid"]}
        fields = {"involvedObject": subject, "type": type_, "reason": reason, "message": message}
        for event in self._server.of("events"):
            if {name: event.get(name) for name in fields} == fields:
                return
        name = f"{meta['name']}.{next(self._numbers)}"
        self._server.store("events", {"metadata": {"name": name}, "lastTimestamp": now()} | fields, meta["namespace"])

    def _make_pod(self, job: Object) -> None:
        meta = job["metadata"]
        template = job["spec"]["template"]
        name = f"{meta['name']}-{meta['uid']}"
        admission = self._server.admission
        if reason := self.refusal or admission.pod(name, template["spec"], self._server.of("pods")):
            self._refuse(job, reason)
            return
        self._jobs_with_pod.add(meta["uid"])
        self.record_event("Job", job, "SuccessfulCreate", f"Created pod: {name}")
        owner = {"kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
        pod = {
            "metadata": {"name": name, "labels": template["metadata"]["labels"], "ownerReferences": [owner]},
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }
        self._server.store("pods", pod, meta["namespace"])

    def _state(self, pod: Object, phase: str, state: Object, **fields: object) -> None:
        meta, container = pod["metadata"], pod["spec"]["containers"][0]
        container_status = {"name": container["name"], "image": container["image"], "state": state}
        status = {"phase": phase, "containerStatuses": [container_status], **fields}
        self._server.change("pods", meta["name"], lambda p: p.update(status=status), meta["namespace"])

    async def _run(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        container = pod["spec"]["containers"][0]
        try:
            if self.unschedulable:
                condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
                condition["message"] = "0/3 nodes are available: 3 Insufficient cpu."
                self._server.change(
                    "pods", name, lambda p: p["status"].update(conditions=[condition]), pod["metadata"]["namespace"]
                )
                await asyncio.Event().wait()
            self.record_event("Pod", pod, "Scheduled", f"Successfully assigned {name} to {NODE}")
            self._server.change("pods", name, lambda p: p["spec"].update(nodeName=NODE), pod["metadata"]["namespace"])
            if self.pull_seconds:
                self._state(pod, "Pending", {"waiting": {"reason": "ContainerCreating"}})
                await asyncio.sleep(self.pull_seconds)
            security = pod["spec"].get("securityContext", {})
            if ROOTED in container["image"] and security.get("runAsNonRoot") and not security.get("runAsUser"):
                message = f"container has runAsNonRoot and image will run as root (container: {container['name']})"
                waiting_state = {"reason": "CreateContainerConfigError", "message": message}
                self._state(pod, "Pending", {"waiting": waiting_state})
                await asyncio.Event().wait()
            if UNREACHABLE in container["image"]:
                message = "failed to pull and unpack image: no such host"
                self._state(pod, "Pending", {"waiting": {"reason": "ErrImagePull", "message": message}})
                await asyncio.Event().wait()
            await self._run_container(pod, container)
        except asyncio.CancelledError:
            if not self._dead and name not in self._evicted:
                self._server.remove(("pods", pod["metadata"]["namespace"], name))
            raise
        finally:
            self._runs.pop(name, None)
            if log := self._server.logs.get(name):
                log.ended = True
                log.wake()

    async def _run_container(self, pod: Object, container: Object) -> None:
        name = pod["metadata"]["name"]
        log = self._server.logs[name] = Log()
        env: dict[str, str] = {}
        for variable in container["env"]:
            env[variable["name"]] = expand(variable["value"], env)
        command = [expand(argument, env) for argument in container["command"]]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": os.environ["PATH"]} | env,
            cwd=self._folder,
            limit=2**24,
            start_new_session=True,
        )
        self._state(pod, "Running", {"running": {"startedAt": now()}})
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                log.add(line)
            code = await process.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        log.ended = True
        log.wake()
        reason = self.killed_as or ("Completed" if code == 0 else "Error")
        result = {"exitCode": code if code >= 0 else 128 - code, "reason": reason}
        self._state(pod, "Succeeded" if code == 0 else "Failed", {"terminated": result})

    def disrupt(self, reason: str, message: str) -> None:
        """End the running pods as the cluster does: with a condition, and by deletion."""
        for pod in self._running():
            self._add_condition(
                pod, {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
            )
            self._server.change(
                "pods",
                pod["metadata"]["name"],
                lambda p: p["metadata"].update(deletionTimestamp=now()),
                pod["metadata"]["namespace"],
            )

    def evict(self, message: str, condition: Object | None = None) -> None:
        """End the running pods as a node does that is short of a resource."""
        for pod in self._running():
            state = {"terminated": {"exitCode": 137, "reason": "Error"}}
            fields = {"reason": "Evicted", "message": message} | ({"conditions": [condition]} if condition else {})
            self._evicted.add(pod["metadata"]["name"])
            self._runs[pod["metadata"]["name"]].cancel()
            self._state(pod, "Failed", state, **fields)

    def fail(self) -> None:
        """Fail all nodes: their pods become silent and never end; their Jobs fail and wait."""
        pods = self._running()
        self._dead = True
        for run in self._runs.values():
            run.cancel()
        for pod in pods:
            name, space = pod["metadata"]["name"], pod["metadata"]["namespace"]
            self.record_event("Pod", pod, "NodeNotReady", "Node is not ready", "Warning")
            reason = {"reason": "DeletionByTaintManager", "message": "Taint manager: deleting due to NoExecute taint"}
            self._add_condition(pod, {"type": "DisruptionTarget", "status": "True"} | reason)
            self._server.change("pods", name, lambda p: p["metadata"].update(deletionTimestamp=now()), space)
            owner = pod["metadata"]["ownerReferences"][0]["name"]
            self._server.change("jobs", owner, lambda j: j["status"].update(conditions=[TARGET]), space)

    def recover(self) -> None:
        """Bring the nodes back."""
        self._dead = False
        self._soon()

    def _running(self) -> list[Object]:
        return [pod for pod in self._server.of("pods") if pod["metadata"]["name"] in self._runs]

    def _add_condition(self, pod: Object, condition: Object) -> None:
        meta = pod["metadata"]
        self._server.change(
            "pods",
            meta["name"],
            lambda p: p["status"].setdefault("conditions", []).append(condition),
            meta["namespace"],
        )

    async def close(self) -> None:
        """End all runs."""
        self._server.listeners.clear()
        for timer in self._timers.values():
            timer.cancel()
        runs = list(self._runs.values())
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
