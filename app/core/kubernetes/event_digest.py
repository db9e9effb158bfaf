"""What a cluster tells of a workload: its events, and what keeps its pods from serving. Pure; JSON in, words out."""

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
"""Reasons of events that are worth a line though nothing is wrong; all warnings are."""
UNHEALTHY = "Unhealthy"
OWNERS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
HASH = "[bcdfghjklmnpqrstvwxz2456789]"
"""What clusters make the suffixes of names of; they hold no vowels, so that they say nothing by chance."""
REPLICA_SET = re.compile(rf"-{HASH}{{1,10}}")
POD = re.compile(rf"-(?:\d+|{HASH}{{5}}|{HASH}{{1,10}}-{HASH}{{5}})")
UID = re.compile(r"\([0-9a-f]{8}-[0-9a-f-]{27}\)")
WORDS = 500
SHOWN = 3
"""Names of pods that a line names; more of them are counted."""


def concerns(event: Object, workloads: Iterable[str]) -> bool:
    """Return whether an event is about one of these workloads, their ReplicaSets or their pods."""
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
    """Return whether an event is worth a line."""
    return event.get("type") == "Warning" or event.get("reason") in NOTABLE


def times(event: Object) -> int:
    """Return how often an event has happened."""
    return int(event.get("count") or (event.get("series") or {}).get("count") or 1)


def words(event: Object) -> str:
    """Return the message of an event on one line."""
    return " ".join(str(event.get("message") or "").split())[:WORDS]


class EventDigest:
    """Makes lines of events. Each is told once; the same of many pods, or again and again, ever more rarely.

    `probes` holds, by the uid of a pod, what its readiness probe found last.
    """

    def __init__(self) -> None:
        self.probes: dict[str, str] = {}
        self._known: dict[str, int] = {}
        self._alike: Counter[tuple[str, str, str]] = Counter()

    def lines(self, events: Iterable[Object], *, silently: bool = False) -> list[str]:
        """Return what is new of events, in their order. `silently`: take note of them only."""
        found = []
        for event in events:
            uid, count = uid_of(event) or name_of(event), times(event)
            more = count - self._known.get(uid, 0)
            if more <= 0:
                continue
            self._known[uid] = count
            about = event.get("involvedObject") or {}
            if event.get("reason") == UNHEALTHY and words(event).startswith("Readiness"):
                self.probes[str(about.get("uid"))] = words(event)
            if silently or not is_notable(event):
                continue
            if (line := self._line(event, more)) is not None:
                found.append(line)
        return found

    def _line(self, event: Object, more: int) -> str | None:
        about, said = event.get("involvedObject") or {}, words(event)
        name = str(about.get("name"))
        plain = UID.sub("", said.replace(name, ""))
        alike = (str(about.get("kind")), str(event.get("reason")), plain)
        before, now = self._alike[alike], self._alike[alike] + more
        self._alike[alike] = now
        if before and now.bit_length() == before.bit_length():
            return None
        level = "WARN: " if event.get("type") == "Warning" else ""
        often = f" ({now} times by now)" if before else ""
        return f"{level}{about.get('kind')} {name}: {event.get('reason')}: {said}{often}"


def rollout_problems(
    workload: Object, its_pods: Sequence[Object], probes: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield what keeps a workload from getting on: what is wrong, and the line that tells of it.

    `probes` says, by the uid of a pod, what its readiness probe found.
    """
    name, spec = name_of(workload), workload["spec"]
    if spec.get("paused"):
        why = f"Deployment {name} is paused, so none of its pods is replaced"
        yield why, f"{why}: kubectl rollout resume deployment/{name}"
    for condition in (workload.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            why = f"pods of {name} cannot be made: {words(condition)}"
            yield why, why
    waiting: dict[str, list[str]] = {}
    for pod in its_pods:
        if (why_not := _hindrance(pod, probes)) is not None:
            waiting.setdefault(why_not, []).append(name_of(pod))
    for why, names in waiting.items():
        shown = ", ".join(sorted(names)[:SHOWN]) + (", …" if len(names) > SHOWN else "")
        yield f"{name}: {why}", f"{len(names)} of {len(its_pods)} pods of {name}: {why} ({shown})"


def _hindrance(pod: Object, probes: Mapping[str, str]) -> str | None:
    """Return what keeps a pod from serving, None where it serves, or is to go."""
    status = pod.get("status") or {}
    if is_terminating(pod) or status.get("phase") in ("Succeeded", "Failed"):
        return None
    ready: Object = next((each for each in status.get("conditions") or () if each.get("type") == "Ready"), {})
    if ready.get("status") == "True":
        return None
    if (fault := pods.fault(pod)) is not None:
        return fault.message
    if (probe := probes.get(uid_of(pod))) is not None:
        return f"not ready: {probe}"
    said = words(ready)
    return f"not ready{f': {said}' if said else ''}"
