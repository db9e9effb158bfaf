"""Configuration files for the caches of GraphQL clients, made from the schema.

The caches identify objects by their ids, which are unique among all types. An object without an id belongs to the field
that has it: the cache merges what several queries select of it. The pages of a connection are merged into one list.
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

PAGE_ARGUMENTS = frozenset({"first", "after", "last", "before"})
PART_SUFFIXES = ("Connection", "Edge", "Payload", "PageInfo")
"""Suffixes of types that are parts of a page or answers to a mutation: caches hold no such objects."""
HEAD = "// Written by `{command}` from the schema; do not edit.\n"
INDENT = 2


class ClientCache(StrEnum):
    """The client whose file is made."""

    APOLLO = "apollo"
    URQL = "urql"
    POSSIBLE_TYPES = "possible-types"


def possible_types(schema: GraphQLSchema) -> dict[str, list[str]]:
    """Return the object types of each interface and union, by name."""
    return {
        name: sorted(possible.name for possible in schema.get_possible_types(type_))
        for name, type_ in sorted(schema.type_map.items())
        if is_abstract_type(type_) and not name.startswith("__")
    }


def connections(schema: GraphQLSchema) -> dict[str, dict[str, list[str]]]:
    """Return the paged fields of each type, with those of their arguments that make another list."""
    fields_by_type: dict[str, dict[str, list[str]]] = {}
    for type_ in object_types(schema):
        for name, field in type_.fields.items():
            if get_named_type(field.type).name.endswith("Connection") and field.args.keys() >= PAGE_ARGUMENTS:
                arguments = [argument for argument in field.args if argument not in PAGE_ARGUMENTS]
                fields_by_type.setdefault(type_.name, {})[name] = arguments
    return fields_by_type


def embedded(schema: GraphQLSchema) -> list[str]:
    """Return the types without an id that are single objects of a field: their selections are merged."""
    owners = [
        type_
        for type_ in object_types(schema)
        if type_ is not schema.subscription_type and not type_.name.endswith(PART_SUFFIXES)
    ]
    single = {type_.name for owner in owners for type_ in _types_of_single_objects(schema, owner)}
    return sorted(
        type_.name
        for type_ in object_types(schema)
        if type_.name in single and "id" not in type_.fields and not type_.name.endswith(PART_SUFFIXES)
    )


def keyless(schema: GraphQLSchema) -> list[str]:
    """Return all types whose objects have no id."""
    roots = {root.name for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root}
    return sorted(type_.name for type_ in object_types(schema) if "id" not in type_.fields and type_.name not in roots)


def object_types(schema: GraphQLSchema) -> Iterator[GraphQLObjectType]:
    """Yield the object types of a schema by name, without those of introspection."""
    for name, type_ in sorted(schema.type_map.items()):
        if is_object_type(type_) and not name.startswith("__"):
            yield type_


def _types_of_single_objects(schema: GraphQLSchema, owner: GraphQLObjectType) -> Iterator[GraphQLObjectType]:
    """Yield the object types of which a field of `owner` has one object."""
    for field in owner.fields.values():
        if not is_list_type(get_nullable_type(field.type)):
            named = get_named_type(field.type)
            if is_abstract_type(named):
                yield from schema.get_possible_types(named)
            elif is_object_type(named):
                yield named


def write(schema: GraphQLSchema, cache: ClientCache) -> str:
    """Return the text of a client's file."""
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
