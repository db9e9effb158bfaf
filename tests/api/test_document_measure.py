"""The depth and cost of documents, measured in linear time."""

from typing import Any

import pytest
from graphql import get_introspection_query, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api.documents.cache import DocumentCache
from app.api.documents.costs import MAX_OBJECTS, SATURATED
from app.api.documents.measure import MAX_ALIASES, MAX_DEPTH, Measure, Measurer
from app.api.schema import schema
from app.cli import queries as cli

MEASURER = Measurer(schema._schema)
STEPS_EACH = 3
"""Steps for each token: a spread counts where it stands, where fragments are put in order, and where they add up."""


def measure_of(text: str) -> Measure:
    return MEASURER.measure(parse(text, no_location=True))


def objects(text: str, **variables: Any) -> int:
    (cost,) = measure_of(text).costs.values()
    return cost.objects(variables)


# Steps


def spreading_document(edges: list[list[int]], fields: list[str]) -> str:
    """Return a document in which each fragment spreads some later fragments many times."""
    parts = [
        f"fragment F{number} on Query {{ {' '.join(f'...F{to}' for to in targets)} {fields[number % len(fields)]} }}"
        for number, targets in enumerate(edges)
    ]
    return "{ ...F0 } " + " ".join(parts)


@st.composite
def dags(draw: st.DrawFn) -> str:
    size = draw(st.integers(1, 60))
    edges = [
        draw(st.lists(st.integers(number + 1, size - 1), max_size=8)) if number < size - 1 else []
        for number in range(size)
    ]
    leaves = [
        "viewer { id }",
        "a: viewer { id }",
        "deployments { nodes { id } }",
        "applications(first: $n) { nodes { id } }",
    ]
    return spreading_document(edges, draw(st.lists(st.sampled_from(leaves), min_size=1, max_size=4)))


@settings(deadline=None)
@given(dags())
def test_measuring_takes_time_linear_in_the_length_of_a_document(text: str) -> None:
    document = parse(text, no_location=True)
    measure = MEASURER.measure(document)
    assert measure.steps <= STEPS_EACH * (document.token_count or 0)
    for cost in measure.costs.values():
        assert len(cost.steps) <= len(document.definitions)
        assert sum(map(len, cost.steps)) <= STEPS_EACH * (document.token_count or 0)
        assert 0 <= cost.objects({"n": 500}) <= SATURATED


@pytest.mark.parametrize("levels", [20, 40, 380])
def test_fragments_that_spread_the_next_one_twice_are_visited_once(levels: int) -> None:
    for spread in (
        "...F{0} ...F{0}",
        "a: viewer {{ id }} ...F{0} ... on Query {{ ...F{0} }}",
        "b: node(id: 1) {{ id }} ...F{0}",
    ):
        parts = [f"fragment F{n} on Query {{ {spread.format(n + 1)} }}" for n in range(levels)]
        text = f"{{ ...F0 }} {' '.join(parts)} fragment F{levels} on Query {{ viewer {{ id }} }}"
        document = parse(text, no_location=True)
        assert MEASURER.measure(document).steps <= STEPS_EACH * (document.token_count or 0)


def test_fragments_in_a_circle_are_left_to_validation() -> None:
    text = "{ ...A } fragment A on Query { ...B viewer { id } } fragment B on Query { ...A ...B ...C }"
    assert measure_of(text).errors == ()
    (error, *_) = DocumentCache(schema._schema).get(text).errors
    assert "within itself" in error.message or "Unknown fragment" in error.message


# Depth and aliases


def nested_document(levels: int) -> str:
    inner = "id"
    for _ in range(levels - 1):
        inner = f"deployment {{ {inner} }}"
    return f"{{ task(id: 1) {{ {inner} }} }}"


def test_depth_counts_through_fragments() -> None:
    assert measure_of(nested_document(MAX_DEPTH)).errors == ()
    assert "depth" in measure_of(nested_document(MAX_DEPTH + 1)).errors[0].message
    chain = [f"fragment F{n} on Task {{ deployment {{ tasks {{ ...F{n + 1} }} }} }}" for n in range(7)]
    text = f"{{ task(id: 1) {{ ...F0 }} }} {' '.join(chain)} fragment F7 on Task {{ %s }}"
    assert "depth" not in str(measure_of(text % "id").errors)
    assert "depth" in str(measure_of(text % "deployment { id }").errors)


