"""One workload in a cluster, and what can be done to it in single steps, each of which may be repeated."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.core.kubernetes import drift, replicas, tracks, update_strategy, workloads
from app.core.kubernetes.manifests import Object, name_of
from app.core.kubernetes.replicas import ReplicaStatus
from app.core.kubernetes.workloads import (
    ROLLOUT_OF,
    UPDATE_STRATEGY,
    annotation,
    replicas_of,
    with_image,
    with_replicas,
)
from app.core.moved_workload import MovedWorkload
from app.gateways.operators.kubernetes.cluster import (
    AUTOSCALERS,
    DAEMON_SETS,
    DEPLOYMENTS,
    STATEFUL_SETS,
    Cluster,
    Kind,
)
from app.gateways.operators.kubernetes.convergence import Convergence, Goal, Relief
from app.gateways.operators.kubernetes.rollout_objects import (
    PollIntervals,
    RolloutObjects,
    StuckError,
    stuck_if,
    unjudged,
)
from app.ports import LogSink, Workload

__all__ = ["ClusterWorkload", "PollIntervals", "StuckError", "stuck_if"]


class ClusterWorkload(RolloutObjects):
    """A workload that is moved."""

    def __init__(self, cluster: Cluster, workload: Workload, log: LogSink, pace: PollIntervals) -> None:
        super().__init__(cluster, workload, log, pace)
        self.kind: Kind | None = None
        self.is_judged = True

    @property
    def moved(self) -> MovedWorkload | None:
        """What this rollout has made of the workload; None before it has begun, and once it was taken back."""
        moved = self.workload.store.moved
        return moved if moved and moved.deployment_id == self.workload.deployment_id else None

    def recall(self, base: Object) -> MovedWorkload | None:
        """Return the same; of a rollout of which nothing was stored, as the notes on the base have it."""
        if self.moved is None and annotation(base, ROLLOUT_OF) == self.workload.deployment_id:
            told = replicas.annotated_workload(base)
            image = workloads.image_of(base, self.target.container)
            known = (self.workload.image, told.previous) if told else ()
            if told and image in known:
                told = replace(told, image=image, manner=annotation(base, UPDATE_STRATEGY))
            self.workload.store.moved = told and replace(told, images_before=known)
        return self.moved

    async def keep(self, **parts: Any) -> None:
        """Store parts of what this rollout has made of the workload, where it has begun."""
        if self.moved is not None:
            await self.workload.store.save(replace(self.moved, **parts))

    async def intend(self, image: str | None = None, size: int | None = None) -> None:
        """Store what the base is about to be given."""
        if (moved := self.moved) is not None:
            after = moved.with_pending_change(image or moved.image, moved.size if size is None else size)
            await self.workload.store.save(after)

    async def arrived(self) -> None:
        """Store that the base was given it."""
        if self.moved is not None:
            await self.workload.store.save(self.moved.with_change_confirmed())

    def image_fault(self, base: Object) -> str | None:
        """Return what somebody changed of the image that the base was given last."""
        if self.moved is None or not self.is_judged:
            return None
        return drift.image(base, self.target.container, *self.moved.images)

    def size_fault(self, seen: Object) -> str | None:
        """Return what somebody changed of the size that a Deployment was given last."""
        is_base = name_of(seen) == self.name and self.moved is not None
        return drift.replicas(seen, self.moved.sizes if is_base and self.moved else None)

    @property
    def what(self) -> str:
        """The kind and name of the base, for people."""
        return f"{(self.kind or DEPLOYMENTS).name} {self.name}"

    @property
    def is_in_place(self) -> bool:
        """Whether the base, once it was found, is changed in place: no second one can stand beside it."""
        return self.kind in (STATEFUL_SETS, DAEMON_SETS)

    async def base(self) -> Object:
        """Return the base, with the container that is to change. Raises StuckError."""
        found = await self.get(self.kind, self.name) if self.kind else await self._find()
        kind = self.kind or DEPLOYMENTS
        if found is None:
            where = f"in the namespace {self.cluster.namespace}"
            raise StuckError(f"there is no {kind.name} {self.name} {where}, and no StatefulSet or DaemonSet either")
        if workloads.image_of(found, self.target.container) is None:
            raise StuckError(f"{kind.name} {self.name} has no container {self.target.container}")
        return found

    async def _find(self) -> Object | None:
        """Look for the base: a Deployment, else a StatefulSet or a DaemonSet of that name. Raises StuckError."""
        if (found := await self.get(DEPLOYMENTS, self.name)) is not None:
            self.kind = DEPLOYMENTS
            return found
        there = [(kind, one) for kind in (STATEFUL_SETS, DAEMON_SETS) if (one := await self.get(kind, self.name))]
        if len(there) > 1:
            raise StuckError(f"there are a StatefulSet and a DaemonSet {self.name}; one of them has to be renamed")
        for self.kind, one in there:
            return one
        return None

    async def is_scaled(self) -> bool:
        """Return whether an autoscaler decides how many replicas the base has."""
        kind = (self.kind or DEPLOYMENTS).name
        return replicas.autoscaler(await self.all_of(AUTOSCALERS), self.name, kind) is not None

    async def raise_to(self, size: int) -> None:
        """Give the base that an autoscaler sizes at least so many replicas, for now, and wait until they are available.

        It had nothing to do and was made small, or may have been; as soon as it has, its autoscaler decides again.
        """
        if replicas_of(await self.base()) < size:
            await self.say(f"Scaling {self.name} to {size}, as it takes back what as many serve.")
            await self.change(DEPLOYMENTS, self.name, lambda seen: with_replicas(seen, max(size, replicas_of(seen))))
            await self.settled(self.name)

    async def scale(self, name: str, size: int, relief: Relief | None = None) -> None:
        """Give a Deployment a size, and wait where it grows until all of it is available. Raises StuckError."""
        before = await self.resize(name, size)
        if size > before:
            await self.settled(name, relief)

    async def resize(self, name: str, size: int) -> int:
        """Give a Deployment a size, and return the one that it had. Raises StuckError."""
        seen = await self.need(DEPLOYMENTS, name)
        before = replicas_of(seen)
        if before != size:
            stuck_if(self.size_fault(seen))
            await self.say(f"Scaling {name} from {before} to {size}.")
        if name == self.name:
            await self.intend(size=size)
        await self.change(DEPLOYMENTS, name, lambda seen: self._sized(seen, size))
        if name == self.name:
            await self.arrived()
        return before

    async def _keep_manner(self) -> None:
        """Store the base's own manner of updates, before another one is in its place."""
        if self.moved is not None and self.moved.manner is None:
            await self.keep(manner=update_strategy.own_strategy(await self.base()))

    async def replace_marked(self) -> None:
        """Replace the base's pods by ones with its track, and wait until all of them are. Raises StuckError."""
        await self.say(f"Restarting the pods of {self.name} once, to tell the two sets apart from now on.")
        await self._keep_manner()
        await self.change(
            DEPLOYMENTS, self.name, lambda seen: tracks.with_track_label(update_strategy.with_safe_strategy(seen, 0))
        )
        await self.settled(self.name)

    async def run(self, image: str, size: int | None = None, watch_seconds: int = 0, *, again: bool = False) -> None:
        """Let the base run an image, replica by replica. Raises StuckError.

        Never are fewer available than asked for, unless its owner forbids more pods. With `again` its pods are replaced
        although the image is the same.
        """
        await self._keep_manner()
        await self.intend(image, size)

        def changed(seen: Object) -> Object:
            stuck_if(self.image_fault(seen))
            careful = update_strategy.with_safe_strategy(seen, watch_seconds)
            made = with_image(tracks.with_track_label(careful), self.target.container, image)
            made = workloads.restarted(made, self.workload.deployment_id) if again else made
            return made if size is None else self._sized(made, size)

        await self.change(DEPLOYMENTS, self.name, changed)
        await self.arrived()

    def _sized(self, seen: Object, size: int) -> Object:
        """Return a Deployment of that size. Raises StuckError where somebody else wants another one."""
        if replicas_of(seen) != size:
            stuck_if(self.size_fault(seen))
        return with_replicas(seen, size)

    async def settled(
        self, name: str, relief: Relief | None = None, read: Callable[[Object], ReplicaStatus] = replicas.replica_status
    ) -> None:
        """Wait until all of a workload is on its newest template and available. Raises StuckError.

        Where its pods can not be made or placed, `relief` is asked to make room. `read` says how it stands.
        """
        kind = (self.kind or DEPLOYMENTS) if name == self.name else DEPLOYMENTS
        judge = self.image_fault if name == self.name else unjudged
        await Convergence(self, Goal(kind, name, read, judge, relief)).wait()
