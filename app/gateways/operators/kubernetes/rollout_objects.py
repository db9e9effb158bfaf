"""The objects that a rollout reads and writes. Every call waits for a cluster that is away, and logs the outage."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from app.core.kubernetes import manifests, tracks, workloads
from app.core.kubernetes.manifests import Object, is_terminating
from app.core.kubernetes.workloads import TRACK
from app.core.log_levels import Stream
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS, PODS, Cluster, Kind
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.list_watch import retry_while_away
from app.ports import LogSink, Workload


class StuckError(Exception):
    """The rollout cannot go on; the message says why, for users."""


DriftCheck = Callable[[Object], str | None]
"""Returns how an object differs from what Boreas gave it, in words for users; None where it does not."""


def no_drift(_: Object) -> None:
    """Return None: nothing of this object is compared."""


def stuck_if(reason: str | None) -> None:
    """Raise StuckError where there is a reason to."""
    if reason is not None:
        raise StuckError(reason)


@dataclass(frozen=True, slots=True)
class PollIntervals:
    """Intervals and limits of a rollout.

    An object is read every `poll_seconds`, or every `watched_poll_seconds` while it is watched. A fault of a pod may
    last `fault_seconds`. Traffic takes `settle_seconds` to follow a change. A workload without a deadline of its own
    may make no progress for `progress_seconds`.
    """

    poll_seconds: float = 1.0
    fault_seconds: float = 60.0
    settle_seconds: float = 5.0
    watched_poll_seconds: float = 5.0
    progress_seconds: float = 600.0


class RolloutObjects:
    """The objects of one rollout. Methods raise ClusterRefusedError where the cluster refuses."""

    def __init__(self, cluster: Cluster, rollout: Workload, log: LogSink, intervals: PollIntervals) -> None:
        self.cluster = cluster
        self.rollout = rollout
        self.target = rollout.target
        self.intervals = intervals
        self._sink = log

    @property
    def name(self) -> str:
        """The name of the base."""
        return self.target.workload

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every object that this rollout creates."""
        owner = manifests.Owner(
            deployment_id=self.rollout.deployment_id,
            task_id=self.rollout.task_id,
            application=self.rollout.application,
        )
        return manifests.labels(owner)

    async def log(self, line: str) -> None:
        """Write a line to the task's log."""
        await self._sink(Stream.SYSTEM, [line])

    async def report_outage(self, outage: str | None) -> None:
        """Log that the cluster is away, or that it answers again."""
        await self.log(f"WARN: {outage}" if outage else "The cluster answers again.")

    async def get(self, kind: Kind, name: str) -> Object | None:
        """Return an object, None where there is none."""
        return await retry_while_away(lambda: self.cluster.get(kind, name), self.report_outage)

    async def get_existing(self, kind: Kind, name: str) -> Object:
        """Return an object that must exist. Raises StuckError."""
        body = await self.get(kind, name)
        if body is None:
            raise StuckError(f"there is no {kind.name} {name} in the namespace {self.cluster.namespace}")
        return body

    async def modify(self, kind: Kind, name: str, change: Callable[[Object], Object]) -> Object:
        """Write what `change` makes of an object, and return it; again where somebody changed it in between."""
        return await retry_while_away(lambda: self.cluster.modify(kind, name, change), self.report_outage)

    async def ensure(self, kind: Kind, body: Object, drift_check: DriftCheck = no_drift) -> None:
        """Create an object, or update one that Boreas created before. Raises StuckError.

        An object of this rollout is updated only where `drift_check` finds nothing.
        """
        name = manifests.name_of(body)

        def updated(current: Object) -> Object:
            if self.is_of_rollout(current):
                stuck_if(drift_check(current))
            return _merged(current, body)

        while True:
            try:
                await retry_while_away(lambda: self.cluster.create(kind, body), self.report_outage)
                return
            except ClusterRefusedError as error:
                if not error.is_conflict:
                    raise
            current = await self.get(kind, name)
            if current is None or is_terminating(current):
                await asyncio.sleep(self.intervals.poll_seconds)
                continue
            if not workloads.is_managed(current):
                raise StuckError(
                    f"there is already a {kind.name} {name} that Boreas did not create; rename or delete it"
                )
            if kind is DEPLOYMENTS and current["spec"]["selector"] != body["spec"]["selector"]:
                if self.is_of_rollout(current):
                    raise StuckError(f"somebody changed whom Service {self.target.service} selects meanwhile")
                await self.remove(kind, name)
                continue
            await self.modify(kind, name, updated)
            return

    def is_of_rollout(self, body: Object) -> bool:
        """Return whether Boreas created an object for this rollout."""
        labels = body["metadata"].get("labels") or {}
        return labels.get(manifests.DEPLOYMENT_LABEL) == self.rollout.deployment_id

    async def remove(self, kind: Kind, name: str) -> None:
        """Delete an object that Boreas created, and wait until it is gone. Objects of others stay."""
        body = await self.get(kind, name)
        while body is not None and workloads.is_managed(body):
            if not is_terminating(body):
                await retry_while_away(lambda: self.cluster.delete(kind, name), self.report_outage)
            body = await self.get(kind, name)
            if body is not None:
                await asyncio.sleep(self.intervals.poll_seconds)

    def mark_owned(self, kind: Kind, body: Object) -> Object:
        """Return an object marked as the application's. Raises StuckError where another application owns it."""
        description = f"{kind.name} {manifests.name_of(body)}"
        owner = self.rollout.application_id
        stuck_if(workloads.ownership_error(body, description, self.cluster.namespace, owner))
        return workloads.annotated(body, {workloads.OWNER: owner})

    async def list_objects(self, kind: Kind, selector: str = "") -> list[Object]:
        """Return the objects with these labels."""
        return list((await retry_while_away(lambda: self.cluster.list(kind, selector), self.report_outage)).items)

    async def pods_of(self, workload: Object) -> list[Object]:
        """Return the pods of a workload, of any version."""
        labels = workload["spec"]["selector"].get("matchLabels") or {}
        pods = await self.list_objects(PODS, ",".join(f"{key}={value}" for key, value in labels.items()))
        own_tracks = (labels.get(TRACK),) if TRACK in labels else (None, tracks.STABLE)
        return [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(TRACK) in own_tracks]

    async def pods(self, workload: Object) -> list[Object]:
        """Return the pods of a workload that have its newest image."""
        container = self.target.container
        image = workloads.image_of(workload, container)
        return [
            pod
            for pod in await self.pods_of(workload)
            if {part.get("image") for part in workloads.containers_of(pod["spec"]) if part["name"] == container}
            == {image}
        ]


def _merged(current: Object, body: Object) -> Object:
    """Return an object with the spec, labels and annotations of `body`; all else stays as the cluster has it."""
    spec = {**current["spec"], **body["spec"]}
    marks = {
        part: {**(current["metadata"].get(part) or {}), **(body["metadata"].get(part) or {})}
        for part in ("labels", "annotations")
    }
    metadata = {**current["metadata"], **{part: values for part, values in marks.items() if values}}
    return {**current, "metadata": metadata, "spec": spec}
