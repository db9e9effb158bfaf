"""Events of a workload and problems of its rollout, as lines for the log. Pure; JSON in, words out."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.core.kubernetes import pods
from app.core.kubernetes.manifests import Object, is_terminating, name_of, uid_of

NOTABLE = frozenset(
    {
        "ScalingReplicaSet",
        "DeploymentRollback",
        "SuccessfulRescale",
        "Killing",
        "Preempted",
        "Evicted",
        "TaintManagerEviction",
        "NodeNotReady",
        "TriggeredScaleUp",
    }
)
"""Reasons of normal events that are logged; all warnings are."""
UNHEALTHY = "Unhealthy"
OWNERS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
HASH = "[bcdfghjklmnpqrstvwxz2456789]"
"""The characters of generated name suffixes, which have no vowels so that they form no words."""
REPLICA_SET = re.compile(rf"-{HASH}{{1,10}}")
POD = re.compile(rf"-(?:\d+|{HASH}{{5}}|{HASH}{{1,10}}-{HASH}{{5}})")
UID = re.compile(r"\([0-9a-f]{8}-[0-9a-f-]{27}\)")
WORDS = 500
SHOWN = 3
"""Pods that a line names; it counts the others."""


def concerns(event: Object, workloads: Iterable[str]) -> bool:
    """Return whether an event concerns one of these workloads, their ReplicaSets or their pods."""
    about = event.get("involvedObject") or {}
    kind, name = about.get("kind"), str(about.get("name") or "")
    pattern = {"ReplicaSet": REPLICA_SET, "Pod": POD}.get(str(kind))
    for workload in workloads:
        if kind in OWNERS and name == workload:
            return True
        if pattern and name.startswith(workload) and pattern.fullmatch(name[len(workload) :]):
            return True
    return False


def is_notable(event: Object) -> bool:
    """Return whether an event is logged."""
    return event.get("type") == "Warning" or event.get("reason") in NOTABLE


def occurrences(event: Object) -> int:
    """Return how often an event has occurred."""
    return int(event.get("count") or (event.get("series") or {}).get("count") or 1)


def message_of(event: Object) -> str:
    """Return the message of an event on one line."""
    return " ".join(str(event.get("message") or "").split())[:WORDS]


class EventDigest:
    """Turns events into log lines: each is logged once, and repetitions ever more rarely.

    `probes` holds the last readiness failure of pods, by their uid.
    """

    def __init__(self) -> None:
        self.probes: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._totals: Counter[tuple[str, str, str]] = Counter()

    def lines(self, events: Iterable[Object], *, silently: bool = False) -> list[str]:
        """Return the lines of new events, in order. With `silently`, only remember the events."""
        lines = []
        for event in events:
            uid, count = uid_of(event) or name_of(event), occurrences(event)
            added = count - self._counts.get(uid, 0)
            if added <= 0:
                continue
            self._counts[uid] = count
            about = event.get("involvedObject") or {}
            if event.get("reason") == UNHEALTHY and message_of(event).startswith("Readiness"):
                self.probes[str(about.get("uid"))] = message_of(event)
            if silently or not is_notable(event):
                continue
            if (line := self._line(event, added)) is not None:
                lines.append(line)
        return lines

    def _line(self, event: Object, added: int) -> str | None:
        about, message = event.get("involvedObject") or {}, message_of(event)
        name = str(about.get("name"))
        key = (str(about.get("kind")), str(event.get("reason")), UID.sub("", message.replace(name, "")))
        before, now = self._totals[key], self._totals[key] + added
        self._totals[key] = now
        if before and now.bit_length() == before.bit_length():
            return None
        level = "WARN: " if event.get("type") == "Warning" else ""
        repeated = f" ({now} times by now)" if before else ""
        return f"{level}{about.get('kind')} {name}: {event.get('reason')}: {message}{repeated}"


def rollout_problems(workload: Object, pods_: Sequence[Object], probes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the problems that delay a rollout: the problem, and its log line.

    `probes` has the last readiness failure of pods, by their uid.
    """
    name, spec = name_of(workload), workload["spec"]
    if spec.get("paused"):
        problem = f"Deployment {name} is paused, so none of its pods is replaced"
        yield problem, f"{problem}: kubectl rollout resume deployment/{name}"
    for condition in (workload.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            problem = f"pods of {name} cannot be created: {message_of(condition)}"
            yield problem, problem
    names_by_problem: dict[str, list[str]] = {}
    for pod in pods_:
        if (problem_of_pod := _pod_problem(pod, probes)) is not None:
            names_by_problem.setdefault(problem_of_pod, []).append(name_of(pod))
    for problem, names in names_by_problem.items():
        shown = ", ".join(sorted(names)[:SHOWN]) + (", …" if len(names) > SHOWN else "")
        yield f"{name}: {problem}", f"{len(names)} of {len(pods_)} pods of {name}: {problem} ({shown})"


def _pod_problem(pod: Object, probes: Mapping[str, str]) -> str | None:
    """Return why a pod does not serve; None for a ready, finished or terminating pod."""
    status = pod.get("status") or {}
    if is_terminating(pod) or status.get("phase") in ("Succeeded", "Failed"):
        return None
    conditions = status.get("conditions") or ()
    ready: Object = next((condition for condition in conditions if condition.get("type") == "Ready"), {})
    if ready.get("status") == "True":
        return None
    if (fault := pods.fault(pod)) is not None:
        return fault.message
    if (probe := probes.get(uid_of(pod))) is not None:
        return f"not ready: {probe}"
    message = message_of(ready)
    return f"not ready{f': {message}' if message else ''}"
