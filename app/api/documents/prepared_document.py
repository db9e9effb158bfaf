"""A document that is parsed, measured and validated.

All that transports, feeds and the executor know of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import DirectiveNode, DocumentNode, GraphQLError, OperationType, Visitor, visit

from app.api.documents.costs import Cost
from app.api.documents.shared_subscription import SharedSubscription, shared_form
from app.api.execution.selections import Selections


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """A query that was answered before. Its selections are None where they depend on variables."""

    ast: DocumentNode
    cost: Cost
    selections: Selections | None


@dataclass(slots=True)
class PreparedDocument:
    """A document. `errors` say why nothing of it can run; `ast` is None where its syntax is wrong.

    `operation_types`, `costs` and `personal` (depends on who asks) are by the name of the operation. `size` is its
    weight in the cache, in tokens.
    """

    text: str
    size: int
    tokens: int
    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...]
    operation_types: Mapping[str | None, OperationType] = field(default_factory=dict)
    costs: Mapping[str | None, Cost] = field(default_factory=dict)
    personal: Mapping[str | None, bool] = field(default_factory=dict)
    queries: dict[str | None, PreparedQuery] = field(default_factory=dict)
    _shared: dict[str | None, SharedSubscription | None] = field(default_factory=dict)

    def resolve_name(self, name: str | None) -> str | None:
        """Return the name of the only operation where none is given."""
        return next(iter(self.operation_types), None) if name is None and len(self.operation_types) == 1 else name

    def count_objects(self, name: str | None, variables: Mapping[str, Any] | None) -> int:
        """Return how many objects an operation asks for."""
        cost = self.costs.get(self.resolve_name(name))
        return cost.objects(variables) if cost else 0

    def depends_on_actor(self, name: str | None) -> bool:
        """Return whether an operation may show different people different things; True for unknown names."""
        return self.personal.get(self.resolve_name(name), True)

    def shared_subscription(self, name: str | None) -> SharedSubscription | None:
        """Return the shared form of an operation, None where it cannot share its execution."""
        if self.ast is None or (name is not None and name not in self.operation_types):
            return None
        if name not in self._shared:
            self._shared[name] = shared_form(self.text, self.ast, name, personal=self.depends_on_actor(name))
        return self._shared[name]

    def prepare_query(self, name: str | None) -> bool:
        """Keep a query that was answered without an error; return False where it is kept or cannot be."""
        cost = self.costs.get(self.resolve_name(name))
        if self.ast is None or cost is None or name in self.queries:
            return False
        selections = Selections(encoded=True) if _has_no_directives(self.ast) else None
        self.queries[name] = PreparedQuery(self.ast, cost, selections)
        return True


def _has_no_directives(document: DocumentNode) -> bool:
    """Whether the same fields are selected for all values of the variables."""
    directives: list[DirectiveNode] = []

    class CollectDirectives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            directives.append(node)

    visit(document, CollectDirectives())
    return not directives
