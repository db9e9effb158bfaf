"""Objects of a cluster as a rollout reaches them: every call waits for a cluster that is away, and tells of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from app.core.kubernetes import manifests, tracks, workloads
from app.core.kubernetes.manifests import Object, is_terminating
from app.core.kubernetes.workloads import TRACK
from app.core.log_levels import Stream
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, PODS, Cluster, Kind
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.list_watch import persistently
from app.ports import LogSink, Workload


class StuckError(Exception):
    """What is wanted can not come about; the message says why."""


Judgement = Callable[[Object], str | None]
"""Says what somebody changed of an object, None where nobody did."""


def unjudged(_: Object) -> None:
    """Find nothing."""


def stuck_if(what: str | None) -> None:
    """Raise StuckError where there is something to say."""
    if what is not None:
        raise StuckError(what)


@dataclass(frozen=True, slots=True)
class PollIntervals:
    """How often is looked, how long faults of pods may last, how long traffic takes to follow, how often is looked at
    what a watch tells of anyway, and how long what has no deadline of its own may make no progress, in seconds.
    """

    poll: float = 1.0
    patience: float = 60.0
    settle: float = 5.0
    watched: float = 5.0
    deadline: float = 600.0


class RolloutObjects:
    """The objects of one rollout. Every call waits for a cluster that is away; refusals of it come out as errors."""

    def __init__(self, cluster: Cluster, workload: Workload, log: LogSink, pace: PollIntervals) -> None:
        self.cluster = cluster
        self.workload = workload
        self.target = workload.target
        self.pace = pace
        self._log = log

    @property
    def name(self) -> str:
        """The name of the base."""
        return self.target.workload

    @property
    def marks(self) -> dict[str, str]:
        """The labels of all that is made for this rollout."""
        owner = manifests.Owner(
            deployment_id=self.workload.deployment_id,
            task_id=self.workload.task_id,
            application=self.workload.application,
        )
        return manifests.labels(owner)

    async def say(self, line: str) -> None:
        """Write a line to the task's log."""
        await self._log(Stream.SYSTEM, [line])

    async def trouble(self, what: str | None) -> None:
        """Tell that the cluster is away, or answers again."""
        await self.say(f"WARN: {what}" if what else "The cluster answers again.")

    async def get(self, kind: Kind, name: str) -> Object | None:
        """Return an object, None where there is none."""
        return await persistently(lambda: self.cluster.get(kind, name), self.trouble)

    async def need(self, kind: Kind, name: str) -> Object:
        """Return an object that must be there. Raises StuckError."""
        found = await self.get(kind, name)
        if found is None:
            raise StuckError(f"there is no {kind.name} {name} in the namespace {self.cluster.namespace}")
        return found

    async def change(self, kind: Kind, name: str, to: Callable[[Object], Object]) -> Object:
        """Change an object that is there, again where somebody else changed it in between."""
        return await persistently(lambda: self.cluster.modify(kind, name, to), self.trouble)

    async def make(self, kind: Kind, body: Object, meddled: Judgement = unjudged) -> None:
        """Make an object, or bring one that Boreas made before to what it shall be. Raises StuckError.

        One of this very rollout is judged first by whether somebody has `meddled` with it.
        """
        name = manifests.name_of(body)

        def brought(seen: Object) -> Object:
            if self.is_of_this(seen):
                stuck_if(meddled(seen))
            return _brought_to(seen, body)

        while True:
            try:
                await persistently(lambda: self.cluster.create(kind, body), self.trouble)
                return
            except ClusterRefusedError as error:
                if not error.is_conflict:
                    raise
            found = await self.get(kind, name)
            if found is None or is_terminating(found):
                await asyncio.sleep(self.pace.poll)
                continue
            if not workloads.is_managed(found):
                raise StuckError(f"there is a {kind.name} {name} that Boreas did not make")
            if kind is DEPLOYMENTS and found["spec"]["selector"] != body["spec"]["selector"]:
                if self.is_of_this(found):
                    raise StuckError(f"somebody changed whom Service {self.target.service} selects meanwhile")
                await self.remove(kind, name)
                continue
            await self.change(kind, name, brought)
            return

    def is_of_this(self, body: Object) -> bool:
        """Return whether an object that Boreas made was made for this rollout."""
        known = body["metadata"].get("labels") or {}
        return known.get(manifests.DEPLOYMENT_LABEL) == self.workload.deployment_id

    async def remove(self, kind: Kind, name: str) -> None:
        """Delete an object of ours and wait until it is gone; what others made stays."""
        found = await self.get(kind, name)
        while found is not None and workloads.is_managed(found):
            if not is_terminating(found):
                await persistently(lambda: self.cluster.delete(kind, name), self.trouble)
            found = await self.get(kind, name)
            if found is not None:
                await asyncio.sleep(self.pace.poll)

    def owned(self, kind: Kind, seen: Object) -> Object:
        """Return an object marked as the application's. Raises StuckError where it is another one's."""
        what = f"{kind.name} {manifests.name_of(seen)}"
        owner = self.workload.application_id
        stuck_if(workloads.ownership_error(seen, what, self.cluster.namespace, owner))
        return workloads.annotated(seen, {workloads.OWNER: owner})

    async def all_of(self, kind: Kind, selector: str = "") -> list[Object]:
        """Return the objects with these labels."""
        return list((await persistently(lambda: self.cluster.list(kind, selector), self.trouble)).items)

    async def pods_of(self, workload: Object) -> list[Object]:
        """Return the pods of a workload, of any version."""
        match = workload["spec"]["selector"].get("matchLabels") or {}
        found = await self.all_of(PODS, ",".join(f"{key}={value}" for key, value in match.items()))
        known = (match.get(TRACK),) if TRACK in match else (None, tracks.STABLE)
        return [pod for pod in found if (pod["metadata"].get("labels") or {}).get(TRACK) in known]

    async def pods(self, workload: Object) -> list[Object]:
        """Return the pods of a workload that have its newest image."""
        container = self.target.container
        image = workloads.image_of(workload, container)
        return [
            pod
            for pod in await self.pods_of(workload)
            if {each.get("image") for each in workloads.containers_of(pod["spec"]) if each["name"] == container}
            == {image}
        ]


def _brought_to(seen: Object, body: Object) -> Object:
    """Return an object of ours as it shall be: what the cluster keeps of it stays."""
    spec = {**seen["spec"], **body["spec"]}
    kept = {
        part: {**(seen["metadata"].get(part) or {}), **(body["metadata"].get(part) or {})}
        for part in ("labels", "annotations")
    }
    meta = {**seen["metadata"], **{part: values for part, values in kept.items() if values}}
    return {**seen, "metadata": meta, "spec": spec}
