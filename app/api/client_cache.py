"""Files for the caches of clients, made from the schema: which types are what, what is one object, what is paged.

Objects with an id are told apart by it; ids are unique among all objects. An object without one belongs to the field
that it is in: what several queries select of it is kept together. Pages of a connection are put together to one list.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_list_type,
    is_object_type,
)

PAGING = frozenset({"first", "after", "last", "before"})
UNNAMED = ("Connection", "Edge", "Payload", "PageInfo")
"""Endings of types that are parts of a page, or the answer of a mutation, and nothing by themselves."""
HEAD = "// Written by `{command}` from the schema; do not edit.\n"
INDENT = 2


class ClientCache(StrEnum):
    """Whose file is made."""

    APOLLO = "apollo"
    URQL = "urql"
    POSSIBLE_TYPES = "possible-types"


def possible_types(schema: GraphQLSchema) -> dict[str, list[str]]:
    """Return the object types of each interface and union, by name."""
    return {
        name: sorted(one.name for one in schema.get_possible_types(type_))
        for name, type_ in sorted(schema.type_map.items())
        if is_abstract_type(type_) and not name.startswith("__")
    }


def connections(schema: GraphQLSchema) -> dict[str, dict[str, list[str]]]:
    """Return the fields that are paged, by type, with those of their arguments that tell one list from another."""
    found: dict[str, dict[str, list[str]]] = {}
    for type_ in objects(schema):
        for name, field in type_.fields.items():
            if get_named_type(field.type).name.endswith("Connection") and field.args.keys() >= PAGING:
                found.setdefault(type_.name, {})[name] = [one for one in field.args if one not in PAGING]
    return found


def embedded(schema: GraphQLSchema) -> list[str]:
    """Return the types without an id that a field has one object of: what is selected of it belongs together."""
    owners = [one for one in objects(schema) if one is not schema.subscription_type and not one.name.endswith(UNNAMED)]
    single = {one.name for owner in owners for one in _single(schema, owner)}
    return sorted(
        type_.name
        for type_ in objects(schema)
        if type_.name in single and "id" not in type_.fields and not type_.name.endswith(UNNAMED)
    )


def keyless(schema: GraphQLSchema) -> list[str]:
    """Return all types whose objects have no id."""
    roots = {root.name for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root}
    return sorted(one.name for one in objects(schema) if "id" not in one.fields and one.name not in roots)


def objects(schema: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    """Yield the object types of a schema by name, without those of introspection."""
    for name, type_ in sorted(schema.type_map.items()):
        if is_object_type(type_) and not name.startswith("__"):
            yield type_


def _single(schema: GraphQLSchema, owner: GraphQLObjectType) -> Iterator[GraphQLObjectType]:
    """Yield the object types that a field of a type may have one object of."""
    for field in owner.fields.values():
        if not is_list_type(get_nullable_type(field.type)):
            of = get_named_type(field.type)
            if is_abstract_type(of):
                yield from schema.get_possible_types(of)
            elif is_object_type(of):
                yield of


def write(schema: GraphQLSchema, cache: ClientCache) -> str:
    """Return the text of a file."""
    head = HEAD.format(command=f"boreas schema --client-cache {cache}")
    if cache is ClientCache.POSSIBLE_TYPES:
        return f"{json.dumps(possible_types(schema), indent=INDENT)}\n"
    if cache is ClientCache.APOLLO:
        return f"{head}{_apollo(schema)}"
    return f"{head}{_urql(schema)}"


def _apollo(schema: GraphQLSchema) -> str:
    merged: Mapping[str, Sequence[str]] = dict.fromkeys(embedded(schema), ("merge: true",))
    paged = {
        type_: [f"{name}: relayStylePagination({_arguments(arguments)})" for name, arguments in fields.items()]
        for type_, fields in connections(schema).items()
    }
    lines = list[str]()
    for type_ in sorted({*merged, *paged}):
        lines.append(f"  {type_}: {{")
        lines += [f"    {line}," for line in merged.get(type_, ())]
        if type_ in paged:
            lines += ["    fields: {", *(f"      {line}," for line in paged[type_]), "    },"]
        lines.append("  },")
    return "\n".join(
        [
            "import { relayStylePagination } from '@apollo/client/utilities';",
            "",
            f"export const possibleTypes = {_literal(possible_types(schema))};",
            "",
            "export const typePolicies = {",
            *lines,
            "};",
            "",
        ]
    )


def _urql(schema: GraphQLSchema) -> str:
    paged = connections(schema)
    lines = [f"  {name}: () => null," for name in keyless(schema)]
    resolvers = list[str]()
    for type_, fields in paged.items():
        resolvers += [f"  {type_}: {{", *(f"    {name}: relayPagination()," for name in fields), "  },"]
    return "\n".join(
        [
            "import { relayPagination } from '@urql/exchange-graphcache/extras';",
            "",
            "export const keys = {",
            *lines,
            "};",
            "",
            "export const resolvers = {",
            *resolvers,
            "};",
            "",
        ]
    )


def _arguments(names: Sequence[str]) -> str:
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"[{quoted}]" if names else ""


def _literal(value: Any) -> str:
    return json.dumps(value, indent=INDENT)
