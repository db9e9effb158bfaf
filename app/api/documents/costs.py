"""How many objects an operation asks for, told from its document and variables before anything is looked up.

A list counts as many objects as its page may hold, or where it has no pages as many as it usually holds, times those of
the list that it stands in. What can be more than usual is counted again while it is completed (see `executing`).
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
"""Objects from which on an operation is heavy: an actor may have only a few of these under way."""
TOO_LARGE = str(ErrorCode.TOO_LARGE)
"""The code of what goes beyond a limit of this API."""
MAX_PAGE = 500
PAGES = ("first", "last")
DEFAULT_PAGE = 20
SATURATED = 10**12
"""What is counted further than this is not told apart."""
USUAL = 10
"""Objects of a list of which nothing else is known."""
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
"""Objects that lead back to where one came from: what hangs on them says nothing new, and comes once for each."""


@dataclass(frozen=True, slots=True)
class Page:
    """How many objects a list may hold: `known` for certain, and as many as variables say, else their fallbacks."""

    known: int
    variables: tuple[tuple[str, int], ...] = ()

    def size(self, given: Mapping[str, Any]) -> int:
        """Return how many objects are asked for. What is no number is refused elsewhere."""
        found = self.known
        for name, fallback in self.variables:
            value = given.get(name)
            found = max(found, value if type(value) is int else fallback)
        return min(found, MAX_PAGE)


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a sum: `count` times the sizes of `pages` times what the step number `step` came to (None: 1)."""

    count: int
    pages: tuple[Page, ...] = ()
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """The objects of one operation: a sum for each fragment whose variables matter, and then its own.

    `constant` is their number where no variable matters. `defaults` are those of the operation's variables.
    """

    constant: int | None
    steps: tuple[tuple[Term, ...], ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def objects(self, variables: Mapping[str, Any] | None) -> int:
        """Return how many objects are asked for."""
        if self.constant is not None:
            return self.constant
        given = {**self.defaults, **(variables or {})}
        sums: list[int] = []
        for terms in self.steps:
            sums.append(min(SATURATED, sum(_value(term, given, sums) for term in terms)))
        return sums[-1]


def _value(term: Term, given: Mapping[str, Any], sums: list[int]) -> int:
    value = term.count if term.step is None else term.count * sums[term.step]
    for page in term.pages:
        value *= page.size(given)
    return value


class Sizes:
    """How long the lists of a schema usually are. Those of introspection are as long as they are on the average."""

    def __init__(self, schema: GraphQLSchema) -> None:
        types = list(schema.type_map.values())
        fields = [of for type_ in types for of in getattr(type_, "fields", {}).values()]
        arguments = sum(len(getattr(of, "args", ())) for of in fields)
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
        """Return how long a list without pages usually is."""
        key = (type_name, field_name)
        return self._introspected.get(key) or USUAL_SIZES.get(key, USUAL)


def _average(total: int, number: int) -> int:
    return max(1, -(-total // max(1, number)))


def page_of(of: GraphQLField, node: FieldNode) -> Page:
    """Return how many objects a page may hold that is asked for by `first` and `last`."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    if isinstance(given.get("last"), IntValueNode):
        return Page(min(_literal(given["last"], 0), MAX_PAGE))
    known, variables = 0, list[tuple[str, int]]()
    for name in PAGES:
        usual = _usual(of.args.get(name)) or (DEFAULT_PAGE if name == "first" else 0)
        value = given.get(name)
        if isinstance(value, VariableNode):
            variables.append((value.name.value, usual))
        else:
            known = max(known, _literal(value, usual))
    return Page(min(known, MAX_PAGE), tuple(variables))


def _usual(argument: GraphQLArgument | None) -> int:
    """Return the size of a page of which nothing is said."""
    if argument is None:
        return 0
    value = argument.default_value
    return value if isinstance(value, int) else 0


def _literal(value: ValueNode | None, usual: int) -> int:
    return max(0, int(value.value)) if isinstance(value, IntValueNode) and len(value.value) < 10 else usual


def defaults_of(operation: OperationDefinitionNode) -> dict[str, Any]:
    """Return the defaults of variables that may be the size of a page."""
    nodes = operation.variable_definitions or ()
    given = ((node.variable.name.value, node.default_value) for node in nodes)
    return {
        name: int(value.value) for name, value in given if isinstance(value, IntValueNode) and len(value.value) < 10
    }


def too_large(message: str) -> GraphQLError:
    """Return what is told of a document that goes beyond a limit."""
    return GraphQLError(message, extensions={"code": TOO_LARGE})


def too_many_objects(objects: int) -> GraphQLError:
    """Return what is told to those who ask for too many objects."""
    return _refused(f"The operation asks for {objects} objects, and one may ask for {MAX_OBJECTS}", objects)


def grew_too_large() -> GraphQLError:
    """Return what is told to those whose operation came to more objects than could be foreseen."""
    return _refused(
        f"The operation was ended when it had brought {MAX_OBJECTS} objects: one may bring no more", MAX_OBJECTS
    )


def _refused(why: str, objects: int) -> GraphQLError:
    message = f"{why}. Ask for smaller pages, or for the lists in a list one by one."
    return GraphQLError(message, extensions={"code": TOO_LARGE, "objects": objects, "limit": MAX_OBJECTS})
