"""Schema extensions that prepare and check each operation before anything is resolved."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import cast

from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from app.api.context import Context
from app.api.documents.costs import HEAVY_OBJECTS, MAX_OBJECTS, TOO_LARGE, too_many_objects
from app.api.execution.concurrency import TooManyOperationsError
from app.api.inputs import storable
from app.api.request_codes import RequestCode
from app.api.schema_class import Schema
from app.core.errors import ErrorCode
from app.services.use_cases import refuse_if


class ContextPerOperation(SchemaExtension):
    """Gives each operation of a socket its own context, authenticated again: tokens may expire."""

    async def on_operation(self) -> AsyncIterator[None]:
        """Replace the context before anything is resolved."""
        context = self.execution_context.context
        if isinstance(context, Context) and context.socket:
            operation_context = replace(context)
            await operation_context.reauthenticate()
            self.execution_context.context = operation_context
        yield


class CheckOperation(SchemaExtension):
    """Refuses operations that cannot be executed, and limits how many large ones an actor runs at a time.

    It refuses operations that may return too many objects, and variables that no database can hold. For mutations the
    guard of the field does the latter, with the path. It refuses a document of several operations without an operation
    name, and a subscription over a transport that sends a single result.
    """

    async def on_execute(self) -> AsyncIterator[None]:
        """Check the operation, and let it wait for its turn if it is large. Raises GraphQLError and Refused."""
        self._check_document()
        if self.execution_context.operation_type is not OperationType.MUTATION:
            refuse_if(storable.problems(self.execution_context.variables or {}))
        objects = self._count_objects()
        if objects > MAX_OBJECTS:
            raise too_many_objects(objects)
        async with AsyncExitStack() as stack:
            if objects > HEAVY_OBJECTS and self.execution_context.operation_type is not OperationType.SUBSCRIPTION:
                await stack.enter_async_context(self._turn())
            yield

    def _check_document(self) -> None:
        execution = self.execution_context
        document = execution.graphql_document
        definitions = document.definitions if document else ()
        operations = [definition for definition in definitions if isinstance(definition, OperationDefinitionNode)]
        if len(operations) > 1 and not execution._provided_operation_name:
            message = "The document has several operations. Choose one by operationName."
            raise GraphQLError(message, extensions={"code": str(RequestCode.OPERATION_RESOLUTION_FAILURE)})
        if execution.operation_type is OperationType.SUBSCRIPTION and execution.context.single_result:
            message = "A subscription needs a stream. Use a WebSocket, or send Accept: text/event-stream."
            raise GraphQLError(message, extensions={"code": str(ErrorCode.INVALID)})

    def _count_objects(self) -> int:
        """Return how many objects the operation may return at most."""
        execution = self.execution_context
        document = cast("Schema", execution.schema).documents.get(execution.query or "")
        return document.count_objects(execution._provided_operation_name, execution.variables)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        execution = self.execution_context
        try:
            async with cast("Schema", execution.schema).large_operations.slot(execution.context.viewer.actor.id):
                yield
        except TooManyOperationsError:
            message = "You already run the maximum number of large operations. Try again when one of them has ended."
            raise GraphQLError(message, extensions={"code": TOO_LARGE}) from None
