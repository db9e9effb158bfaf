"""Everything that clients can name in the schema is described, in sentences that can be read."""

import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLNamedType,
    GraphQLSchema,
    build_schema,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
)

from app.api.descriptions import TYPES
from app.api.schema import schema
from app.core.roles import Role

MAX_WORDS = 25
ROLES = re.compile(rf"\b({'|'.join(Role)})\b|\bFor everybody\b|\bFor whoever\b", re.ASCII)
SERVED = schema._schema


def described(built: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Yield the name of everything that a schema declares, and its description."""
    yield "schema", built.description
    for name, type_ in built.type_map.items():
        if not name.startswith("__"):
            yield name, type_.description
            yield from parts(name, type_)
    for directive in built.directives:
        yield f"@{directive.name}", directive.description
        for argument, of in directive.args.items():
            yield f"@{directive.name}({argument})", of.description


def parts(name: str, type_: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    """Yield what a type holds, by name, and its description."""
    if is_enum_type(type_):
        yield from ((f"{name}.{key}", value.description) for key, value in type_.values.items())
    if is_input_object_type(type_):
        yield from ((f"{name}.{key}", field.description) for key, field in type_.fields.items())
    if is_object_type(type_) or is_interface_type(type_):
        for key, field in type_.fields.items():
            yield f"{name}.{key}", field.description
            yield from ((f"{name}.{key}({argument})", of.description) for argument, of in field.args.items())


def undescribed_names(built: GraphQLSchema) -> list[str]:
    return [name for name, text in described(built) if not text]


def test_every_type_and_field_has_a_description() -> None:
    assert undescribed_names(SERVED) == []


@pytest.mark.parametrize(
    "source, expected",
    [
        ("type Query { a: Int }", ["schema", "Query", "Query.a"]),
        ('"s" schema { query: Query } "q" type Query { "f" a(x: Int): Int }', ["Query.a(x)"]),
        ('"s" schema { query: Query } "q" type Query { "f" a: E } "e" enum E { A "b" B }', ["E.A"]),
        ('"s" schema { query: Query } "q" type Query { "f" a("x" x: I): Int } "i" input I { f: Int }', ["I.f"]),
    ],
)
def test_missing_descriptions_are_found(source: str, expected: list[str]) -> None:
    assert undescribed_names(build_schema(source)) == expected


def test_each_description_ends_its_sentences_and_keeps_them_short() -> None:
    texts = {name: text for name, text in described(SERVED) if text and not name.startswith("@")}
    unended = [name for name, text in texts.items() if not text.endswith((".", "?"))]
    long_sentences = [
        (name, sentence)
        for name, text in texts.items()
        for sentence in re.split(r"(?<=[.;:])\s", text)
        if len(sentence.split()) > MAX_WORDS
    ]
    assert (unended, long_sentences) == ([], [])


def test_root_fields_name_the_role_that_they_take() -> None:
    roots = (SERVED.query_type, SERVED.mutation_type, SERVED.subscription_type)
    fields = {name: field.description or "" for root in roots if root for name, field in root.fields.items()}
    assert [name for name, text in fields.items() if not ROLES.search(text)] == []


def test_descriptions_belong_to_existing_types_and_fields() -> None:
    names = {name for name, _ in described(SERVED)}
    described_names = {f"{type_}.{key}" if key else type_ for type_, texts in TYPES.items() for key in texts}
    assert described_names - names == set()
