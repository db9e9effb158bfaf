"""How the slots of one worker are shared among the deployments that have work."""

import heapq
from collections.abc import Mapping, Sequence


def shares(free: int, running: Mapping[str, int], waiting: Sequence[str]) -> dict[str, int]:
    """Return how many of `free` slots each `waiting` deployment may take.

    Each slot goes to the deployment with the fewest, running ones included; of equals, to the first in `waiting`
    ("max-min fairness"). So a deployment with 500 free tasks has all slots while it is alone, and only its share once
    others wait too.
    """
    slots = dict.fromkeys(waiting, 0)
    if len(slots) == 1:
        return {waiting[0]: max(free, 0)}
    heap = [(running.get(name, 0), place, name) for place, name in enumerate(slots)]
    heapq.heapify(heap)
    for _ in range(free if heap else 0):
        used, place, name = heap[0]
        slots[name] += 1
        heapq.heapreplace(heap, (used + 1, place, name))
    return slots
