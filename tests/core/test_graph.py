"""Graphs of tasks.

In: a mapping from each node to its blockers. Out: levels, an order, a cycle, ancestors, the heaviest path.
Tested: each against a model that is slow and obvious, at the greatest size and depth, and with cycles.
"""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import graph
from tests.core.support.build import closure, dags, graphs, property_of

Edges = dict[str, tuple[str, ...]]
LARGE = 2000
CHAIN: Edges = {f"n{i}": (f"n{i - 1}",) if i else () for i in range(LARGE)}
FAN: Edges = {f"n{i}": ("n0",) if i else () for i in range(LARGE)}
LADDER: Edges = {f"n{i}": tuple(f"n{j}" for j in (i - 1, i - 2) if j >= 0) for i in range(LARGE)}
RING: Edges = {f"n{i}": (f"n{(i + 1) % LARGE}",) for i in range(LARGE)}


def depth(edges: Edges, name: str) -> int:
    return 1 + max((depth(edges, blocker) for blocker in edges[name]), default=-1)


def paths_to(edges: Edges, name: str) -> list[list[str]]:
    return [[*path, name] for blocker in edges[name] for path in paths_to(edges, blocker)] or [[name]]


@property_of
@given(dags())
def test_a_level_holds_what_is_as_deep_in_the_order_of_the_mapping(edges: Edges) -> None:
    deepest = max((depth(edges, name) for name in edges), default=-1)
    expected = [[name for name in edges if depth(edges, name) == level] for level in range(deepest + 1)]
    assert graph.levels(edges) == expected


@property_of
@given(dags())
def test_each_node_comes_after_all_its_blockers(edges: Edges) -> None:
    place = {name: index for index, name in enumerate(graph.order(edges))}
    assert place.keys() == edges.keys()
    assert all(place[blocker] < place[name] for name in edges for blocker in edges[name])


@property_of
@given(graphs())
def test_dependents_turn_every_edge_round_once(edges: Edges) -> None:
    turned = graph.dependents(edges)
    assert turned == {name: [dependent for dependent in edges if name in edges[dependent]] for name in edges}


@property_of
@given(graphs())
def test_a_cycle_is_found_where_one_is_and_its_path_can_be_walked(edges: Edges) -> None:
    path = graph.find_cycle(edges)
    has_cycle = any(name in reach for name, reach in closure(edges).items())
    assert (path is not None) is has_cycle
    if path:
        assert path[0] == path[-1]
        assert len(set(path)) == len(path) - 1
        assert all(blocker in edges[name] for name, blocker in pairwise(path))


@property_of
@given(dags())
def test_ancestors_are_all_direct_and_indirect_blockers(edges: Edges) -> None:
    names = list(edges)
    masks = graph.ancestors(edges)
    ancestors = {name: {names[bit] for bit in range(len(names)) if mask >> bit & 1} for name, mask in masks.items()}
    assert ancestors == closure(edges)


@property_of
@given(dags(6), st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_no_path_is_heavier_than_the_critical_one(edges: Edges, numbers: list[int]) -> None:
    weights = dict(zip(sorted(edges), numbers, strict=False))
    all_paths = [path for name in edges for path in paths_to(edges, name)]
    critical = graph.critical_path(edges, weights.__getitem__)
    heaviest = max((sum(weights[name] for name in path) for path in all_paths), default=0)
    assert sum(weights[name] for name in critical) == heaviest
    assert critical in all_paths or not edges


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({}, []),
        ({"a": (), "b": ()}, ["a"]),
        ({"b": (), "a": ()}, ["b"]),
        ({"a": (), "b": (), "end": ("a", "b")}, ["a", "end"]),
        ({"a": (), "b": (), "end": ("b", "a")}, ["a", "end"]),
        ({"deep": ("root",), "root": (), "heavy": ()}, ["root", "deep"]),
        ({"heavy": (), "deep": ("root",), "root": ()}, ["heavy"]),
    ],
)
def test_among_equally_heavy_paths_the_order_of_the_mapping_decides(edges: Edges, expected: list[str]) -> None:
    assert graph.critical_path(edges, lambda name: 2.0 if name == "heavy" else 1.0) == expected


@pytest.mark.parametrize(
    "work", [graph.levels, graph.order, graph.ancestors, lambda edges: graph.critical_path(edges, len)]
)
def test_a_cycle_is_an_error_with_its_path(work: Callable[[Edges], object]) -> None:
    with pytest.raises(graph.CycleError, match="b → c → b") as caught:
        work({"a": ("b",), "b": ("c",), "c": ("b",)})
    assert caught.value.path == ("b", "c", "b")


def test_a_chain_of_the_greatest_size() -> None:
    names = list(CHAIN)
    assert graph.levels(CHAIN) == [[name] for name in names]
    assert graph.critical_path(CHAIN, lambda _: 1.0) == names
    assert graph.ancestors(CHAIN)[names[-1]] == (1 << LARGE - 1) - 1
    assert graph.find_cycle(CHAIN) is None


def test_a_chain_written_backwards_of_the_greatest_size() -> None:
    backwards = dict(reversed(CHAIN.items()))
    assert graph.order(backwards) == list(CHAIN)
    assert graph.find_cycle(backwards) is None


def test_a_fan_of_the_greatest_size() -> None:
    sources, sinks = graph.levels(FAN)
    assert (sources, len(sinks)) == (["n0"], LARGE - 1)
    assert set(graph.ancestors(FAN).values()) == {0, 1}


def test_a_ladder_of_the_greatest_size_has_more_paths_than_can_be_walked() -> None:
    assert graph.find_cycle(LADDER) is None
    assert graph.order(LADDER) == graph.critical_path(LADDER, lambda _: 1.0) == list(LADDER)


def test_a_ring_of_the_greatest_size_is_one_cycle() -> None:
    path = graph.find_cycle(RING)
    assert path is not None
    assert path == (*RING, "n0")
