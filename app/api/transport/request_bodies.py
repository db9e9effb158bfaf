"""What requests bring, decoded within limits: what comes after it takes as long as there are values, not bytes.

Large bodies are for graphs: their operation is read first, and decides whether the rest is looked at.
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
"""Braces and brackets in a large body, those in texts included."""
MAX_COMMAS = 2_000_000
"""Commas in a large body, those in texts included."""
MAX_NESTING = 50
BEYOND = "out of range"
"""What the decoder says of a number that no double holds."""
GRAPH = "WorkflowTaskInput"
_decode = msgspec.json.Decoder().decode


class Envelope(msgspec.Struct, frozen=True):
    """The operation of a large body; the rest is yet to be decoded."""

    query: str = ""
    operationName: str | None = None
    variables: msgspec.Raw = msgspec.Raw(b"null")
    extensions: msgspec.Raw = msgspec.Raw(b"null")


_envelope = msgspec.json.Decoder(Envelope).decode


def decoded(data: str | bytes) -> Any:
    """Return what JSON holds. Raises JSONDecodeError when it is none, or nested too deeply."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return _spelt(data, error)


def _spelt(data: str | bytes, error: Exception) -> Any:
    """Return JSON with halves of characters or numbers beyond bounds, which only the slower decoder takes.

    What may be done with them is for whoever knows the field to say.
    """
    spelling = "\\ud" if isinstance(data, str) else b"\\ud"
    if not (BEYOND in str(error) or spelling in data.lower()) or len(data) > MAX_BODY:  # type: ignore[operator]
        raise JSONDecodeError(str(error), "", 0) from None
    try:
        return loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as other:
        raise JSONDecodeError(str(other), "", 0) from None


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def opened(data: bytes) -> Envelope:
    """Return the operation of a large body. Raises JSONDecodeError."""
    try:
        return _envelope(data)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise JSONDecodeError(str(error), "", 0) from None


def fault_of_form(data: bytes) -> str | None:
    """Return why a large body can hold too much to be decoded, None when it can not."""
    if data.count(b"{") + data.count(b"[") > MAX_OPENINGS:
        return f"The body has more than {MAX_OPENINGS} braces and brackets."
    return f"The body has more than {MAX_COMMAS} commas." if data.count(b",") > MAX_COMMAS else None


def too_much(value: object, most: int = MAX_VALUES) -> str | None:
    """Return what is wrong with the size or the depth of what was decoded, None when nothing is."""
    values = 0
    level: list[Any] = [value]
    for _ in range(MAX_NESTING):
        following = list[Any]()
        for each in level:
            inner = each.values() if type(each) is dict else each if type(each) is list else ()
            values += len(inner)
            if values > most:
                return f"The variables hold more than {most} values."
            following += [one for one in inner if type(one) is dict or type(one) is list]
        if not following:
            return None
        level = following
    return f"The variables are nested more than {MAX_NESTING} times."


def too_many_values(
    schema: GraphQLSchema, document: PreparedDocument, name: str | None, variables: object
) -> str | None:
    """Return what is wrong with the variables of an operation: one that takes a graph may have more of them."""
    fault = too_much(variables)
    return too_much(variables, MAX_GRAPH_VALUES) if fault and takes_graph(schema, document, name) else fault


def takes_graph(schema: GraphQLSchema, document: PreparedDocument, name: str | None) -> bool:
    """Whether an operation has a graph for its input: a root field with tasks somewhere in its arguments."""
    chosen = document.resolve_name(name)
    for node in document.ast.definitions if document.ast else ():
        if isinstance(node, OperationDefinitionNode) and (node.name.value if node.name else None) == chosen:
            root = schema.get_root_type(node.operation)
            fields = [one.name.value for one in node.selection_set.selections if isinstance(one, FieldNode)]
            return any((root.name, field) in graph_fields(schema) for field in fields) if root else False
    return False


@cache
def graph_fields(schema: GraphQLSchema) -> frozenset[tuple[str, str]]:
    """Return the root fields, with their types, that take a graph."""
    roots = [root for root in (schema.query_type, schema.mutation_type) if root]
    return frozenset(
        (root.name, name)
        for root in roots
        for name, field in root.fields.items()
        if any(GRAPH in set(_inputs(get_named_type(argument.type), set())) for argument in field.args.values())
    )


def _inputs(type_: Any, seen: set[str]) -> Iterator[str]:
    """Yield the names of the input types that a type consists of."""
    if isinstance(type_, GraphQLInputObjectType) and type_.name not in seen:
        seen.add(type_.name)
        yield type_.name
        for field in type_.fields.values():
            yield from _inputs(get_named_type(field.type), seen)
