"""One workload in a cluster, and the single steps of a rollout on it. Each step may be repeated."""

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
from app.gateways.operators.kubernetes.convergence import Convergence, Goal, MakeRoom
from app.gateways.operators.kubernetes.rollout_objects import (
    PollIntervals,
    RolloutObjects,
    StuckError,
    no_drift,
    stuck_if,
)
from app.ports import LogSink, Workload

__all__ = ["ClusterWorkload", "PollIntervals", "StuckError", "stuck_if"]


class ClusterWorkload(RolloutObjects):
    """A workload during a rollout: its base, which the application names, and what the rollout stored of it."""

    def __init__(self, cluster: Cluster, rollout: Workload, log: LogSink, intervals: PollIntervals) -> None:
        super().__init__(cluster, rollout, log, intervals)
        self.kind: Kind | None = None
        self.reports_drift = True

    @property
    def moved(self) -> MovedWorkload | None:
        """What this rollout has done to the workload; None before it has begun and after it was rolled back."""
        moved = self.rollout.store.moved
        return moved if moved and moved.deployment_id == self.rollout.deployment_id else None

    def restore(self, base: Object) -> MovedWorkload | None:
        """Return `moved`. Where nothing was stored, read it from the annotations of the base first."""
        if self.moved is None and annotation(base, ROLLOUT_OF) == self.rollout.deployment_id:
            moved = replicas.annotated_workload(base)
            image = workloads.image_of(base, self.target.container)
            images = (self.rollout.image, moved.previous) if moved else ()
            if moved and image in images:
                moved = replace(moved, image=image, manner=annotation(base, UPDATE_STRATEGY))
            self.rollout.store.moved = moved and replace(moved, images_before=images)
        return self.moved

    async def save(self, **parts: Any) -> None:
        """Store fields of `moved`, where the rollout has begun."""
        if self.moved is not None:
            await self.rollout.store.save(replace(self.moved, **parts))

    async def record_intent(self, image: str | None = None, size: int | None = None) -> None:
        """Store the image and size that the base is about to get."""
        if (moved := self.moved) is not None:
            intended = moved.with_pending_change(image or moved.image, moved.size if size is None else size)
            await self.rollout.store.save(intended)

    async def record_done(self) -> None:
        """Store that the base has them."""
        if self.moved is not None:
            await self.rollout.store.save(self.moved.with_change_confirmed())

    def image_drift(self, base: Object) -> str | None:
        """Return how the image of the base differs from the one that Boreas gave it last; None where it does not."""
        if self.moved is None or not self.reports_drift:
            return None
        return drift.image(base, self.target.container, *self.moved.images)

    def size_drift(self, body: Object) -> str | None:
        """Return how the size of a Deployment differs from the one that Boreas gave it last; None where it does not."""
        is_base = name_of(body) == self.name and self.moved is not None
        return drift.replicas(body, self.moved.sizes if is_base and self.moved else None)

    @property
    def description(self) -> str:
        """The kind and name of the base, for users."""
        return f"{(self.kind or DEPLOYMENTS).name} {self.name}"

    @property
    def is_in_place(self) -> bool:
        """Whether the base is updated in place, as no second set can run beside it. Known once `base` has found it."""
        return self.kind in (STATEFUL_SETS, DAEMON_SETS)

    async def base(self) -> Object:
        """Return the base, which has the container to update. Raises StuckError."""
        body = await self.get(self.kind, self.name) if self.kind else await self._find()
        kind = self.kind or DEPLOYMENTS
        if body is None:
            where = f"in the namespace {self.cluster.namespace}"
            raise StuckError(f"there is no {kind.name} {self.name} {where}, and no StatefulSet or DaemonSet either")
        if workloads.image_of(body, self.target.container) is None:
            raise StuckError(f"{kind.name} {self.name} has no container {self.target.container}")
        return body

    async def _find(self) -> Object | None:
        """Find the base: a Deployment, else a StatefulSet or a DaemonSet of that name. Raises StuckError."""
        if (deployment := await self.get(DEPLOYMENTS, self.name)) is not None:
            self.kind = DEPLOYMENTS
            return deployment
        kinds = (STATEFUL_SETS, DAEMON_SETS)
        candidates = [(kind, body) for kind in kinds if (body := await self.get(kind, self.name))]
        if len(candidates) > 1:
            raise StuckError(f"there are a StatefulSet and a DaemonSet {self.name}; rename one of them")
        for self.kind, body in candidates:
            return body
        return None

    async def is_scaled(self) -> bool:
        """Return whether an autoscaler sizes the base."""
        kind = (self.kind or DEPLOYMENTS).name
        return replicas.autoscaler(await self.list_objects(AUTOSCALERS), self.name, kind) is not None

    async def scale_up_to(self, size: int) -> None:
        """Scale a base that an autoscaler sizes up to at least `size`, and wait until its replicas are available.

        While it served nothing, the autoscaler may have shrunk it. Once it serves again, the autoscaler decides.
        """
        if replicas_of(await self.base()) < size:
            await self.log(
                f"Scaling {self.name} to {size}, as that many replicas serve the traffic that it takes back."
            )
            await self.modify(DEPLOYMENTS, self.name, lambda body: with_replicas(body, max(size, replicas_of(body))))
            await self.wait_until_ready(self.name)

    async def scale(self, name: str, size: int, make_room: MakeRoom | None = None) -> None:
        """Scale a Deployment. Where it grows, wait until all of it is available. Raises StuckError."""
        before = await self.resize(name, size)
        if size > before:
            await self.wait_until_ready(name, make_room)

    async def resize(self, name: str, size: int) -> int:
        """Scale a Deployment, and return the size that it had. Raises StuckError."""
        body = await self.get_existing(DEPLOYMENTS, name)
        before = replicas_of(body)
        if before != size:
            stuck_if(self.size_drift(body))
            await self.log(f"Scaling {name} from {before} to {size}.")
        if name == self.name:
            await self.record_intent(size=size)
        await self.modify(DEPLOYMENTS, name, lambda body: self._with_size(body, size))
        if name == self.name:
            await self.record_done()
        return before

    async def _save_own_strategy(self) -> None:
        """Store the update strategy of the base, before Boreas replaces it for the rollout."""
        if self.moved is not None and self.moved.manner is None:
            await self.save(manner=update_strategy.own_strategy(await self.base()))

    async def replace_with_labelled(self) -> None:
        """Replace the pods of the base with ones that have its track label. Raises StuckError."""
        await self.log(f"Restarting the pods of {self.name} once, to tell the two sets apart from now on.")
        await self._save_own_strategy()
        await self.modify(
            DEPLOYMENTS, self.name, lambda body: tracks.with_track_label(update_strategy.with_safe_strategy(body, 0))
        )
        await self.wait_until_ready(self.name)

    async def set_image(
        self, image: str, size: int | None = None, watch_seconds: int = 0, *, restart: bool = False
    ) -> None:
        """Let the base run an image, replica by replica. Raises StuckError.

        As many replicas as asked for stay available, unless the owner forbids more pods. `restart` replaces the pods
        although the image is the same.
        """
        await self._save_own_strategy()
        await self.record_intent(image, size)

        def updated(current: Object) -> Object:
            stuck_if(self.image_drift(current))
            body = tracks.with_track_label(update_strategy.with_safe_strategy(current, watch_seconds))
            body = with_image(body, self.target.container, image)
            body = workloads.restarted(body, self.rollout.deployment_id) if restart else body
            return body if size is None else self._with_size(body, size)

        await self.modify(DEPLOYMENTS, self.name, updated)
        await self.record_done()

    def _with_size(self, body: Object, size: int) -> Object:
        """Return a Deployment with that size. Raises StuckError where somebody else changed the size."""
        if replicas_of(body) != size:
            stuck_if(self.size_drift(body))
        return with_replicas(body, size)

    async def wait_until_ready(
        self,
        name: str,
        make_room: MakeRoom | None = None,
        read: Callable[[Object], ReplicaStatus] = replicas.replica_status,
    ) -> None:
        """Wait until all replicas of a workload have its newest template and are available. Raises StuckError.

        Where its pods cannot be created or scheduled, `make_room` is called. `read` returns its status.
        """
        kind = (self.kind or DEPLOYMENTS) if name == self.name else DEPLOYMENTS
        drift_check = self.image_drift if name == self.name else no_drift
        await Convergence(self, Goal(kind, name, read, drift_check, make_room)).wait()
