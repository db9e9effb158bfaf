"""The form in which a subscription shares its execution.

The start position is a variable of the document.

A subscription can share when it is the document's only operation, of one feed, from where its argument `after` says.
Subscribers with different cursors then have the same document, so one who comes back joins the others.
"""

from dataclasses import dataclass, replace
from typing import Any

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

FEEDS = frozenset({"deploymentEvents", "taskLogs", "deploymentLogs"})
"""Feeds whose messages depend only on the position, the arguments and the access of the subscriber."""
AFTER = "after"
CURSOR_VARIABLE = "boreasAfter"
"""The variable that is added to a document without `after`."""


@dataclass(frozen=True, slots=True)
class SharedSubscription:
    """A shared subscription: `text` takes the start position in the variable `cursor_variable`.

    A `personal` one may show different people different things: only one actor's subscribers share it.
    """

    text: str
    operation_name: str | None
    cursor_variable: str
    personal: bool


def shared_form(text: str, document: DocumentNode, name: str | None, *, personal: bool) -> SharedSubscription | None:
    """Return the shared form of an operation, None where it cannot share its execution."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1:
        return None
    (operation,) = operations
    selections = operation.selection_set.selections
    if operation.operation is not OperationType.SUBSCRIPTION or len(selections) != 1:
        return None
    (field,) = selections
    if not isinstance(field, FieldNode) or field.name.value not in FEEDS or field.directives or operation.directives:
        return None
    used = _used_variables(operation)
    after = next((argument.value for argument in field.arguments or () if argument.name.value == AFTER), None)
    if isinstance(after, VariableNode):
        variable = after.name.value
        is_free = used.count(variable) == 1 and variable not in _used_variables(document, operation)
        return SharedSubscription(text, name, variable, personal) if is_free and _takes(operation, variable) else None
    if after is not None or CURSOR_VARIABLE in used:
        return None
    return SharedSubscription(_with_cursor(document, operation, field), name, CURSOR_VARIABLE, personal)


def _takes(operation: OperationDefinitionNode, variable: str) -> bool:
    """Whether an operation defines a variable that may be null and has no default."""
    definitions = operation.variable_definitions or ()
    definition = next((node for node in definitions if node.variable.name.value == variable), None)
    return definition is not None and definition.default_value is None and isinstance(definition.type, NamedTypeNode)


def _with_cursor(document: DocumentNode, operation: OperationDefinitionNode, field: FieldNode) -> str:
    """Return a document in which the field takes its start position from a variable of ours."""
    variable = VariableNode(name=NameNode(value=CURSOR_VARIABLE))
    definition = VariableDefinitionNode(variable=variable, type=NamedTypeNode(name=NameNode(value="Cursor")))
    argument = ArgumentNode(name=NameNode(value=AFTER), value=variable)
    changed = replace(
        operation,
        variable_definitions=(*(operation.variable_definitions or ()), definition),
        selection_set=replace(
            operation.selection_set,
            selections=(replace(field, arguments=(*(field.arguments or ()), argument)),),
        ),
    )
    definitions = tuple(changed if node is operation else node for node in document.definitions)
    return print_ast(replace(document, definitions=definitions))


class _UsedVariables(Visitor):
    """Collects the variables used below a node, except below `excluded`; definitions are not uses."""

    def __init__(self, excluded: Node | None) -> None:
        super().__init__()
        self.names: list[str] = []
        self._excluded = excluded

    def enter(self, node: Node, *_: Any) -> Any:
        """Visit a node."""
        if node is self._excluded or isinstance(node, VariableDefinitionNode):
            return SKIP
        if isinstance(node, VariableNode):
            self.names.append(node.name.value)
        return None


def _used_variables(root: Node, excluded: Node | None = None) -> list[str]:
    visitor = _UsedVariables(excluded)
    visit(root, visitor)
    return visitor.names
