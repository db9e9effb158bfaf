"""The record of what a rollout changed in a workload, stored with the rollout's progress.

Annotations on the workload itself are not reliable: other tools may restore old ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class MovedWorkload:
    """What a rollout found in a workload, and what it set last.

    `previous` is the image before the rollout, `wanted` the number of replicas in all. The rollout set `image` and
    `size` of the workload; no size where an autoscaler decides it, or the rollout is over. A change is stored before it
    is made. Until it is confirmed, the workload may still have one of `images_before` and `sizes_before`. `beside` is
    the size of the second set. `manner` is the workload's own update strategy, as JSON, while Boreas has replaced it.
    `over` tells that the workload runs only the new version, and needs no cleanup.

    When the current batch was updated, its pods had been ready since `ready_since` at the latest, and `restarts` had
    the restarts of their containers, by the pod's uid.
    """

    deployment_id: str
    previous: str | None
    wanted: int
    image: str | None = None
    size: int | None = None
    images_before: tuple[str | None, ...] = ()
    sizes_before: tuple[int, ...] = ()
    beside: int | None = None
    manner: str | None = None
    over: bool = False
    ready_since: str = ""
    restarts: Mapping[str, int] = field(default_factory=dict)

    @property
    def images(self) -> tuple[str | None, ...]:
        """The images that the workload may have as a result of the rollout alone."""
        return (self.image, *self.images_before)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that it may have as a result of the rollout alone; empty where the rollout sets none."""
        return () if self.size is None else (self.size, *self.sizes_before)

    def with_pending_change(self, image: str | None, size: int | None) -> "MovedWorkload":
        """Return the record with a change that is about to be made and is not confirmed yet."""
        images = tuple(before for before in dict.fromkeys(self.images) if before != image)
        sizes = tuple(before for before in dict.fromkeys(self.sizes) if before != size)
        return replace(self, image=image, size=size, images_before=images, sizes_before=sizes)

    def with_change_confirmed(self) -> "MovedWorkload":
        """Return the record with its last change confirmed."""
        return replace(self, images_before=(), sizes_before=())


def is_half_moved(moved: MovedWorkload | None) -> bool:
    """Whether a workload is between two versions, so that a rollout or rollback must finish it."""
    return moved is not None and not moved.over
