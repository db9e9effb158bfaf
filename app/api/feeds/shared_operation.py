"""Which subscriptions can share one execution: the same document and variables, whatever cursor each starts from.

A document can be shared when it is one subscription of one feed whose start is its argument `after`. The argument is
taken out of the variables, so that clients that come back with a cursor join the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from graphql import (
    SKIP,
    ArgumentNode,
    DocumentNode,
    FieldNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    print_ast,
    visit,
)
from graphql.language import Node

from app.api.documents.cache import Document
from app.api.schema import schema

FEEDS = frozenset({"deploymentEvents", "taskLogs", "deploymentLogs"})
"""Feeds whose results depend on the cursor, the arguments and the access, and on nothing else of the subscriber."""
AFTER = "after"
CURSOR_VARIABLE = "boreasAfter"
"""The variable that is added to a document without `after`."""
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class SharedOperation:
    """A subscription as it is shared. Its text takes the cursor that it starts from in the variable `cursor_variable`.

    A `personal` operation may return different results to different people: only subscribers of one actor share it.
    """

    text: str
    operation_name: str | None
    cursor_variable: str
    encoded_variables: bytes = b"{}"
    personal: bool = True

    def variables_behind(self, cursor: str | None) -> dict[str, Any]:
        """Return the variables with which the operation starts behind a cursor."""
        variables: dict[str, Any] = msgspec.json.decode(self.encoded_variables)
        return variables | {self.cursor_variable: cursor}


def shared_operation(
    text: object, variables: Mapping[str, Any] | None, operation_name: str | None
) -> tuple[SharedOperation, str | None] | None:
    """Return an operation as it is shared, and the cursor that it starts from; None when it cannot be shared."""
    if not isinstance(text, str):
        return None
    document = schema.documents.find(text)
    if operation_name is not None and operation_name not in document.kinds:
        return None
    key = (SharedOperation, operation_name)
    if key not in document.made:
        document.made[key] = _analyse(document, operation_name)
    operation: SharedOperation | None = document.made[key]
    if operation is None or not isinstance(variables, Mapping | None):
        return None
    others = dict(variables or {})
    cursor = others.pop(operation.cursor_variable, None)
    if cursor is not None and not isinstance(cursor, str):
        return None
    try:
        return replace(operation, encoded_variables=_encode(others)), cursor
    except (TypeError, ValueError):
        return None


def _analyse(document: Document, operation_name: str | None) -> SharedOperation | None:
    """Return the operation of a document as it is shared, without variables; None when it cannot be shared."""
    operations = [
        node
        for node in (document.node.definitions if document.node else ())
        if isinstance(node, OperationDefinitionNode)
    ]
    if document.node is None or len(operations) != 1:
        return None
    (operation,) = operations
    if operation_name not in (None, operation.name.value if operation.name else None):
        return None
    field = _feed_of(operation)
    shared = field and _with_cursor_variable(document.text, operation_name, document.node, operation, field)
    return replace(shared, personal=document.depends_on_actor(operation_name)) if shared else None


def _feed_of(operation: OperationDefinitionNode) -> FieldNode | None:
    """Return the one field of a subscription if it is a feed and no directive can leave it out."""
    selections = operation.selection_set.selections
    if operation.operation is not OperationType.SUBSCRIPTION or len(selections) != 1 or operation.directives:
        return None
    (field,) = selections
    if not isinstance(field, FieldNode) or field.name.value not in FEEDS or field.directives:
        return None
    return field


def _with_cursor_variable(
    text: str, name: str | None, document: DocumentNode, operation: OperationDefinitionNode, field: FieldNode
) -> SharedOperation | None:
    """Return a document with its start in a variable: the variable of its own `after`, or else an added one."""
    used = _variables(operation)
    after = next((argument.value for argument in field.arguments or () if argument.name.value == AFTER), None)
    if isinstance(after, VariableNode):
        variable = after.name.value
        if used.count(variable) != 1 or variable in _variables(document, operation):
            return None
        return SharedOperation(text, name, variable) if _is_optional(operation, variable) else None
    if after is not None or CURSOR_VARIABLE in used:
        return None
    changed = _with_added_variable(operation, field)
    definitions = tuple(changed if node is operation else node for node in document.definitions)
    return SharedOperation(print_ast(replace(document, definitions=definitions)), name, CURSOR_VARIABLE)


def _is_optional(operation: OperationDefinitionNode, variable: str) -> bool:
    """Return whether a variable is defined, may be null, and has no default."""
    return any(
        definition.variable.name.value == variable
        and definition.default_value is None
        and isinstance(definition.type, NamedTypeNode)
        for definition in operation.variable_definitions or ()
    )


def _with_added_variable(operation: OperationDefinitionNode, field: FieldNode) -> OperationDefinitionNode:
    variable = VariableNode(name=NameNode(value=CURSOR_VARIABLE))
    definition = VariableDefinitionNode(variable=variable, type=NamedTypeNode(name=NameNode(value="Cursor")))
    argument = ArgumentNode(name=NameNode(value=AFTER), value=variable)
    started = replace(field, arguments=(*(field.arguments or ()), argument))
    return replace(
        operation,
        variable_definitions=(*(operation.variable_definitions or ()), definition),
        selection_set=replace(operation.selection_set, selections=(started,)),
    )


class _VariableNames(Visitor):
    """Collects the names of the variables that are used, those in one node left out. Definitions are no use."""

    def __init__(self, left_out: Node | None) -> None:
        super().__init__()
        self.names: list[str] = []
        self._left_out = left_out

    def enter(self, node: Node, *_: Any) -> Any:
        """Collect a variable."""
        if node is self._left_out or isinstance(node, VariableDefinitionNode):
            return SKIP
        if isinstance(node, VariableNode):
            self.names.append(node.name.value)
        return None


def _variables(root: Node, left_out: Node | None = None) -> list[str]:
    visitor = _VariableNames(left_out)
    visit(root, visitor)
    return visitor.names
