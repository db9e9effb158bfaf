"""The released schema stays: every type, field, argument and value, unless a break is recorded."""

from collections.abc import Sequence

import pytest
from graphql import build_schema

from app.api.schema import schema
from tests.rules.support.released_schema import BREAKS, breaks, meant, released


def test_released_fields_are_not_removed() -> None:
    recorded = meant(BREAKS.read_text(encoding="utf-8"))
    assert breaks(released(), schema._schema) == recorded, f"give it back, or record it in {BREAKS.name}"


@pytest.mark.parametrize(
    ("new_schema", "expected"),
    [
        ("type Query { a(x: Int): E b: Int }", ["Query.b changed type from Int! to Int."]),
        ("type Query { a(x: Int): E }", ["Query.b was removed."]),
        ("type Query { a: E b: Int! }", ["Query.a arg x was removed."]),
        ("type Query { a(x: Int, y: Int!): E b: Int! }", ["A required arg y on Query.a was added."]),
        ("type Query { a(x: Int, y: Int): E b: Int! c: Int }", []),
    ],
)
def test_breaking_changes_are_found(new_schema: str, expected: Sequence[str]) -> None:
    kinds = "enum E { A B }"
    old_schema = build_schema(f"type Query {{ a(x: Int): E b: Int! }} {kinds}")
    assert len(breaks(old_schema, build_schema(f"{new_schema} {kinds}"))) == len(expected)


def test_removed_values_are_found_and_added_values_are_not() -> None:
    query = "type Query { a: E }"
    old_schema = build_schema(f"{query} enum E {{ A B }}")
    assert len(breaks(old_schema, build_schema(f"{query} enum E {{ A }}"))) == 1
    assert breaks(old_schema, build_schema(f"{query} enum E {{ A B C }}")) == []


def test_reasons_and_empty_lines_are_no_breaks() -> None:
    assert meant("# a heading\n\nA.b was removed.  # nobody used it\n") == ["A.b was removed."]
