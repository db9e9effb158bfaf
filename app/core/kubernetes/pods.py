"""What pods and Jobs tell about how they fare: pure functions from their status to words and endings."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from app.core.attempt import Ending, Outcome
from app.core.kubernetes.manifests import CONTAINER, Object, is_terminating, name_of, uid_of

STUCK = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"})
"""Why a container can wait that may pass, and mostly does not."""
MISCONFIGURED = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
HOPELESS = frozenset({"InvalidImageName"})
CRASHING = frozenset({"CrashLoopBackOff"})
OOM = "OOMKilled"
WORDS = 300
LOST_REASONS = re.compile(
    "Evicted|NodeLost|Preempting|PreemptContainer|Shutdown|NodeShutdown|NodeAffinity|OutOf.+|UnexpectedAdmissionError"
)
"""Reasons of pods that a node ended, or did not take, whatever ran in them."""
OWN_LIMIT = re.compile(r"exceeds the limit|exceeds the total limit|exceeded its local ephemeral storage limit")
"""Words of an eviction that a pod brought upon itself: it wrote more than it may."""
FAILED_CREATE = "FailedCreate"
"""The reason of events that tell why a Job has no pod."""
VANISHED = "ContainerStatusUnknown"
NEEDS_LIMITS = "failed quota"
NON_ROOT = "runAsNonRoot"
"""The field that clusters and their policies name, where they want to be told that nothing runs as root."""


class Remedy(Enum):
    """What of a pod is to be otherwise, so that the cluster takes it."""

    NON_ROOT = auto()
    """It must not run as root, and does not say so."""
    ROOT = auto()
    """It says that it does not run as root, and its image does."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a pod does not get on. `passing`: time may cure it by itself; `hopeless`: nothing will."""

    message: str
    passing: bool = False
    hopeless: bool = False
    remedy: Remedy | None = None


def fault(pod: Object) -> Fault | None:
    """Return what keeps a pod from running, None where nothing does."""
    status = pod.get("status") or {}
    conditions = _conditions(pod)
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("reason") == "Unschedulable":
        return Fault(f"no node can take it (Unschedulable){_said(scheduled)}", passing=True)
    if scheduled.get("reason") == "SchedulingGated":
        return Fault(f"something keeps it from being scheduled (SchedulingGated){_said(scheduled)}", passing=True)
    if _is_cut_off(pod, conditions):
        return Fault(f"its node {_node(pod)} does not answer", passing=True)
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason") or ""
        if reason in STUCK or reason in HOPELESS:
            return Fault(
                f"the image {each.get('image')} can not be pulled ({reason}){_said(waiting)}",
                hopeless=reason in HOPELESS,
            )
        if reason in MISCONFIGURED:
            is_root = NON_ROOT in str(waiting.get("message"))
            return Fault(
                f"the container can not be made ({reason}){_said(waiting)}",
                hopeless=is_root,
                remedy=Remedy.ROOT if is_root else None,
            )
        if reason in CRASHING:
            return Fault(f"the container ends again and again ({reason}){_last_end(each)}")
    return None


def _conditions(body: Object) -> dict[str, Object]:
    return {str(each.get("type")): each for each in (body.get("status") or {}).get("conditions") or ()}


