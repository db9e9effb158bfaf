"""Descriptions of the schema: of whatever the code does not describe where it declares it.

Most fields need one sentence each. Those stand here, by noun, so that the declarations stay readable. A description in
a declaration wins. A field without one takes that of its interface, then that of its name.
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
    """Describe what is not described yet. Introspection and the printed schema both read this."""
    schema.description = schema.description or arguments.SCHEMA
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        type_.description = type_.description or TYPES.get(name, {}).get("")
        for key, element, fallbacks in _elements(name, type_):
            if not element.description:
                element.description = TYPES.get(name, {}).get(key) or next(filter(None, fallbacks), None)


def _elements(name: str, type_: Any) -> Iterator[tuple[str, Any, Iterator[str | None]]]:
    """Yield what a type holds: the key of its text, the element, and what describes it where that key has none."""
    if is_enum_type(type_):
        for key, value in type_.values.items():
            yield key, value, iter(())
    elif is_input_object_type(type_):
        for key, field in type_.fields.items():
            yield key, field, iter((inputs.COMMON.get(key),))
    elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        for key, field in type_.fields.items():
            yield key, field, chain(_inherited(type_, key), _of_family(name, key))
            for argument, of in field.args.items():
                yield f"{key}({argument})", of, iter((arguments.ARGUMENTS.get(argument),))


def _inherited(type_: GraphQLObjectType | GraphQLInterfaceType, key: str) -> Iterator[str | None]:
    for interface in type_.interfaces:
        if key in interface.fields:
            yield interface.fields[key].description or TYPES.get(interface.name, {}).get(key)


def _of_family(name: str, key: str) -> Iterator[str | None]:
    return (texts.get(key) for ending, texts in arguments.FAMILIES.items() if name.endswith(ending))
