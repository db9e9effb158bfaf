"""Descriptions of the schema, for everything that the code does not describe where it declares it.

Most fields need one sentence. The sentences stand here, by noun, so that the declarations stay readable. A description
in a declaration wins. A field without one takes that of its interface, then that of its name.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, is_enum_type, is_input_object_type

from app.api.descriptions import (
    access,
    applications,
    arguments,
    deployments,
    enums,
    environments,
    freezes,
    inputs,
    versions,
    workflows,
)

MODULES = (access, applications, arguments, deployments, enums, environments, freezes, inputs, versions, workflows)
TYPES: Mapping[str, Mapping[str, str]] = {type_: texts for module in MODULES for type_, texts in module.TYPES.items()}
"""Texts by type, and in it by field, value or `field(argument)`; "" is the type itself."""


def describe(schema: GraphQLSchema) -> None:
    """Add the missing descriptions to a schema. Introspection and the printed schema both read them."""
    schema.description = schema.description or arguments.SCHEMA
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        type_.description = type_.description or TYPES.get(name, {}).get("")
        for key, element, fallbacks in _elements(name, type_):
            if not element.description:
                element.description = TYPES.get(name, {}).get(key) or next(filter(None, fallbacks), None)


def _elements(name: str, type_: Any) -> Iterator[tuple[str, Any, Iterator[str | None]]]:
    """Yield (key of the text, element, texts to use without that key) for each element of a type."""
    if is_enum_type(type_):
        for key, value in type_.values.items():
            yield key, value, iter(())
    elif is_input_object_type(type_):
        for key, field in type_.fields.items():
            yield key, field, iter((inputs.COMMON.get(key),))
    elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        for key, field in type_.fields.items():
            yield key, field, chain(_inherited(type_, key), _of_suffix(name, key))
            for argument_name, argument in field.args.items():
                yield f"{key}({argument_name})", argument, iter((arguments.ARGUMENTS.get(argument_name),))


def _inherited(type_: GraphQLObjectType | GraphQLInterfaceType, key: str) -> Iterator[str | None]:
    for interface in type_.interfaces:
        if key in interface.fields:
            yield interface.fields[key].description or TYPES.get(interface.name, {}).get(key)


def _of_suffix(name: str, key: str) -> Iterator[str | None]:
    return (texts.get(key) for suffix, texts in arguments.SUFFIXES.items() if name.endswith(suffix))
