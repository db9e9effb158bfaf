"""JSON of requests, decoded within limits: later stages take time for each value, not for each byte.

Large bodies are for graphs. Their operation is decoded first, and decides whether the variables are decoded at all.
"""

from collections.abc import Iterator
from functools import cache
from json import JSONDecodeError, loads
from typing import Any

import msgspec
from graphql import FieldNode, GraphQLInputObjectType, GraphQLSchema, OperationDefinitionNode, get_named_type

from app.api.documents.prepared_document import PreparedDocument

MAX_BODY = 1024 * 1024
"""Bytes of a request or a message."""
MAX_GRAPH_BODY = 16 * 1024 * 1024
"""Bytes of a request that brings a graph: 2,000 tasks with long commands take a few of these 16 MiB."""
MAX_VALUES = 20_000
"""Values in the variables of an operation."""
MAX_GRAPH_VALUES = 200_000
MAX_OPENINGS = 500_000
"""Braces and brackets in a large body, including those in strings."""
MAX_COMMAS = 2_000_000
"""Commas in a large body, including those in strings."""
MAX_NESTING = 50
OUT_OF_RANGE = "out of range"
"""The decoder's words for a number that no double can hold."""
GRAPH_INPUT = "WorkflowTaskInput"
_decode = msgspec.json.Decoder().decode


class Envelope(msgspec.Struct, frozen=True):
    """The operation of a large body, with variables that are not decoded yet."""

    query: str = ""
    operationName: str | None = None
    variables: msgspec.Raw = msgspec.Raw(b"null")
    extensions: msgspec.Raw = msgspec.Raw(b"null")


_decode_envelope = msgspec.json.Decoder(Envelope).decode


def decode_json(data: str | bytes) -> Any:
    """Return the value of a JSON text. Raises JSONDecodeError, also for JSON nested too deeply."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return _decode_by_standard_library(data, error)


def _decode_by_standard_library(data: str | bytes, error: Exception) -> Any:
    """Return the value of JSON with lone surrogates or huge numbers, which only the slower decoder takes.

    The fields that get such values refuse them by name.
    """
    surrogate = "\\ud" if isinstance(data, str) else b"\\ud"
    if not (OUT_OF_RANGE in str(error) or surrogate in data.lower()) or len(data) > MAX_BODY:  # type: ignore[operator]
        raise JSONDecodeError(str(error), "", 0) from None
    try:
        return loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as other:
        raise JSONDecodeError(str(other), "", 0) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def decode_envelope(data: bytes) -> Envelope:
    """Return the operation of a large body. Raises JSONDecodeError."""
    try:
        return _decode_envelope(data)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise JSONDecodeError(str(error), "", 0) from None


def excess_of_body(data: bytes) -> str | None:
    """Return why a large body may hold too many values to be decoded, None when it cannot."""
    if data.count(b"{") + data.count(b"[") > MAX_OPENINGS:
        return f"The body has more than {MAX_OPENINGS} braces and brackets. Send a smaller graph."
    return (
        f"The body has more than {MAX_COMMAS} commas. Send a smaller graph." if data.count(b",") > MAX_COMMAS else None
    )


def excess_of_value(value: object, max_values: int = MAX_VALUES) -> str | None:
    """Return why decoded variables are too large or nested too deeply, None when they are not."""
    count = 0
    level: list[Any] = [value]
    for _ in range(MAX_NESTING):
        next_level = list[Any]()
        for container in level:
            values = container.values() if type(container) is dict else container if type(container) is list else ()
            count += len(values)
            if count > max_values:
                return f"The variables hold more than {max_values} values. Send them in several operations."
            next_level += [inner for inner in values if type(inner) is dict or type(inner) is list]
        if not next_level:
            return None
        level = next_level
    return f"The variables are nested more than {MAX_NESTING} levels deep. Send flatter values."


def excess_of_variables(
    schema: GraphQLSchema, document: PreparedDocument, name: str | None, variables: object
) -> str | None:
    """Return why the variables are too large. An operation that takes a graph may have more values."""
    excess = excess_of_value(variables)
    if excess and takes_graph(schema, document, name):
        return excess_of_value(variables, MAX_GRAPH_VALUES)
    return excess


def takes_graph(schema: GraphQLSchema, document: PreparedDocument, name: str | None) -> bool:
    """Return whether an operation has a root field with tasks of a graph in its arguments."""
    chosen = document.resolve_name(name)
    for node in document.ast.definitions if document.ast else ():
        if isinstance(node, OperationDefinitionNode) and (node.name.value if node.name else None) == chosen:
            root = schema.get_root_type(node.operation)
            names = [field.name.value for field in node.selection_set.selections if isinstance(field, FieldNode)]
            return any((root.name, name) in graph_fields(schema) for name in names) if root else False
    return False


@cache
def graph_fields(schema: GraphQLSchema) -> frozenset[tuple[str, str]]:
    """Return the root fields, as (type, field), that take a graph."""
    roots = [root for root in (schema.query_type, schema.mutation_type) if root]
    return frozenset(
        (root.name, name)
        for root in roots
        for name, field in root.fields.items()
        if any(GRAPH_INPUT in set(_input_types(get_named_type(arg.type), set())) for arg in field.args.values())
    )


def _input_types(type_: Any, visited: set[str]) -> Iterator[str]:
    """Yield the names of an input type and of all input types within it."""
    if isinstance(type_, GraphQLInputObjectType) and type_.name not in visited:
        visited.add(type_.name)
        yield type_.name
        for field in type_.fields.values():
            yield from _input_types(get_named_type(field.type), visited)
