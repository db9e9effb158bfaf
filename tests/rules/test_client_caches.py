"""The cache files for clients are current and hold what they should."""

from pathlib import Path

import pytest
from graphql import build_schema

from app.api.client_cache import ClientCache, connections, embedded, keyless, possible_types, write
from app.api.schema import schema

FILES = {
    ClientCache.APOLLO: "apollo.mjs",
    ClientCache.URQL: "graphcache.mjs",
    ClientCache.POSSIBLE_TYPES: "possibleTypes.json",
}
CLIENTS = Path(__file__).parents[2] / "docs" / "clients"
SMALL = build_schema("""
  interface Node { id: ID! }
  type Page { edges: [ShopEdge!]! }
  type ShopConnection { edges: [ShopEdge!]! nodes: [Shop!]! }
  type ShopEdge { node: Shop! }
  type Shop implements Node { id: ID! door: Door walls: [Wall!]! roof: Roof! }
  type Door { open: Boolean }
  type Wall { high: Int }
  type Tiles { count: Int }
  type Straw { kind: String }
  type Answer { text: String }
  union Roof = Tiles | Straw
  type AskPayload { answer: Answer }
  type Query { shops(first: Int, after: ID, last: Int, before: ID, filter: String): ShopConnection! }
  type Mutation { ask: AskPayload! }
""")


@pytest.mark.parametrize("cache", FILES)
def test_the_file_is_of_the_schema(cache: ClientCache) -> None:
    text = (CLIENTS / FILES[cache]).read_text(encoding="utf-8")
    assert text == write(schema._schema, cache), "write it again: make schema"


def test_an_object_without_an_id_belongs_to_the_field_that_has_one_of_it() -> None:
    assert embedded(SMALL) == ["Door", "Straw", "Tiles"]


def test_every_type_without_an_id_has_no_key() -> None:
    assert {"Door", "Wall", "Tiles", "Straw", "ShopConnection", "ShopEdge"} <= set(keyless(SMALL))
    assert not {"Shop", "Query", "Mutation"} & set(keyless(SMALL))


def test_paged_lists_are_keyed_by_their_other_arguments() -> None:
    assert connections(SMALL) == {"Query": {"shops": ["filter"]}}


def test_abstract_types_name_their_possible_types() -> None:
    assert possible_types(SMALL) == {"Node": ["Shop"], "Roof": ["Straw", "Tiles"]}


def test_every_connection_of_the_schema_takes_pages_from_either_end() -> None:
    paged = {f"{type_}.{name}" for type_, fields in connections(schema._schema).items() for name in fields}
    declared = {
        f"{type_.name}.{name}"
        for type_ in schema._schema.type_map.values()
        for name, field in getattr(type_, "fields", {}).items()
        if str(getattr(field, "type", "")).rstrip("!").endswith("Connection")
    }
    assert declared == paged
