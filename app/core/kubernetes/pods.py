"""Status of pods and Jobs: faults, outcomes and readiness, in words. Pure; JSON in."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from app.core.attempt import Ending, Outcome
from app.core.kubernetes.manifests import CONTAINER, Object, is_terminating, name_of, uid_of

IMAGE_PULL_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"})
"""Reasons of a waiting container that might resolve, but rarely do."""
CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
PERMANENT_REASONS = frozenset({"InvalidImageName"})
CRASH_REASONS = frozenset({"CrashLoopBackOff"})
OOM = "OOMKilled"
WORDS = 300
LOST_REASONS = re.compile(
    "Evicted|NodeLost|Preempting|PreemptContainer|Shutdown|NodeShutdown|NodeAffinity|OutOf.+|UnexpectedAdmissionError"
)
"""Reasons of pods that a node ended or rejected, whatever ran in them."""
OWN_LIMIT = re.compile(r"exceeds the limit|exceeds the total limit|exceeded its local ephemeral storage limit")
"""Messages of evictions that a pod caused itself by writing more than its limit."""
FAILED_CREATE = "FailedCreate"
"""The reason of events that say why a Job has no pod."""
VANISHED = "ContainerStatusUnknown"
NEEDS_LIMITS = "failed quota"
NON_ROOT = "runAsNonRoot"
"""The field that clusters and policies name when they require a container not to run as root."""


class Remedy(Enum):
    """The change to a pod that makes the cluster accept it."""

    NON_ROOT = auto()
    """Set runAsNonRoot, as the cluster requires."""
    ROOT = auto()
    """Remove runAsNonRoot, as the image runs as root."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a pod does not run. `passing`: it may resolve by itself; `hopeless`: it cannot."""

    message: str
    passing: bool = False
    hopeless: bool = False
    remedy: Remedy | None = None


def fault(pod: Object) -> Fault | None:
    """Return what keeps a pod from running, or None."""
    status = pod.get("status") or {}
    conditions = _conditions(pod)
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("reason") == "Unschedulable":
        return Fault(f"no node can run it (Unschedulable){_detail(scheduled)}", passing=True)
    if scheduled.get("reason") == "SchedulingGated":
        return Fault(f"a scheduling gate holds it (SchedulingGated){_detail(scheduled)}", passing=True)
    if _is_node_lost(pod, conditions):
        return Fault(f"its node {_node(pod)} does not answer", passing=True)
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason") or ""
        if reason in IMAGE_PULL_REASONS or reason in PERMANENT_REASONS:
            return Fault(
                f"the image {container.get('image')} cannot be pulled ({reason}){_detail(waiting)}",
                hopeless=reason in PERMANENT_REASONS,
            )
        if reason in CONFIG_REASONS:
            is_root = NON_ROOT in str(waiting.get("message"))
            return Fault(
                f"the container cannot be created ({reason}){_detail(waiting)}",
                hopeless=is_root,
                remedy=Remedy.ROOT if is_root else None,
            )
        if reason in CRASH_REASONS:
            return Fault(f"the container keeps crashing ({reason}){_last_termination(container)}")
    return None


def _conditions(body: Object) -> dict[str, Object]:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return {str(condition.get("type")): condition for condition in conditions}