def _node(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def _is_cut_off(pod: Object, conditions: dict[str, Object]) -> bool:
    """Tell whether the cluster has given a pod's node up: its kubelet would set both conditions alike."""
    ready, containers = conditions.get("Ready", {}), conditions.get("ContainersReady", {})
    is_gated = bool((pod.get("spec") or {}).get("readinessGates"))
    return not is_gated and (ready.get("status"), containers.get("status")) == ("False", "True")


def startup_delay(job: Object, pod: Object | None) -> str:
    """Say what a Job that has not begun waits for, though nothing is known to be wrong."""
    suspended = _conditions(job).get("Suspended", {})
    if suspended.get("status") == "True":
        return f"it is suspended ({suspended.get('reason') or 'Suspended'}){_said(suspended)}"
    if pod is None:
        return "the cluster has made no pod for it yet"
    if not _node(pod) and "PodScheduled" not in _conditions(pod):
        return "no scheduler has found a node for its pod yet"
    status = pod.get("status") or {}
    for each in status.get("initContainerStatuses") or ():
        state = each.get("state") or {}
        if "running" in state and not each.get("started"):
            return f"the init container {each.get('name')} runs before it"
        if reason := (state.get("waiting") or {}).get("reason"):
            return f"the init container {each.get('name')} waits ({reason}){_said(state['waiting'])}"
    waiting = main_state(pod).get("waiting") or {}
    where = f" on node {_node(pod)}" if _node(pod) else ""
    return f"its container is being made{where} ({waiting.get('reason') or status.get('phase')}){_said(waiting)}"


def missing_pod_fault(events: Iterable[Object]) -> Fault:
    """Return why a Job has no pod, by the events that tell of it: somebody in the cluster may refuse to let it be made.

    A quota may have room again; other rules of a namespace hardly change.
    """
    told = [event for event in events if event.get("message")]
    if not told:
        return Fault("the cluster has made no pod for it yet", passing=True)
    last = max(told, key=lambda event: str(event.get("lastTimestamp") or ""))
    why = re.sub(r'^Error creating: (pods "[^"]*" is )?', "", str(last["message"]))
    hint = "; give it resources by its job options" if NEEDS_LIMITS in why else ""
    return Fault(
        f"its pod can not be made{_said({'message': why})}{hint}",
        passing="exceeded quota" in why,
        remedy=Remedy.NON_ROOT if NON_ROOT in why else None,
    )


def _last_end(container: Object) -> str:
    ended = (container.get("lastState") or {}).get("terminated")
    return f": {ended_badly(ended)}" if ended else ""


def _said(part: Object) -> str:
    message = " ".join(str(part.get("message") or "").split())
    return f": {message[:WORDS]}" if message else ""


def ended_badly(state: Object) -> str:
    """Say how a container ended, by its terminated state."""
    code = state.get("exitCode")
    if state.get("reason") == OOM:
        return f"it ran out of memory (OOMKilled), exit status {code}"
    signal = state.get("signal")
    if signal:
        return f"ended by signal {signal}"
    reason = state.get("reason")
    told = f" ({reason})" if reason and reason not in ("Error", "Completed") else ""
    return f"exit status {code}{told}{_said(state)}"


def main_state(pod: Object) -> Object:
    """Return the state of the pod's own container: `waiting`, `running` or `terminated`; empty before any of these."""
    for each in (pod.get("status") or {}).get("containerStatuses") or ():
        if each.get("name") == CONTAINER:
            return each.get("state") or {}
    return {}


def has_log(pod: Object) -> bool:
    """Return whether a pod's container has begun, so that it may have said something."""
    return bool({"running", "terminated"} & main_state(pod).keys())


def is_done(job: Object) -> bool:
    """Return whether a Job has ended."""
    return any(True for _ in _verdicts(job))


def pending_failure(job: Object, pods: Iterable[Object]) -> str | None:
    """Say what is settled of a Job that has not ended yet: its pod is being ended. None: nothing."""
    target = _conditions(job).get("FailureTarget", {})
    if target.get("status") != "True":
        return None
    nodes = ", ".join(filter(None, map(_node, pods)))
    where = f" on node {nodes}" if nodes else ""
    return f"the Job has failed ({target.get('reason') or 'FailureTarget'}){_said(target)}; its pod{where} is to end"


def outcome(
    job: Object, pods: Iterable[Object], last_fault: Fault | None = None, limit_seconds: float | None = None
) -> Outcome:
    """Say how a Job ended that `is_done`, or is `pending_failure`, by what is left of its pods.

    `last_fault` is what kept it from running. What the cluster ended is lost, and not the command's failure.
    """
    verdict = next(_verdicts(job), None) or _conditions(job)["FailureTarget"]
    known = list(pods)
    ends = [end for pod in known if (end := main_state(pod).get("terminated"))]
    code = ends[-1].get("exitCode") if ends else None
    if verdict["type"] == "Complete":
        return Outcome(Ending.SUCCEEDED, exit_code=0)
    if verdict.get("reason") == "DeadlineExceeded":
        limit = f"{limit_seconds or job['spec'].get('activeDeadlineSeconds'):.10g}"
        why = f"; {last_fault.message}" if last_fault else ""
        return Outcome(Ending.FAILED, f"the time limit of {limit} seconds was reached, and it was ended{why}", code)
    lost = next(_interruptions(known), None)
    if lost:
        return Outcome(Ending.LOST, lost, code)
    own = next((each["status"] for each in known if _is_own_doing(each.get("status") or {})), None)
    if own:
        return Outcome(Ending.FAILED, f"its pod wrote more than it may (Evicted){_said(own)}", code)
    if ends:
        told = ended_badly(ends[-1])
        is_deleted = any(is_terminating(pod) for pod in known)
        return Outcome(Ending.FAILED, f"its pod was deleted by somebody; {told}" if is_deleted else told, code)
    failed = next(_failed_init_containers(known), None)
    why = last_fault.message if last_fault else failed or f"its pod is gone{_said(verdict)}"
    return Outcome(Ending.FAILED, why)


def _failed_init_containers(pods: Iterable[Object]) -> Iterator[str]:
    for pod in pods:
        for each in (pod.get("status") or {}).get("initContainerStatuses") or ():
            ended = (each.get("state") or {}).get("terminated")
            if ended and ended.get("exitCode"):
                yield f"the init container {each.get('name')} failed: {ended_badly(ended)}"


def _verdicts(job: Object) -> Iterator[Object]:
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
            yield condition


def _interruptions(pods: Iterable[Object]) -> Iterator[str]:
    """Yield why pods were ended by somebody else than their command."""
    for pod in pods:
        status = pod.get("status") or {}
        disrupted = _conditions(pod).get("DisruptionTarget", {})
        if disrupted.get("status") == "True":
            yield f"its pod was ended by the cluster ({disrupted.get('reason')}){_said(disrupted)}"
        elif LOST_REASONS.fullmatch(str(status.get("reason"))) and not _is_own_doing(status):
            yield f"its pod was ended by the cluster ({status['reason']}){_said(status)}"
        ended = main_state(pod).get("terminated") or {}
        if ended.get("reason") == VANISHED and not is_terminating(pod):
            yield f"its node lost its container ({VANISHED}){_said(ended)}"


def _is_own_doing(status: Object) -> bool:
    return status.get("reason") == "Evicted" and bool(OWN_LIMIT.search(str(status.get("message"))))


def newest(pods: Iterable[Object]) -> Object | None:
    """Return the pod that was made last."""
    ordered = sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", name_of(pod)))
    return ordered[-1] if ordered else None


def readiness_baseline(pods: Iterable[Object]) -> tuple[str, dict[str, int]]:
    """Return since when pods have been ready, the last one of them, and how often containers of each were started anew.

    Each pod is told from one that takes its place by its uid.
    """
    known = [pod for pod in pods if not is_terminating(pod)]
    return max((_ready(pod)[1] for pod in known), default=""), {uid_of(pod): _restarts(pod) for pod in known}


def disturbance(pods: Iterable[Object], since: str, restarts: Mapping[str, int]) -> str | None:
    """Return what happened to pods since their `readiness_baseline`; None where all of them have been ready throughout.

    A pod that was made since, in place of one that was evicted or deleted, may take its time to become ready. One that
    is being deleted is not judged.
    """
    known = [pod for pod in pods if not is_terminating(pod)]
    for pod in known:
        name, found = name_of(pod), fault(pod)
        if found and not found.passing:
            return f"pod {name}: {found.message}"
        again = _restarts(pod) - restarts.get(uid_of(pod), 0)
        if again > 0:
            return f"pod {name} was started anew {again} time{'s' if again > 1 else ''}{_why(pod)}"
        ready, moment = _ready(pod)
        if since and uid_of(pod) in restarts and not ready:
            return f"pod {name} is not ready any more{_unready(pod)}"
        if since and uid_of(pod) in restarts and moment > since:
            return f"pod {name} was not ready for a while, until {moment}"
    return None


def _ready(pod: Object) -> tuple[bool, str]:
    """Return whether a pod is ready, and since when that is so or not so; empty where nothing tells."""
    for each in (pod.get("status") or {}).get("conditions") or ():
        if each.get("type") == "Ready":
            return each.get("status") == "True", str(each.get("lastTransitionTime") or "")
    return False, ""


def _restarts(pod: Object) -> int:
    status = pod.get("status") or {}
    each = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    return sum(int(one.get("restartCount") or 0) for one in each)


def _why(pod: Object) -> str:
    status = pod.get("status") or {}
    ends = [_last_end(each) for each in status.get("containerStatuses") or () if each.get("restartCount")]
    return next(filter(None, ends), "")


def _unready(pod: Object) -> str:
    for each in (pod.get("status") or {}).get("conditions") or ():
        if each.get("type") == "Ready":
            return _said(each)
    return ""
