"""What pods and Jobs tell about how they fare: pure functions from their status to words and endings."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.core.attempt import Ending, Outcome
from app.core.manifests import CONTAINER, Object, is_going, name_of, uid_of

STUCK = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"})
"""Why a container can wait that may pass, and mostly does not."""
MISCONFIGURED = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
HOPELESS = frozenset({"InvalidImageName"})
CRASHING = frozenset({"CrashLoopBackOff"})
OOM = "OOMKilled"
WORDS = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a pod does not get on. `passing`: time may cure it by itself; `hopeless`: nothing will."""

    message: str
    passing: bool = False
    hopeless: bool = False


def fault(pod: Object) -> Fault | None:
    """Return what keeps a pod from running, None where nothing does."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Fault(f"no node can take it (Unschedulable){_said(condition)}", passing=True)
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason") or ""
        if reason in STUCK or reason in HOPELESS:
            return Fault(
                f"the image {each.get('image')} can not be pulled ({reason}){_said(waiting)}",
                hopeless=reason in HOPELESS,
            )
        if reason in MISCONFIGURED:
            return Fault(f"the container can not be made ({reason}){_said(waiting)}")
        if reason in CRASHING:
            return Fault(f"the container ends again and again ({reason}){_last_end(each)}")
    return None


def unmade(events: Iterable[Object]) -> Fault:
    """Return why a Job has no pod, by the events that tell of it: somebody in the cluster may refuse to let it be made.

    A quota may have room again; other rules of a namespace hardly change.
    """
    told = [event for event in events if event.get("message")]
    if not told:
        return Fault("the cluster has made no pod for it yet", passing=True)
    last = max(told, key=lambda event: str(event.get("lastTimestamp") or ""))
    why = re.sub(r'^Error creating: (pods "[^"]*" is )?', "", str(last["message"]))
    return Fault(f"its pod can not be made{_said({'message': why})}", passing="exceeded quota" in why)


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


def outcome(job: Object, pods: Iterable[Object], last_fault: Fault | None = None) -> Outcome:
    """Say how a Job that `is_done` ended, by what is left of its pods. `last_fault` is what kept it from running."""
    verdict = next(_verdicts(job))
    known = list(pods)
    ends = [end for pod in known if (end := main_state(pod).get("terminated"))]
    code = ends[-1].get("exitCode") if ends else None
    if verdict["type"] == "Complete":
        return Outcome(Ending.SUCCEEDED, exit_code=0)
    if verdict.get("reason") == "DeadlineExceeded":
        limit = job["spec"].get("activeDeadlineSeconds")
        why = f"; {last_fault.message}" if last_fault else ""
        return Outcome(Ending.FAILED, f"the time limit of {limit} seconds was reached, and it was ended{why}", code)
    lost = next(_interruptions(known), None)
    if lost:
        return Outcome(Ending.FAILED, lost, code)
    if ends:
        told = ended_badly(ends[-1])
        is_deleted = any(is_going(pod) for pod in known)
        return Outcome(Ending.FAILED, f"its pod was deleted by somebody; {told}" if is_deleted else told, code)
    why = last_fault.message if last_fault else f"its pod is gone{_said(verdict)}"
    return Outcome(Ending.FAILED, why)


def _verdicts(job: Object) -> Iterator[Object]:
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
            yield condition


def _interruptions(pods: Iterable[Object]) -> Iterator[str]:
    """Yield why pods were ended by somebody else than their command."""
    for pod in pods:
        status = pod.get("status") or {}
        if status.get("reason") in ("Evicted", "NodeLost", "Preempting", "Shutdown", "NodeShutdown"):
            yield f"its pod was ended by the cluster ({status['reason']}){_said(status)}"
        for condition in status.get("conditions") or ():
            if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
                yield f"its pod was ended by the cluster ({condition.get('reason')}){_said(condition)}"


def newest(pods: Iterable[Object]) -> Object | None:
    """Return the pod that was made last."""
    ordered = sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", name_of(pod)))
    return ordered[-1] if ordered else None


def footing(pods: Iterable[Object]) -> tuple[str, dict[str, int]]:
    """Return since when pods have been ready, the last one of them, and how often containers of each were started anew.

    Each pod is told from one that takes its place by its uid.
    """
    known = [pod for pod in pods if not is_going(pod)]
    return max((_ready(pod)[1] for pod in known), default=""), {uid_of(pod): _restarts(pod) for pod in known}


def shaken(pods: Iterable[Object], since: str, restarts: Mapping[str, int]) -> str | None:
    """Return what happened to pods since their `footing`; None where all of them have been ready throughout.

    A pod that was made since, in place of one that was evicted or deleted, may take its time to become ready. One that
    is being deleted is not judged.
    """
    known = [pod for pod in pods if not is_going(pod)]
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
