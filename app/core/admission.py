"""Which waiting deployments may start: locks per (environment, application), and how many may run in an environment.

A lock is no row of its own: a deployment holds its applications in its environment while its status is active, so a
lock can not outlive what holds it. Waiting is first come, first served.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """What one deployment of an environment holds, or waits for. One that is `exempt` starts during a freeze, too."""

    deployment_id: str
    application_ids: tuple[str, ...]
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class WaitReason:
    """Why a waiting deployment does not start: a deployment ahead of it has an application it needs."""

    deployment_id: str
    application_id: str


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where a waiting deployment stands: those ahead of it, its place in the queue (from 1), and room to run."""

    waits_for: tuple[WaitReason, ...]
    position: int
    full: bool

    @property
    def can_start(self) -> bool:
        """Whether nothing keeps it from starting."""
        return not self.waits_for and not self.full


def admit(active: Sequence[Claim], waiting: Sequence[Claim], capacity: int, *, frozen: bool = False) -> tuple[str, ...]:
    """Return the ids of the deployments that may start now. `waiting` is in the order they were asked for.

    One that waits for a lock does not hold up later ones of other applications, but keeps its place: a later one that
    needs any application it waits for stands behind it. What a freeze holds is passed by those that are exempt.
    """
    taken = {application for claim in active for application in claim.application_ids}
    room = capacity - len(active)
    admitted: list[str] = []
    for claim in _free(waiting, frozen):
        if room > 0 and taken.isdisjoint(claim.application_ids):
            admitted.append(claim.deployment_id)
            room -= 1
        taken.update(claim.application_ids)
    return tuple(admitted)


def _free(waiting: Sequence[Claim], frozen: bool) -> Sequence[Claim]:
    return [claim for claim in waiting if claim.exempt] if frozen else waiting


def queue_position(
    deployment_id: str, active: Sequence[Claim], waiting: Sequence[Claim], capacity: int, *, frozen: bool = False
) -> QueuePosition:
    """Say what one of the `waiting` deployments waits for, besides the freeze that may hold it."""
    mine = next(claim for claim in waiting if claim.deployment_id == deployment_id)
    waiting = _free(waiting, frozen and mine.exempt)
    position = waiting.index(mine)
    wanted = mine.application_ids
    waits_for = tuple(
        WaitReason(claim.deployment_id, application)
        for claim in (*active, *waiting[:position])
        for application in claim.application_ids
        if application in wanted
    )
    ahead = admit(active, waiting[:position], capacity)
    return QueuePosition(waits_for=waits_for, position=position + 1, full=len(active) + len(ahead) >= capacity)
