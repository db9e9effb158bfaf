"""The schema: root types put together from a class per noun, and what is done to every operation."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.tools import merge_types
from strawberry.types.base import StrawberryType
from strawberry.types.graphql import OperationType

from app.api.context import Context
from app.api.descriptions import describe
from app.api.documents.costs import HEAVY_OBJECTS, MAX_OBJECTS, TOO_LARGE, too_many_objects
from app.api.errors import ERROR_TYPES
from app.api.execution.concurrency import TooManyOperationsError
from app.api.inputs import storable
from app.api.mutations.access import AccessMutations
from app.api.mutations.applications import ApplicationMutations
from app.api.mutations.approvals import ApprovalMutations
from app.api.mutations.deployments import DeploymentMutations
from app.api.mutations.environments import EnvironmentMutations
from app.api.mutations.freezes import FreezeMutations
from app.api.mutations.tasks import TaskMutations
from app.api.mutations.templates import TemplateMutations
from app.api.mutations.versions import VersionMutations
from app.api.mutations.workflows import WorkflowMutations
from app.api.queries.applications import ApplicationQueries
from app.api.queries.approvals import ApprovalQueries
from app.api.queries.audit import AuditQueries
from app.api.queries.deployments import DeploymentQueries
from app.api.queries.environments import EnvironmentQueries
from app.api.queries.nodes import NodeQueries
from app.api.queries.server import ServerQueries
from app.api.queries.templates import TemplateQueries
from app.api.queries.versions import VersionQueries
from app.api.request_codes import RequestCode
from app.api.scalars import SCALARS
from app.api.schema_class import PrepareQueries, Schema, UseCachedDocument
from app.api.subscriptions.approvals import ApprovalSubscriptions
from app.api.subscriptions.deployments import DeploymentSubscriptions
from app.api.subscriptions.logs import LogSubscriptions
from app.api.types.access import ServiceAccount, User
from app.api.types.events import EVENT_TYPES
from app.core.errors import ErrorCode
from app.services.use_cases import refuse_if

Query = merge_types(
    "Query",
    (
        NodeQueries,
        ApplicationQueries,
        EnvironmentQueries,
        VersionQueries,
        DeploymentQueries,
        ApprovalQueries,
        TemplateQueries,
        AuditQueries,
        ServerQueries,
    ),
)
Mutation = merge_types(
    "Mutation",
    (
        ApplicationMutations,
        EnvironmentMutations,
        VersionMutations,
        DeploymentMutations,
        WorkflowMutations,
        TemplateMutations,
        TaskMutations,
        FreezeMutations,
        ApprovalMutations,
        AccessMutations,
    ),
)
Subscription = merge_types("Subscription", (DeploymentSubscriptions, LogSubscriptions, ApprovalSubscriptions))

SEVERAL = "The document has several operations: name one by operationName."


class TypeNames(NameConverter):
    """Names generic types as clients were promised: a page of log lines is a LogConnection."""

    def get_name_from_type(self, type_: StrawberryType | type) -> str:
        """Return the name that a type gives to the generic types made with it."""
        name = super().get_name_from_type(type_)
        return {"LogLine": "Log"}.get(name, name)


class ContextPerOperation(SchemaExtension):
    """Gives each operation of a socket a context of its own, and asks again who it is: sockets outlive tokens."""

    async def on_operation(self) -> AsyncIterator[None]:
        """Change the context before anything is resolved."""
        known = self.execution_context.context
        if isinstance(known, Context) and known.socket:
            own = replace(known)
            await own.reauthenticate()
            self.execution_context.context = own
        yield


class RefuseSenseless(SchemaExtension):
    """Refuses operations that can not be meant, before anything is resolved.

    More objects than one may ask for; variables that nothing can hold, except of mutations, which name the field
    themselves; several operations of which none is named; a subscription where only a single answer can be given.
    """

    async def on_execute(self) -> AsyncIterator[None]:
        """Look at the operation, and let it wait where its actor has others like it. Raises GraphQLError."""
        fault = self._fault()
        if fault is not None:
            raise GraphQLError(fault[1], extensions={"code": str(fault[0])})
        if self.execution_context.operation_type is not OperationType.MUTATION:
            refuse_if(storable.problems(self.execution_context.variables or {}))
        objects = self._objects()
        if objects > MAX_OBJECTS:
            raise too_many_objects(objects)
        async with AsyncExitStack() as stack:
            if objects > HEAVY_OBJECTS and self.execution_context.operation_type is not OperationType.SUBSCRIPTION:
                await stack.enter_async_context(self._waited())
            yield

    def _objects(self) -> int:
        asked = self.execution_context
        document = cast("Schema", asked.schema).documents.get(asked.query or "")
        return document.count_objects(asked._provided_operation_name, asked.variables)

    @asynccontextmanager
    async def _waited(self) -> AsyncIterator[None]:
        asked = self.execution_context
        try:
            async with cast("Schema", asked.schema).large_operations.slot(asked.context.viewer.actor.id):
                yield
        except TooManyOperationsError:
            message = "You have many large operations under way: wait for some of them to end."
            raise GraphQLError(message, extensions={"code": TOO_LARGE}) from None

    def _fault(self) -> tuple[ErrorCode | RequestCode, str] | None:
        asked = self.execution_context
        document = asked.graphql_document
        operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)] if document else []
        if len(operations) > 1 and not asked._provided_operation_name:
            return RequestCode.OPERATION_RESOLUTION_FAILURE, SEVERAL
        if asked.operation_type is OperationType.SUBSCRIPTION and asked.context.single_result:
            return ErrorCode.INVALID, "A subscription needs a stream: a WebSocket, or Accept: text/event-stream."
        return None


def build() -> Schema:
    """Return the schema."""
    extensions: list[Any] = [ContextPerOperation, UseCachedDocument, RefuseSenseless, PrepareQueries]
    made = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*ERROR_TYPES, *EVENT_TYPES, User, ServiceAccount],
        extensions=extensions,
        config=StrawberryConfig(name_converter=TypeNames(), scalar_map=SCALARS, disable_field_suggestions=True),
    )
    describe(made._schema)
    return made


schema = build()
