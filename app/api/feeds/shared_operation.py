"""Which subscriptions can share one execution: the same document and variables, from whatever cursor each starts.

A document is shareable when it is one subscription of one feed that starts where its argument `after` says. The
argument is taken out of what subscribers must have in common, so those who come back with a cursor join the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    VariableNode,
    print_ast,
)
from graphql.language import Node

from app.api.documents.cache import Document
from app.api.schema import schema

FEEDS = frozenset({"deploymentEvents", "taskLogs", "deploymentLogs"})
"""Feeds whose every part depends on the position, the arguments and the access, on nothing else of the subscriber."""
AFTER = "after"
CURSOR = "boreasAfter"
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class SharedOperation:
    """A subscription as it can be shared: `text` takes the position that it starts from in the variable `after`.

    One that is `personal` may show different people different things: it is shared only by those of one actor.
    """

    text: str
    operation_name: str | None
    after: str
    variables: bytes = b"{}"
    personal: bool = True

    def given(self, position: str | None) -> dict[str, Any]:
        """Return the variables with which it starts behind a position."""
        known: dict[str, Any] = msgspec.json.decode(self.variables)
        return known | {self.after: position}


def shared_operation(
    text: object, variables: Mapping[str, Any] | None, operation_name: str | None
) -> tuple[SharedOperation, str | None] | None:
    """Return an operation as it can be shared, and the position that it is to start from; None when it can not be."""
    if not isinstance(text, str):
        return None
    document = schema.documents.find(text)
    if operation_name is not None and operation_name not in document.kinds:
        return None
    key = (SharedOperation, operation_name)
    if key not in document.made:
        document.made[key] = _analysed(document, operation_name)
    known: SharedOperation | None = document.made[key]
    if known is None or not isinstance(variables, Mapping | None):
        return None
    others = dict(variables or {})
    position = others.pop(known.after, None)
    if position is not None and not isinstance(position, str):
        return None
    try:
        return replace(known, variables=_encode(others)), position
    except (TypeError, ValueError):
        return None


def _analysed(known: Document, operation_name: str | None) -> SharedOperation | None:
    document = known.node
    if document is None:
        return None
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    chosen = [one for one in operations if operation_name in (None, one.name.value if one.name else None)]
    if len(operations) != 1 or len(chosen) != 1:
        return None
    (operation,) = chosen
    selections = operation.selection_set.selections
    if operation.operation is not OperationType.SUBSCRIPTION or len(selections) != 1:
        return None
    (field,) = selections
    if not isinstance(field, FieldNode) or field.name.value not in FEEDS or field.directives or operation.directives:
        return None
    found = _with_position(known.text, operation_name, document, operation, field)
    return replace(found, personal=known.depends_on_actor(operation_name)) if found else None


def _with_position(
    text: str, name: str | None, document: DocumentNode, operation: OperationDefinitionNode, field: FieldNode
) -> SharedOperation | None:
    """Return the document with its position in a variable, which it may have already."""
    used = [node.name.value for node in _variables(operation)]
    after = next((argument.value for argument in field.arguments or () if argument.name.value == AFTER), None)
    if isinstance(after, VariableNode):
        variable = after.name.value
        defined = next((d for d in operation.variable_definitions or () if d.variable.name.value == variable), None)
        elsewhere = [node.name.value for node in _variables(document, operation)]
        if used.count(variable) != 1 or variable in elsewhere or defined is None or defined.default_value is not None:
            return None
        return SharedOperation(text, name, variable) if isinstance(defined.type, NamedTypeNode) else None
    if after is not None or CURSOR in used:
        return None
    own = VariableNode(name=NameNode(value=CURSOR))
    definition = VariableDefinitionNode(variable=own, type=NamedTypeNode(name=NameNode(value="Cursor")))
    argument = ArgumentNode(name=NameNode(value=AFTER), value=own)
    started = replace(field, arguments=(*(field.arguments or ()), argument))
    changed = replace(
        operation,
        variable_definitions=(*(operation.variable_definitions or ()), definition),
        selection_set=replace(operation.selection_set, selections=(started,)),
    )
    definitions = tuple(changed if node is operation else node for node in document.definitions)
    return SharedOperation(print_ast(replace(document, definitions=definitions)), name, CURSOR)


def _variables(root: Node, but: Node | None = None) -> Iterator[VariableNode]:
    """Yield the variables that are used below a node, except below another one; definitions are no use."""
    if root is but or isinstance(root, VariableDefinitionNode):
        return
    if isinstance(root, VariableNode):
        yield root
        return
    for key in root.keys:
        value = getattr(root, key, None)
        for child in value if isinstance(value, list | tuple) else (value,):
            if isinstance(child, Node):
                yield from _variables(child, but)
