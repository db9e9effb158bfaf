"""Estimates how many objects an operation asks for, from its document and variables.

A list counts as many objects as its page may hold, or its usual length where it has no pages, times the objects of the
list around it. Lists that are longer than usual are counted again by the executor (see `limited_executor`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
)

from app.core.errors import ErrorCode

MAX_OBJECTS = 200_000
"""Objects that one operation may ask for: 2,000 tasks with a hundred objects each."""
HEAVY_OBJECTS = 20_000
"""Objects from which on an operation is large: only a few of an actor run at the same time."""
TOO_LARGE = str(ErrorCode.TOO_LARGE)
"""The code of errors beyond a limit of this API."""
MAX_PAGE = 500
PAGES = ("first", "last")
DEFAULT_PAGE = 20
SATURATED = 10**12
"""Counts stop here."""
USUAL_SIZE = 10
"""Objects of a list without a known usual length."""
USUAL_SIZES: Mapping[tuple[str, str], int] = {
    ("Deployment", "tasks"): 100,
    ("Workflow", "tasks"): 100,
    ("Workflow", "edges"): 100,
    ("WorkflowRevision", "tasks"): 100,
    ("TemplateVersion", "tasks"): 100,
    ("DeploymentPlan", "tasks"): 100,
    ("DeploymentEventBatch", "events"): 100,
    ("LogBatch", "lines"): 100,
    ("DeploymentLogBatch", "lines"): 100,
    ("Task", "attempts"): 2,
    ("Task", "blockers"): 3,
    ("Task", "blockedBy"): 2,
    ("Approval", "decisions"): 3,
    ("Deployment", "approvals"): 5,
    ("Deployment", "applications"): 5,
    ("Deployment", "rollouts"): 5,
    ("Version", "artifacts"): 5,
    ("JobOptions", "tolerations"): 2,
}
REPEATED: Mapping[tuple[str, str], int] = {("Task", "deployment"): 10}
"""How often an object that leads back to its parent is counted: each child brings the parent again."""


@dataclass(frozen=True, slots=True)
class Page:
    """How many objects a page may hold: `constant`, or what variables say, each with its default."""

    constant: int
    variables: tuple[tuple[str, int], ...] = ()

    def size(self, variables: Mapping[str, Any]) -> int:
        """Return how many objects are asked for. Values that are no numbers are refused elsewhere."""
        size = self.constant
        for name, default in self.variables:
            value = variables.get(name)
            size = max(size, value if type(value) is int else default)
        return min(size, MAX_PAGE)


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a sum: `count` × the sizes of `pages` × the result of step number `step` (None: 1)."""

    count: int
    pages: tuple[Page, ...] = ()
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """The objects of one operation: a sum for each fragment that depends on variables, and then its own.

    `constant` is their number where no variable matters. `defaults` are those of the operation's variables.
    """

    constant: int | None
    steps: tuple[tuple[Term, ...], ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def objects(self, variables: Mapping[str, Any] | None) -> int:
        """Return how many objects are asked for."""
        if self.constant is not None:
            return self.constant
        values = {**self.defaults, **(variables or {})}
        sums: list[int] = []
        for terms in self.steps:
            sums.append(min(SATURATED, sum(_value(term, values, sums) for term in terms)))
        return sums[-1]


def _value(term: Term, variables: Mapping[str, Any], sums: list[int]) -> int:
    value = term.count if term.step is None else term.count * sums[term.step]
    for page in term.pages:
        value *= page.size(variables)
    return value


class UsualSizes:
    """The usual lengths of a schema's lists. Those of introspection have their average length."""

    def __init__(self, schema: GraphQLSchema) -> None:
        types = list(schema.type_map.values())
        fields = [field for type_ in types for field in getattr(type_, "fields", {}).values()]
        arguments = sum(len(getattr(field, "args", ())) for field in fields)
        values = sum(len(getattr(type_, "values", ())) for type_ in types)
        self._introspected = {
            ("__Schema", "types"): len(types),
            ("__Schema", "directives"): len(schema.directives),
            ("__Type", "fields"): _average(len(fields), len(types)),
            ("__Type", "inputFields"): 2,
            ("__Type", "enumValues"): _average(values, len(types)),
            ("__Type", "interfaces"): 1,
            ("__Type", "possibleTypes"): 1,
            ("__Field", "args"): _average(arguments, len(fields)),
            ("__Directive", "args"): 2,
        }

    def of(self, type_name: str, field_name: str) -> int:
        """Return the usual length of a list without pages."""
        key = (type_name, field_name)
        return self._introspected.get(key) or USUAL_SIZES.get(key, USUAL_SIZE)


def _average(total: int, number: int) -> int:
    return max(1, -(-total // max(1, number)))


def page_of(field: GraphQLField, node: FieldNode) -> Page:
    """Return the page that the arguments `first` and `last` of a field ask for."""
    arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
    if isinstance(arguments.get("last"), IntValueNode):
        return Page(min(_literal(arguments["last"], 0), MAX_PAGE))
    constant, variables = 0, list[tuple[str, int]]()
    for name in PAGES:
        default = _default(field.args.get(name)) or (DEFAULT_PAGE if name == "first" else 0)
        value = arguments.get(name)
        if isinstance(value, VariableNode):
            variables.append((value.name.value, default))
        else:
            constant = max(constant, _literal(value, default))
    return Page(min(constant, MAX_PAGE), tuple(variables))


def _default(argument: GraphQLArgument | None) -> int:
    """Return the default size of a page."""
    if argument is None:
        return 0
    value = argument.default_value
    return value if isinstance(value, int) else 0


def _literal(value: ValueNode | None, default: int) -> int:
    return max(0, int(value.value)) if isinstance(value, IntValueNode) and len(value.value) < 10 else default


def defaults_of(operation: OperationDefinitionNode) -> dict[str, Any]:
    """Return the whole numbers among the defaults of an operation's variables."""
    nodes = operation.variable_definitions or ()
    defaults = ((node.variable.name.value, node.default_value) for node in nodes)
    return {
        name: int(value.value) for name, value in defaults if isinstance(value, IntValueNode) and len(value.value) < 10
    }


def too_large(message: str) -> GraphQLError:
    """Return the error of a document beyond a limit."""
    return GraphQLError(message, extensions={"code": TOO_LARGE})


def too_many_objects(objects: int) -> GraphQLError:
    """Return the error of an operation that asks for too many objects."""
    return _too_many(f"The operation asks for {objects} objects; the maximum is {MAX_OBJECTS}", objects)


def grew_too_large() -> GraphQLError:
    """Return the error of an operation that brought more objects than was estimated."""
    return _too_many(f"The operation was stopped at its maximum of {MAX_OBJECTS} objects", MAX_OBJECTS)


def _too_many(reason: str, objects: int) -> GraphQLError:
    message = f"{reason}. Ask for smaller pages, or for nested lists in operations of their own."
    return GraphQLError(message, extensions={"code": TOO_LARGE, "objects": objects, "limit": MAX_OBJECTS})
