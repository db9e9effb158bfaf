"""How the slots of one worker are shared among the deployments that want them."""

import heapq
from collections.abc import Mapping, Sequence


def shares(free: int, running: Mapping[str, int], hungry: Sequence[str]) -> dict[str, int]:
    """Return how many of `free` slots each `hungry` deployment may take.

    Each slot goes to whoever has the fewest, running ones included; of equals, to the one that is named first
    ("max-min fairness"). So one with 500 free tasks has all slots while it is alone, and no more than its share as
    soon as it is not.
    """
    given = dict.fromkeys(hungry, 0)
    if len(given) == 1:
        return {hungry[0]: max(free, 0)}
    heap = [(running.get(name, 0), place, name) for place, name in enumerate(given)]
    heapq.heapify(heap)
    for _ in range(free if heap else 0):
        has, place, name = heap[0]
        given[name] += 1
        heapq.heapreplace(heap, (has + 1, place, name))
    return given