def test_aliases_count_through_fragments() -> None:
    aliases = " ".join(f"a{n}: viewer {{ id }}" for n in range(MAX_ALIASES // 2))
    text = "{ %s ...F } fragment F on Query { %s }"
    assert measure_of(text % (aliases, aliases)).errors == ()
    assert "alias" in measure_of(text % (aliases, f"{aliases} more: viewer {{ id }}")).errors[0].message


# Objects

COSTS = {
    "{ viewer { id } }": 1,
    "{ deployments { nodes { id } } }": 21,
    "{ deployments(first: 100) { nodes { id } } }": 101,
    "{ deployments(last: 7) { nodes { id } } }": 8,
    "{ deployments(first: 100000) { nodes { id } } }": 501,
    "{ deployments(first: 0) { nodes { tasks { id } } } }": 1,
    "{ deployments(first: null) { edges { node { id } } } }": 41,
    "{ deployments(first: 3) { totalCount pageInfo { endCursor } } }": 1,
    '{ deployment(id: "a") { tasks { id } } }': 101,
    '{ deployment(id: "a") { tasks { application { name } } } }': 201,
    "{ deployments(first: 3) { nodes { ...D } } } fragment D on Deployment { tasks { id } }": 304,
    "{ deployments(first: 3) { ... on DeploymentConnection { nodes { id } } } }": 4,
    "{ deployments(first: 3) { ...P } } fragment P on DeploymentConnection { nodes { id } }": 4,
    '{ node(id: "a") { ... on Deployment { tasks { id } } } }': 101,
    "{ unknown { nothing { id } } }": 0,
}


@pytest.mark.parametrize("text", COSTS)
def test_the_cost_of_a_list_is_its_length_times_the_cost_of_its_parent(text: str) -> None:
    assert objects(text) == COSTS[text]


def test_variables_count() -> None:
    text = "query($n: Int%s) { deployments(first: $n) { nodes { ...D } } }"
    text += " fragment D on Deployment { events(first: $n) { nodes { at } } }"
    assert objects(text % "", n=10) == 1 + 10 + 10 + 100
    assert objects(text % "", n=500) == 1 + 500 + 500 + 250_000
    assert objects(text % "", n=10**9) == objects(text % "", n=500)
    assert objects(text % " = 5") == 1 + 5 + 5 + 25
    assert objects(text % "") == 1 + 20 + 20 + 20 * 100
    assert objects(text % "", n="x") == objects(text % "")


def test_nested_lists_are_refused_and_numbers_saturate() -> None:
    inner = "deployment { id }"
    for _ in range(3):
        inner = f"deployment {{ tasks {{ {inner} }} }}"
    assert objects(f'{{ deployment(id: "a") {{ tasks {{ {inner} }} }} }}') > MAX_OBJECTS
    fragments = " ".join(
        f"fragment F{n} on Deployment {{ tasks {{ deployment {{ ...F{n + 1} }} }} }}" for n in range(40)
    )
    text = f'{{ deployment(id: "a") {{ ...F0 }} }} {fragments} fragment F40 on Deployment {{ id }}'
    assert objects(text) == SATURATED


MEANT = [value for name, value in vars(cli).items() if name.isupper() and isinstance(value, str) and "{" in value]


@pytest.mark.parametrize("text", [get_introspection_query(), *MEANT])
def test_documents_of_all_clients_are_within_every_limit(text: str) -> None:
    measure = measure_of(text) if text.lstrip().startswith(("query", "mutation", "subscription", "{")) else None
    if measure is not None:
        assert measure.errors == ()
        assert all(cost.objects({}) < MAX_OBJECTS / 5 for cost in measure.costs.values())


# Cached documents


def test_documents_are_cached_up_to_a_total_size() -> None:
    documents = DocumentCache(schema._schema, max_size=500, max_new_size=200)
    texts = [f"query Q{number} {{ viewer {{ id name }} }}" for number in range(200)]
    for text in texts:
        assert documents.get(text).errors == ()
    assert documents.size <= 200
    assert documents.cached(texts[0]) is None and documents.cached(texts[-1]) is not None


async def test_a_repeated_document_stays_cached_among_documents_used_once() -> None:
    documents = DocumentCache(schema._schema, max_size=500, max_new_size=200)
    often = "query Often { viewer { id } }"
    document = await documents.load(often)
    assert await documents.load(often) is document
    for number in range(100):
        await documents.load(f"query Q{number} {{ viewer {{ id name }} }}")
    assert documents.cached(often) is document


async def test_long_words_take_room_as_well() -> None:
    documents = DocumentCache(schema._schema, max_size=5000, max_new_size=5000)
    for number in range(10):
        await documents.load(f"{{ viewer {{ id }} }} # {number} {'x' * 30_000}")
    assert documents.size <= 5000


def test_an_unexpected_error_of_a_document_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Measure:
        raise RecursionError("of the inside")

    documents = DocumentCache(schema._schema)
    monkeypatch.setattr(Measurer, "measure", broken)
    (error,) = documents.get("{ viewer { id } }").errors
    assert (error.extensions or {})["code"] == "INTERNAL" and "inside" not in error.message
