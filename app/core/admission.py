"""Which waiting deployments may start: by locks on applications and the environment's capacity.

A lock has no row of its own: a deployment holds the locks on its applications in its environment while its status is
active, so a lock cannot outlive its deployment. Deployments wait first come, first served.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """The locks that a deployment holds or waits for. An `exempt` deployment starts during a freeze, too."""

    deployment_id: str
    application_ids: tuple[str, ...]
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class WaitReason:
    """Why a deployment waits: one ahead of it locks an application that it needs."""

    deployment_id: str
    application_id: str


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A queued deployment: the locks it waits for, its position (from 1), and whether capacity is full."""

    waits_for: tuple[WaitReason, ...]
    position: int
    full: bool

    @property
    def can_start(self) -> bool:
        """Whether it may start now."""
        return not self.waits_for and not self.full


def admit(active: Sequence[Claim], waiting: Sequence[Claim], capacity: int, *, frozen: bool = False) -> tuple[str, ...]:
    """Return the ids of the deployments that may start now. `waiting` is in the order of the requests.

    A deployment that waits for a lock does not block later ones of other applications, but keeps its place: a later one
    that shares an application with it waits behind it. Exempt deployments overtake those that a freeze holds.
    """
    locked = {application for claim in active for application in claim.application_ids}
    room = capacity - len(active)
    admitted: list[str] = []
    for claim in _eligible(waiting, frozen):
        if room > 0 and locked.isdisjoint(claim.application_ids):
            admitted.append(claim.deployment_id)
            room -= 1
        locked.update(claim.application_ids)
    return tuple(admitted)


def _eligible(waiting: Sequence[Claim], frozen: bool) -> Sequence[Claim]:
    return [claim for claim in waiting if claim.exempt] if frozen else waiting


def queue_position(
    deployment_id: str, active: Sequence[Claim], waiting: Sequence[Claim], capacity: int, *, frozen: bool = False
) -> QueuePosition:
    """Return what one of the `waiting` deployments waits for, apart from a freeze."""
    own = next(claim for claim in waiting if claim.deployment_id == deployment_id)
    waiting = _eligible(waiting, frozen and own.exempt)
    index = waiting.index(own)
    waits_for = tuple(
        WaitReason(claim.deployment_id, application)
        for claim in (*active, *waiting[:index])
        for application in claim.application_ids
        if application in own.application_ids
    )
    ahead = admit(active, waiting[:index], capacity)
    return QueuePosition(waits_for=waits_for, position=index + 1, full=len(active) + len(ahead) >= capacity)