def _node(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def _is_node_lost(pod: Object, conditions: dict[str, Object]) -> bool:
    """Tell whether the cluster gave up on the pod's node: a live kubelet sets both conditions alike."""
    ready, containers = conditions.get("Ready", {}), conditions.get("ContainersReady", {})
    is_gated = bool((pod.get("spec") or {}).get("readinessGates"))
    return not is_gated and (ready.get("status"), containers.get("status")) == ("False", "True")


def startup_delay(job: Object, pod: Object | None) -> str:
    """Describe what a Job without a known fault is waiting for before it starts."""
    suspended = _conditions(job).get("Suspended", {})
    if suspended.get("status") == "True":
        return f"it is suspended ({suspended.get('reason') or 'Suspended'}){_detail(suspended)}"
    if pod is None:
        return "the cluster has not created its pod yet"
    if not _node(pod) and "PodScheduled" not in _conditions(pod):
        return "no scheduler has assigned its pod to a node yet"
    status = pod.get("status") or {}
    for container in status.get("initContainerStatuses") or ():
        state = container.get("state") or {}
        if "running" in state and not container.get("started"):
            return f"the init container {container.get('name')} is still running"
        if reason := (state.get("waiting") or {}).get("reason"):
            return f"the init container {container.get('name')} waits ({reason}){_detail(state['waiting'])}"
    waiting = main_state(pod).get("waiting") or {}
    where = f" on node {_node(pod)}" if _node(pod) else ""
    return f"its container is being created{where} ({waiting.get('reason') or status.get('phase')}){_detail(waiting)}"


def missing_pod_fault(events: Iterable[Object]) -> Fault:
    """Return why a Job has no pod, by its events: a policy of the cluster may forbid it.

    Only a full quota counts as passing; other policies of a namespace rarely change.
    """
    failures = [event for event in events if event.get("message")]
    if not failures:
        return Fault("the cluster has not created its pod yet", passing=True)
    last = max(failures, key=lambda event: str(event.get("lastTimestamp") or ""))
    message = re.sub(r'^Error creating: (pods "[^"]*" is )?', "", str(last["message"]))
    hint = "; set its resources in the job options" if NEEDS_LIMITS in message else ""
    return Fault(
        f"its pod cannot be created{_detail({'message': message})}{hint}",
        passing="exceeded quota" in message,
        remedy=Remedy.NON_ROOT if NON_ROOT in message else None,
    )


def _last_termination(container: Object) -> str:
    terminated = (container.get("lastState") or {}).get("terminated")
    return f": {describe_termination(terminated)}" if terminated else ""


def _detail(part: Object) -> str:
    message = " ".join(str(part.get("message") or "").split())
    return f": {message[:WORDS]}" if message else ""


def describe_termination(state: Object) -> str:
    """Describe how a container ended, by its terminated state."""
    code = state.get("exitCode")
    if state.get("reason") == OOM:
        return f"it ran out of memory (OOMKilled), exit status {code}"
    signal = state.get("signal")
    if signal:
        return f"ended by signal {signal}"
    reason = state.get("reason")
    shown = f" ({reason})" if reason and reason not in ("Error", "Completed") else ""
    return f"exit status {code}{shown}{_detail(state)}"


def main_state(pod: Object) -> Object:
    """Return the main container's state: `waiting`, `running`, `terminated`, or empty before these."""
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if container.get("name") == CONTAINER:
            return container.get("state") or {}
    return {}


def has_log(pod: Object) -> bool:
    """Return whether the main container has started, so that it may have a log."""
    return bool({"running", "terminated"} & main_state(pod).keys())


def is_done(job: Object) -> bool:
    """Return whether a Job has ended."""
    return any(True for _ in _verdicts(job))


def pending_failure(job: Object, pods: Iterable[Object]) -> str | None:
    """Describe the failure of a Job whose pod is still terminating; None if it has not failed."""
    target = _conditions(job).get("FailureTarget", {})
    if target.get("status") != "True":
        return None
    nodes = ", ".join(filter(None, map(_node, pods)))
    where = f" on node {nodes}" if nodes else ""
    reason = target.get("reason") or "FailureTarget"
    return f"the Job has failed ({reason}){_detail(target)}; its pod{where} is terminating"


def outcome(
    job: Object, pods: Iterable[Object], last_fault: Fault | None = None, limit_seconds: float | None = None
) -> Outcome:
    """Return the outcome of a Job that `is_done` or has a `pending_failure`, by its remaining pods.

    `last_fault` is what kept it from running. A pod that the cluster ended is lost, which is not the command's failure.
    """
    verdict = next(_verdicts(job), None) or _conditions(job)["FailureTarget"]
    pods = list(pods)
    terminations = [state for pod in pods if (state := main_state(pod).get("terminated"))]
    code = terminations[-1].get("exitCode") if terminations else None
    if verdict["type"] == "Complete":
        return Outcome(Ending.SUCCEEDED, exit_code=0)
    if verdict.get("reason") == "DeadlineExceeded":
        limit = f"{limit_seconds or job['spec'].get('activeDeadlineSeconds'):.10g}"
        detail = f"; {last_fault.message}" if last_fault else ""
        return Outcome(Ending.FAILED, f"the time limit of {limit} seconds was reached, and it was ended{detail}", code)
    lost = next(_interruptions(pods), None)
    if lost:
        return Outcome(Ending.LOST, lost, code)
    evicted = next((pod["status"] for pod in pods if _exceeded_own_limit(pod.get("status") or {})), None)
    if evicted:
        return Outcome(Ending.FAILED, f"its pod wrote more than its limit (Evicted){_detail(evicted)}", code)
    if terminations:
        message = describe_termination(terminations[-1])
        is_deleted = any(is_terminating(pod) for pod in pods)
        return Outcome(Ending.FAILED, f"its pod was deleted by somebody; {message}" if is_deleted else message, code)
    failed_init = next(_failed_init_containers(pods), None)
    message = last_fault.message if last_fault else failed_init or f"its pod is gone{_detail(verdict)}"
    return Outcome(Ending.FAILED, message)


def _failed_init_containers(pods: Iterable[Object]) -> Iterator[str]:
    for pod in pods:
        for container in (pod.get("status") or {}).get("initContainerStatuses") or ():
            terminated = (container.get("state") or {}).get("terminated")
            if terminated and terminated.get("exitCode"):
                yield f"the init container {container.get('name')} failed: {describe_termination(terminated)}"


def _verdicts(job: Object) -> Iterator[Object]:
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
            yield condition


def _interruptions(pods: Iterable[Object]) -> Iterator[str]:
    """Yield why the cluster ended pods."""
    for pod in pods:
        status = pod.get("status") or {}
        disrupted = _conditions(pod).get("DisruptionTarget", {})
        if disrupted.get("status") == "True":
            yield f"its pod was ended by the cluster ({disrupted.get('reason')}){_detail(disrupted)}"
        elif LOST_REASONS.fullmatch(str(status.get("reason"))) and not _exceeded_own_limit(status):
            yield f"its pod was ended by the cluster ({status['reason']}){_detail(status)}"
        terminated = main_state(pod).get("terminated") or {}
        if terminated.get("reason") == VANISHED and not is_terminating(pod):
            yield f"its node lost its container ({VANISHED}){_detail(terminated)}"


def _exceeded_own_limit(status: Object) -> bool:
    return status.get("reason") == "Evicted" and bool(OWN_LIMIT.search(str(status.get("message"))))


def newest(pods: Iterable[Object]) -> Object | None:
    """Return the newest pod."""
    ordered = sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", name_of(pod)))
    return ordered[-1] if ordered else None


def readiness_baseline(pods: Iterable[Object]) -> tuple[str, dict[str, int]]:
    """Return since when all pods have been ready, and the restarts of each pod by its uid."""
    active = [pod for pod in pods if not is_terminating(pod)]
    return max((_ready(pod)[1] for pod in active), default=""), {uid_of(pod): _restarts(pod) for pod in active}


def disturbance(pods: Iterable[Object], since: str, restarts: Mapping[str, int]) -> str | None:
    """Return which pod was not healthy since the `readiness_baseline`, or None.

    A pod that replaces an evicted or deleted one may take time to become ready. Terminating pods do not count.
    """
    for pod in (pod for pod in pods if not is_terminating(pod)):
        name, pod_fault = name_of(pod), fault(pod)
        if pod_fault and not pod_fault.passing:
            return f"pod {name}: {pod_fault.message}"
        new_restarts = _restarts(pod) - restarts.get(uid_of(pod), 0)
        if new_restarts > 0:
            return (
                f"pod {name} was restarted {new_restarts} time{'s' if new_restarts > 1 else ''}{_restart_reason(pod)}"
            )
        ready, moment = _ready(pod)
        if since and uid_of(pod) in restarts and not ready:
            return f"pod {name} is no longer ready{_unready_reason(pod)}"
        if since and uid_of(pod) in restarts and moment > since:
            return f"pod {name} was not ready for a while, until {moment}"
    return None


def _ready(pod: Object) -> tuple[bool, str]:
    """Return whether a pod is ready, and since when that status holds; empty if unknown."""
    ready = _conditions(pod).get("Ready")
    if ready is None:
        return False, ""
    return ready.get("status") == "True", str(ready.get("lastTransitionTime") or "")


def _restarts(pod: Object) -> int:
    status = pod.get("status") or {}
    containers = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    return sum(int(container.get("restartCount") or 0) for container in containers)


def _restart_reason(pod: Object) -> str:
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    reasons = [_last_termination(container) for container in containers if container.get("restartCount")]
    return next(filter(None, reasons), "")


def _unready_reason(pod: Object) -> str:
    return _detail(_conditions(pod).get("Ready", {}))
