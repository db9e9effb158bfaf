"""Queries that were answered before: parsed, valid, within every limit, and free of errors at least once.

What made sure of that looked at the document alone, so it need not look again. A known query goes straight to its
execution, which is the same, with the same errors, and finds its selections collected as they were the time before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import strawberry
from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    Visitor,
    execute,
    visit,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType

from app.api.context import Context
from app.api.errors import TranslateErrors
from app.api.executing import Executor, Selections
from app.core.checks import storable

MAX_KNOWN = 1000
MAX_LENGTH = 20_000
"""Characters of the longest document that is remembered."""
Asked = tuple[str | None, str | None]
"""A document and the name of its operation."""


@dataclass(frozen=True, slots=True)
class Known:
    """A query. Its selections are None where they depend on variables."""

    document: DocumentNode
    selections: Selections | None


class Schema(strawberry.Schema):
    """A schema that remembers queries. It logs nothing: errors are translated and logged where results leave."""

    known: dict[Asked, Known]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, execution_context_class=Executor)
        self.known = {}

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave logging to the translation, which knows what is unexpected."""

    async def execute_known(
        self, asked: Asked, variables: dict[str, Any] | None, context: Context, extensions: dict[str, Any] | None
    ) -> ExecutionResult | None:
        """Return the result of a query that is known, to be encoded; None: `execute` has to find it the long way."""
        known = self.known.get(asked)
        if known is None or next(storable(variables or {}), None) is not None:
            return None
        try:
            given: Any = execute(
                self._schema,
                known.document,
                variable_values=variables,
                operation_name=asked[1],
                context_value=context,
                is_awaitable=cast("Any", optimized_is_awaitable),
                executor_class=Executor,
                operation_extensions=extensions,
                selections=known.selections,
            )
            result: ExecutionResult = given if isinstance(given, ExecutionResult) else await given
        except Exception:
            return None
        if result.errors:
            result.errors = TranslateErrors().process(result.errors)
        return result


class Remember(SchemaExtension):
    """Remembers queries that were answered without an error."""

    def on_execute(self) -> Iterator[None]:
        """Look at the result."""
        yield
        asked = self.execution_context
        result, document, schema = asked.result, asked.graphql_document, asked.schema
        if (
            isinstance(schema, Schema)
            and isinstance(result, ExecutionResult)
            and not result.errors
            and document is not None
            and asked.operation_type is OperationType.QUERY
            and asked.query is not None
            and len(asked.query) <= MAX_LENGTH
        ):
            remember(schema, (asked.query, asked._provided_operation_name), document)


def remember(schema: Schema, asked: Asked, document: DocumentNode) -> None:
    """Keep a query; of too many the one that was kept first is forgotten."""
    if asked not in schema.known:
        if len(schema.known) >= MAX_KNOWN:
            del schema.known[next(iter(schema.known))]
        schema.known[asked] = Known(document, Selections(encoded=True) if _is_constant(document) else None)


def _is_constant(document: DocumentNode) -> bool:
    """Whether the same fields are selected whatever the variables say."""
    found: list[DirectiveNode] = []

    class Directives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            found.append(node)

    visit(document, Directives())
    return not found
