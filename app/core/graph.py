"""Directed graphs of tasks: order, levels, cycles, ancestors and critical path, in linear time.

A graph is a mapping from each node to the nodes it waits for (its blockers). Every blocker must itself be a node:
`workflow_faults.find_faults` reports other graphs before these functions are called. The standard library's graphlib
does not promise the order of nodes within a level, and cannot report several cycles.
"""

from collections.abc import Callable, Mapping, Sequence

Graph = Mapping[str, Sequence[str]]


class CycleError(Exception):
    """The graph has a cycle; `path` starts and ends with the same node."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(" → ".join(path))
        self.path = path


def dependents(graph: Graph) -> dict[str, list[str]]:
    """Return, for each node, the nodes that wait for it directly."""
    result: dict[str, list[str]] = {node: [] for node in graph}
    for node, blockers in graph.items():
        for blocker in dict.fromkeys(blockers):
            result[blocker].append(node)
    return result


def levels(graph: Graph) -> list[list[str]]:
    """Return the topological levels: each one's nodes can run in parallel after the levels before.

    Nodes keep the mapping's order within a level. Raises CycleError.
    """
    followers = dependents(graph)
    open_blockers = {node: len(set(blockers)) for node, blockers in graph.items()}
    rank = {node: index for index, node in enumerate(graph)}
    level = [node for node, count in open_blockers.items() if not count]
    result: list[list[str]] = []
    placed = 0
    while level:
        result.append(level)
        placed += len(level)
        following: list[str] = []
        for node in level:
            for follower in followers[node]:
                open_blockers[follower] -= 1
                if not open_blockers[follower]:
                    following.append(follower)
        level = sorted(following, key=rank.__getitem__)
    if placed < len(graph):
        raise CycleError(find_cycle(graph) or ())
    return result


def order(graph: Graph) -> list[str]:
    """Return the nodes, each after its blockers, in the mapping's order if possible. Raises CycleError."""
    placed: set[str] = set()
    for node, blockers in graph.items():
        if not placed.issuperset(blockers):
            return [node for level in levels(graph) for node in level]
        placed.add(node)
    return list(graph)


def find_cycle(graph: Graph) -> tuple[str, ...] | None:
    """Return one cycle as a path that ends where it starts, in the direction of waiting, or None."""
    done: set[str] = set()
    for start in graph:
        path: list[str] = []
        on_path: dict[str, int] = {}
        stack: list[tuple[str, int]] = [(start, 0)] if start not in done else []
        while stack:
            node, index = stack.pop()
            if index == 0:
                on_path[node] = len(path)
                path.append(node)
            blockers = graph[node]
            if index == len(blockers):
                done.add(node)
                on_path.pop(path.pop())
                continue
            stack.append((node, index + 1))
            blocker = blockers[index]
            if blocker in on_path:
                return (*path[on_path[blocker] :], blocker)
            if blocker not in done:
                stack.append((blocker, 0))
    return None


def ancestors(graph: Graph) -> dict[str, int]:
    """Return for each node all direct and indirect blockers, as a bit mask over the mapping's order.

    With masks, "does a wait for b" is a single AND, and whole-graph checks stay near linear: a union of 2,000 bits
    costs less than one set insertion. Raises CycleError.
    """
    bit = {node: 1 << index for index, node in enumerate(graph)}
    masks: dict[str, int] = {}
    for node in order(graph):
        mask = 0
        for blocker in graph[node]:
            mask |= masks[blocker] | bit[blocker]
        masks[node] = mask
    return masks


def weights(seconds: Mapping[str, float | None]) -> dict[str, float]:
    """Return the weight of each node on a path: its seconds; unknown ones (None) get the mean.

    If no node has seconds, each weighs 1, so that a path counts its nodes.
    """
    durations = [duration for duration in seconds.values() if duration is not None]
    mean = sum(durations) / len(durations) if durations else 1.0
    return {node: mean if duration is None else duration for node, duration in seconds.items()}


def critical_path(graph: Graph, weight: Callable[[str], float]) -> list[str]:
    """Return the path with the greatest sum of weights (seconds, or 1 for a count), first node first.

    Among equal paths, the first in the mapping's order wins. Raises CycleError.
    """
    rank = {node: -index for index, node in enumerate(graph)}
    total: dict[str, float] = {}

    def first_heaviest(node: str) -> tuple[float, int]:
        return total[node], rank[node]

    previous: dict[str, str | None] = {}
    for node in order(graph):
        heaviest = max(graph[node], key=first_heaviest, default=None)
        previous[node] = heaviest
        total[node] = weight(node) + (total[heaviest] if heaviest is not None else 0.0)
    last = max(total, key=first_heaviest, default=None)
    path: list[str] = []
    while last is not None:
        path.append(last)
        last = previous[last]
    return path[::-1]
