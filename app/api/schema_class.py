"""The schema's class: it caches documents, executes prepared queries, and makes errors presentable.

A query that was answered before is parsed, valid and within every limit. Only the number of its objects depends on the
variables. So it goes straight to its execution, which is the same as ever, with the fields already collected.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, cast

import strawberry
from graphql import (
    ExecutionResult,
    GraphQLError,
    execute,
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
from app.api.documents.cache import DocumentCache
from app.api.documents.costs import HEAVY_OBJECTS, MAX_OBJECTS, grew_too_large
from app.api.documents.prepared_document import PreparedDocument, PreparedQuery
from app.api.errors import TranslateErrors, as_graphql_error, without_traceback
from app.api.execution import fallbacks
from app.api.execution.concurrency import ConcurrencyLimit, TooManyOperationsError
from app.api.execution.executor import executor_class
from app.api.execution.limited_executor import ObjectLimit
from app.api.execution.shortcuts import FAST, Shortcuts
from app.api.page_arguments import refuse_first_with_last
from app.core.errors import Refused

TRANSLATE = TranslateErrors()
OBJECT_LIMIT = ObjectLimit(MAX_OBJECTS, grew_too_large)
Query = tuple[str, str | None]
"""The text of a document, and the name of its operation."""


class Schema(strawberry.Schema):
    """A schema with a cache of documents.

    It logs nothing: errors are translated and logged where results leave.
    """

    documents: DocumentCache
    large_operations: ConcurrencyLimit
    """A few large operations of each actor run at the same time, the others wait."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        refuse_first_with_last(self._schema)
        self.documents = DocumentCache(self._schema)
        self.large_operations = ConcurrencyLimit()
        self.use(FAST)

    def use(self, shortcuts: Shortcuts) -> None:
        """Execute operations with some short cuts: a process decides once, before it serves."""
        self.shortcuts = shortcuts
        self.execution_context_class = executor_class(shortcuts, OBJECT_LIMIT)

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
        self, query: Query, variables: dict[str, Any] | None, context: Context, extensions: dict[str, Any] | None
    ) -> ExecutionResult | None:
        """Return the result of a prepared query, to be encoded; None: `execute` has to answer.

        `execute` also answers again what fails here as a whole, so that errors have one way.
        """
        text, name = query
        document = self.documents.cached(text) if self.shortcuts.prepared else None
        prepared = document.queries.get(name) if document else None
        if prepared is None:
            return None
        objects = prepared.cost.objects(variables)
        if objects > MAX_OBJECTS:
            return None
        try:
            if objects <= HEAVY_OBJECTS:
                return await self._execute_prepared(prepared, name, variables, context, extensions)
            async with self.large_operations.slot(context.viewer.actor.id):
                return await self._execute_prepared(prepared, name, variables, context, extensions)
        except (TooManyOperationsError, Refused) as refused:
            fallbacks.count("prepared, refused", refused)
            return None
        except Exception as error:
            fallbacks.count("prepared", error, expected=False)
            return None

    async def _execute_prepared(
        self,
        prepared: PreparedQuery,
        name: str | None,
        variables: dict[str, Any] | None,
        context: Context,
        extensions: dict[str, Any] | None,
    ) -> Any:
        result: Any = execute(
            self._schema,
            prepared.ast,
            variable_values=variables,
            operation_name=name,
            context_value=context,
            is_awaitable=cast("Any", optimized_is_awaitable),
            executor_class=self.execution_context_class,
            operation_extensions=extensions,
            selections=prepared.selections,
        )
        return _with_presentable_errors(result if isinstance(result, ExecutionResult) else await result)


def _presentable(result: Any) -> Any:
    if result.errors:
        result.errors = TRANSLATE.process(result.errors)
    return result


def _with_presentable_errors(result: Any) -> Any:
    """Return the first result as clients see it: a PreExecutionError where no field was executed.

    Its errors have no path: those of fields have one.
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
    """Takes a document from the cache, instead of parsing and validating it again."""

    _document: PreparedDocument | None = None

    def on_parse(self) -> Iterator[None]:
        """Parse. Raises GraphQLError."""
        operation = self.execution_context
        self._document = cast("Schema", operation.schema).documents.get(operation.query or "")
        if self._document.ast is None:
            raise without_traceback(self._document.errors[0])
        operation.graphql_document = self._document.ast
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate."""
        if self._document is not None:
            self.execution_context.pre_execution_errors = list(self._document.errors)
        yield


class PrepareQueries(SchemaExtension):
    """Prepares queries that were answered without an error, so that the next time takes the short way."""

    def on_execute(self) -> Iterator[None]:
        """Look at the result."""
        yield
        operation = self.execution_context
        result, schema = operation.result, operation.schema
        if (
            isinstance(schema, Schema)
            and schema.shortcuts.prepared
            and isinstance(result, ExecutionResult)
            and not result.errors
            and operation.operation_type is OperationType.QUERY
            and operation.query is not None
        ):
            schema.documents.prepare_query(operation.query, operation._provided_operation_name)
