"""One workload in a cluster, and what can be done to it in single steps, each of which may be repeated."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from app.core import manifests, meddling, pods, replicas, tracks, workloads
from app.core.logs import Stream
from app.core.manifests import Object, is_going
from app.core.workloads import PREVIOUS, TRACK, note, replicas_of, with_image, with_replicas
from app.gateways.operators.kubernetes.cluster import AUTOSCALERS, DEPLOYMENTS, PODS, Cluster, Kind
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.watching import Alarm, alarmed, persistently
from app.ports import LogSink, Workload


class StuckError(Exception):
    """What is wanted can not come about; the message says why."""


Judgement = Callable[[Object], str | None]
"""Says what somebody changed of an object, None where nobody did."""


def _unjudged(_: Object) -> None:
    """Find nothing."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often is looked, how long faults of pods may last, how long traffic takes to follow, and how often is looked
    at what a watch tells of anyway, in seconds.
    """

    poll: float = 1.0
    patience: float = 60.0
    settle: float = 5.0
    watched: float = 5.0


class Moving:
    """A workload that is moved. Every step waits for a cluster that is away; refusals of it come out as errors."""

    def __init__(self, cluster: Cluster, workload: Workload, log: LogSink, pace: Pace) -> None:
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

    async def make(self, kind: Kind, body: Object, meddled: Judgement = _unjudged) -> None:
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
            if found is None or is_going(found):
                await asyncio.sleep(self.pace.poll)
                continue
            if not workloads.is_ours(found):
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
        while found is not None and workloads.is_ours(found):
            if not is_going(found):
                await persistently(lambda: self.cluster.delete(kind, name), self.trouble)
            found = await self.get(kind, name)
            if found is not None:
                await asyncio.sleep(self.pace.poll)

    def owned(self, kind: Kind, seen: Object) -> Object:
        """Return an object marked as the application's. Raises StuckError where it is another one's."""
        what = f"{kind.name} {manifests.name_of(seen)}"
        owner = self.workload.application_id
        stuck_if(workloads.foreign(seen, what, self.cluster.namespace, owner))
        return workloads.noted(seen, {workloads.OWNER: owner})

    def images(self, base: Object) -> tuple[str | None, ...]:
        """Return what the base may run that nobody else brought: the new version, and what was there before."""
        return self.workload.image, note(base, PREVIOUS)

    async def base(self) -> Object:
        """Return the base, with the container that is to change. Raises StuckError."""
        found = await self.need(DEPLOYMENTS, self.name)
        if workloads.image_of(found, self.target.container) is None:
            raise StuckError(f"Deployment {self.name} has no container {self.target.container}")
        return found

    async def is_scaled(self) -> bool:
        """Return whether an autoscaler decides how many replicas the base has."""
        listing = await persistently(lambda: self.cluster.list(AUTOSCALERS), self.trouble)
        return replicas.autoscaler(listing.items, self.name) is not None

    async def raise_to(self, size: int) -> None:
        """Give the base that an autoscaler sizes at least so many replicas, for now, and wait until they are available.

        It had nothing to do and was made small, or may have been; as soon as it has, its autoscaler decides again.
        """
        if replicas_of(await self.base()) < size:
            await self.say(f"Scaling {self.name} to {size}, as it takes back what as many serve.")
            await self.change(DEPLOYMENTS, self.name, lambda seen: with_replicas(seen, max(size, replicas_of(seen))))
            await self.settled(self.name)

    async def scale(self, name: str, size: int) -> None:
        """Give a Deployment a size, and wait where it grows until all of it is available. Raises StuckError."""
        seen = await self.need(DEPLOYMENTS, name)
        before = replicas_of(seen)
        if before != size:
            stuck_if(meddling.size(seen))
            await self.say(f"Scaling {name} from {before} to {size}.")
        await self.change(DEPLOYMENTS, name, lambda seen: _sized(seen, size))
        if size > before:
            await self.settled(name)

    async def mark(self) -> None:
        """Give the base's pods its track, replica by replica, and wait until all that are left have it.

        That restarts them, once: every rollout that replaces them anyway marks them too. Raises StuckError.
        """
        base = await self.base()
        if not tracks.is_marked(base):
            await self.say(f"Restarting the pods of {self.name} once, to tell the two sets apart from now on.")
            await self.change(DEPLOYMENTS, self.name, lambda seen: tracks.marked(workloads.carefully(seen, 0)))
            await self.settled(self.name)
            return
        at = replicas.standing(base)
        if not at.settled and at.updated < int((base.get("status") or {}).get("replicas") or 0):
            await self.settled(self.name)

    async def run(self, image: str, size: int | None = None, watch_seconds: int = 0) -> None:
        """Let the base run an image, replica by replica, never with fewer than asked for. Raises StuckError."""

        def changed(seen: Object) -> Object:
            stuck_if(meddling.image(seen, self.target.container, *self.images(seen)))
            made = with_image(tracks.marked(workloads.carefully(seen, watch_seconds)), self.target.container, image)
            return made if size is None else _sized(made, size)

        await self.change(DEPLOYMENTS, self.name, changed)
        await self.settled(self.name)

    async def settled(self, name: str) -> None:
        """Wait until all of a Deployment is on its newest template and available. Raises StuckError."""
        if replicas.standing(await self.need(DEPLOYMENTS, name)).settled:
            return
        async with alarmed(self.cluster, DEPLOYMENTS, name, self.pace.poll, self.pace.watched) as alarm:
            await self._settled(name, alarm)

    async def _settled(self, name: str, alarm: Alarm) -> None:
        loop = asyncio.get_running_loop()
        told, since = "", loop.time()
        while True:
            seen = await self.need(DEPLOYMENTS, name)
            at = replicas.standing(seen)
            if at.settled:
                return
            fault = await self._fault(seen)
            now = f"{at.updated} of {at.wanted} replicas of {name} are updated, {at.available} available"
            now += f"; {fault}" if fault else ""
            if now != told:
                await self.say(f"WARN: {now}." if fault else f"{now}.")
            if fault is None:
                since = loop.time()
            told = now
            if at.stalled:
                raise StuckError(f"{name}: {at.stalled}" + (f": {fault}" if fault else ""))
            if fault and loop.time() - since >= self.pace.patience:
                raise StuckError(f"{name}: {fault}")
            await alarm.wait()

    async def _fault(self, deployment: Object) -> str | None:
        """Return what keeps the newest pods of a Deployment from running, where waiting may not help."""
        match = deployment["spec"]["selector"].get("matchLabels") or {}
        selector = ",".join(f"{key}={value}" for key, value in match.items())
        listing = await persistently(lambda: self.cluster.list(PODS, selector), self.trouble)
        image = workloads.image_of(deployment, self.target.container)
        track = match.get(TRACK)
        for pod in listing.items:
            images = {each.get("image") for each in pod["spec"]["containers"] if each["name"] == self.target.container}
            if images == {image} and (pod["metadata"].get("labels") or {}).get(TRACK) == track:
                found = pods.fault(pod)
                if found and not found.passing:
                    return found.message
        return None


def stuck_if(what: str | None) -> None:
    """Raise StuckError where there is something to say."""
    if what is not None:
        raise StuckError(what)


def _sized(seen: Object, size: int) -> Object:
    """Return a Deployment of that size. Raises StuckError where somebody else wants another one."""
    if replicas_of(seen) != size:
        stuck_if(meddling.size(seen))
    return with_replicas(seen, size)


def _brought_to(seen: Object, body: Object) -> Object:
    """Return an object of ours as it shall be: what the cluster keeps of it stays."""
    spec = {**seen["spec"], **body["spec"]}
    kept = {
        part: {**(seen["metadata"].get(part) or {}), **(body["metadata"].get(part) or {})}
        for part in ("labels", "annotations")
    }
    meta = {**seen["metadata"], **{part: values for part, values in kept.items() if values}}
    return {**seen, "metadata": meta, "spec": spec}
