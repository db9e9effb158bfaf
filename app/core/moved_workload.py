"""What a rollout has made of a workload, as Boreas itself stores it.

Annotations on the workload itself will not do: anybody's tools bring old ones back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class MovedWorkload:
    """What a Boreas deployment found of a workload, and what it gave it last.

    `previous` is the image that it had before, `wanted` how many replicas there are to be in all. The workload itself
    was given `image` and `size`; no size where an autoscaler decides it, or the rollout is over. A change is stored
    before it is made: until it has certainly arrived, the workload may still have one of `images_before` and
    `sizes_before`. `beside` is the size of the second set; `manner` the workload's own way of updates while another one
    is in its place, as JSON. `over` tells that the new version is all there is, and nothing of it needs to be cleared.

    When the batch in hand was brought, its pods had been ready since `ready_since` at the latest, and their containers
    had started anew as often as `restarts` says, by the pod's uid.
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
        """The images that the workload may have without anybody else having changed it."""
        return (self.image, *self.images_before)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that it may have so; none where that is not for the rollout to say."""
        return () if self.size is None else (self.size, *self.sizes_before)

    def with_pending_change(self, image: str | None, size: int | None) -> "MovedWorkload":
        """Return this before a change is made, of which nobody knows yet whether it arrives."""
        images = tuple(each for each in dict.fromkeys(self.images) if each != image)
        sizes = tuple(each for each in dict.fromkeys(self.sizes) if each != size)
        return replace(self, image=image, size=size, images_before=images, sizes_before=sizes)

    def with_change_confirmed(self) -> "MovedWorkload":
        """Return this once the change has been made."""
        return replace(self, images_before=(), sizes_before=())


def is_half_moved(moved: MovedWorkload | None) -> bool:
    """Return whether a workload stands between two versions, so that somebody has to bring it to an end."""
    return moved is not None and not moved.over
