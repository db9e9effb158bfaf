"""The schema, which knows the documents it was asked for, and lets no error out that says more than it should.

Queries that were answered before are parsed, valid, within every limit, and free of errors at least once. All that but
the number of objects, which variables may change, looks at the document alone. So a known query goes straight to its
execution, which is the same, with the same errors, and finds its selections collected as they were the time before.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
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
from graphql import OperationType as Root
from graphql.utilities.print_schema import print_description
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from app.api.context import Context
from app.api.documents.cache import Document, Documents
from app.api.documents.costs import HEAVY_OBJECTS, MAX_OBJECTS, Cost
from app.api.errors import TranslateErrors, as_graphql_error, without_traceback
from app.api.execution.concurrency import ConcurrencyLimit
from app.api.execution.executor import Executor, Selections
from app.api.page_arguments import refuse_first_with_last

TRANSLATE = TranslateErrors()
TIMES = 4
"""How many times as much memory a document takes once it is known how to encode what it selects."""
Asked = tuple[str | None, str | None]
"""A document and the name of its operation."""


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """A query. Its selections are None where they depend on variables."""

    document: DocumentNode
    cost: Cost
    selections: Selections | None


class Schema(strawberry.Schema):
    """A schema that remembers documents. It logs nothing: errors are translated and logged where results leave."""

    documents: Documents
    heavy: ConcurrencyLimit
    """The operations that ask for many objects: a few of each actor are under way, the others wait."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, execution_context_class=Executor)
        refuse_first_with_last(self._schema)
        self.documents = Documents(self._schema)
        self.heavy = ConcurrencyLimit()

    def as_str(self) -> str:
        """Return the schema as text, with its own description, which Strawberry leaves out."""
        roots = [(kind.value, self._schema.get_root_type(kind)) for kind in Root]
        fields = "\n".join(f"  {kind}: {root.name}" for kind, root in roots if root)
        return f"{print_description(self._schema)}schema {{\n{fields}\n}}\n\n{super().as_str()}"

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave logging to the translation, which knows what is unexpected."""

    async def execute(self, *args: Any, **options: Any) -> Any:
        """Execute a query or mutation. Raises CannotGetOperationTypeError, InvalidOperationTypeError."""
        try:
            result = await super().execute(*args, **options)
        except (CannotGetOperationTypeError, InvalidOperationTypeError):
            raise
        except Exception as error:
            result = PreExecutionError(data=None, errors=[as_graphql_error(error)])
        return _with_presentable_errors(result)

    async def stream(self, *args: Any, **options: Any) -> Any:
        """Return the results of an operation, one after another."""
        return _streamed(await super().stream(*args, **options))

    async def execute_prepared(
        self, asked: Asked, variables: dict[str, Any] | None, context: Context, extensions: dict[str, Any] | None
    ) -> ExecutionResult | None:
        """Return the result of a query that is known, to be encoded; None: `execute` has to find it the long way."""
        document = self.documents.known(asked[0]) if asked[0] is not None else None
        known: PreparedQuery | None = document.made.get((PreparedQuery, asked[1])) if document else None
        if known is None:
            return None
        objects = known.cost.objects(variables)
        if objects > MAX_OBJECTS:
            return None
        try:
            if objects > HEAVY_OBJECTS:
                async with self.heavy.entered(context.viewer.actor.id):
                    waited = self._begun(known, asked[1], variables, context, extensions)
                    return _with_presentable_errors(waited if isinstance(waited, ExecutionResult) else await waited)
            given = self._begun(known, asked[1], variables, context, extensions)
            return _with_presentable_errors(given if isinstance(given, ExecutionResult) else await given)
        except Exception:
            return None

    def _begun(
        self,
        known: PreparedQuery,
        name: str | None,
        variables: dict[str, Any] | None,
        context: Context,
        extensions: dict[str, Any] | None,
    ) -> Any:
        return execute(
            self._schema,
            known.document,
            variable_values=variables,
            operation_name=name,
            context_value=context,
            is_awaitable=cast("Any", optimized_is_awaitable),
            executor_class=Executor,
            operation_extensions=extensions,
            selections=known.selections,
        )


def _presentable(result: Any) -> Any:
    if result.errors:
        result.errors = TRANSLATE.process(result.errors)
    return result


def _with_presentable_errors(result: Any) -> Any:
    """Return an operation's only or first result as clients see it: as PreExecutionError where nothing was run.

    Then there is nothing but the reason why not: errors of fields say where they are.
    """
    presentable = _presentable(result)
    if presentable.errors and presentable.data is None and all(error.path is None for error in presentable.errors):
        return PreExecutionError(data=None, errors=presentable.errors)
    return presentable


async def _streamed(results: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    show = _with_presentable_errors
    try:
        async with aclosing(results):
            async for result in results:
                yield show(result)
                show = _presentable
    except Exception as error:
        yield _presentable(PreExecutionError(data=None, errors=[as_graphql_error(error)]))


class UseCachedDocument(SchemaExtension):
    """Takes what is known of a document, instead of parsing and validating it."""

    _document: Document | None = None

    def on_parse(self) -> Iterator[None]:
        """Parse. Raises GraphQLError."""
        asked = self.execution_context
        schema = cast("Schema", asked.schema)
        self._document = schema.documents.find(asked.query or "")
        if self._document.node is None:
            raise without_traceback(self._document.errors[0])
        asked.graphql_document = self._document.node
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate."""
        if self._document is not None:
            self.execution_context.pre_execution_errors = list(self._document.errors)
        yield


class PrepareQueries(SchemaExtension):
    """Remembers queries that were answered without an error."""

    def on_execute(self) -> Iterator[None]:
        """Look at the result."""
        yield
        asked = self.execution_context
        result, schema = asked.result, asked.schema
        if (
            isinstance(schema, Schema)
            and isinstance(result, ExecutionResult)
            and not result.errors
            and asked.operation_type is OperationType.QUERY
            and asked.query is not None
        ):
            prepare(schema, (asked.query, asked._provided_operation_name))


def prepare(schema: Schema, asked: Asked) -> None:
    """Keep a query with its document, for as long as that is kept."""
    text, name = asked
    document = schema.documents.known(text) if text is not None else None
    if document is None or document.node is None or (PreparedQuery, name) in document.made:
        return
    cost = document.costs.get(document.named(name))
    if cost is not None:
        selections = Selections(encoded=True) if _is_constant(document.node) else None
        document.made[PreparedQuery, name] = PreparedQuery(document.node, cost, selections)
        schema.documents.grow(document, TIMES)


def _is_constant(document: DocumentNode) -> bool:
    """Whether the same fields are selected whatever the variables say."""
    found: list[DirectiveNode] = []

    class Directives(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            found.append(node)

    visit(document, Directives())
    return not found
