"""The schema: root types put together from a class per noun, and what is done to every operation."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, ClassVar

from graphql import (
    ASTValidationRule,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    ValidationContext,
    ValidationRule,
)
from strawberry.extensions import (
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.tools import merge_types
from strawberry.types.base import StrawberryType
from strawberry.types.graphql import OperationType

from app.api.context import Context
from app.api.errors import ERROR_TYPES, TranslateErrors
from app.api.known import Remember, Schema
from app.api.mutations.access import AccessMutations
from app.api.mutations.approvals import ApprovalMutations
from app.api.mutations.catalogue import CatalogueMutations
from app.api.mutations.deployments import DeploymentMutations
from app.api.mutations.freezes import FreezeMutations
from app.api.mutations.tasks import TaskMutations
from app.api.mutations.templates import TemplateMutations
from app.api.mutations.workflows import WorkflowMutations
from app.api.queries.approvals import ApprovalQueries
from app.api.queries.audit import AuditQueries
from app.api.queries.catalogue import CatalogueQueries
from app.api.queries.deployments import DeploymentQueries
from app.api.queries.nodes import NodeQueries
from app.api.queries.templates import TemplateQueries
from app.api.scalars import SCALARS
from app.api.subscriptions.feeds import Subscription
from app.api.types.access import ServiceAccount, User
from app.api.types.feed import EVENT_TYPES
from app.core.checks import storable
from app.core.errors import ErrorCode

MAX_DEPTH = 15
MAX_ALIASES = 50
MAX_TOKENS = 5000
CACHED_DOCUMENTS = 1000

Query = merge_types(
    "Query", (NodeQueries, CatalogueQueries, DeploymentQueries, ApprovalQueries, TemplateQueries, AuditQueries)
)
Mutation = merge_types(
    "Mutation",
    (
        CatalogueMutations,
        DeploymentMutations,
        WorkflowMutations,
        TemplateMutations,
        TaskMutations,
        FreezeMutations,
        ApprovalMutations,
        AccessMutations,
    ),
)


class Names(NameConverter):
    """Names generic types as clients were promised: a page of log lines is a LogConnection."""

    def get_name_from_type(self, type_: StrawberryType | type) -> str:
        """Return the name that a type gives to the generic types made with it."""
        name = super().get_name_from_type(type_)
        return {"LogLine": "Log"}.get(name, name)


class PerOperation(SchemaExtension):
    """Gives each operation of a socket a context of its own, and asks again who it is: sockets outlive tokens."""

    async def on_operation(self) -> AsyncIterator[None]:
        """Change the context before anything is resolved."""
        known = self.execution_context.context
        if isinstance(known, Context) and known.socket:
            own = replace(known)
            await own.renew()
            self.execution_context.context = own
        yield


class Sensible(SchemaExtension):
    """Refuses operations that can not be meant, before anything is resolved.

    Variables that no database can hold, except of mutations, which name the field themselves; several operations of
    which none is named; a subscription where only a single answer can be given.
    """

    def on_execute(self) -> Iterator[None]:
        """Look at the operation."""
        message = self._fault()
        if message is not None:
            error = GraphQLError(message, extensions={"code": str(ErrorCode.INVALID)})
            self.execution_context.result = ExecutionResult(data=None, errors=[error])
        yield

    def _fault(self) -> str | None:
        asked = self.execution_context
        document = asked.graphql_document
        operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)] if document else []
        if len(operations) > 1 and not asked._provided_operation_name:
            return "The document has several operations: name one by operationName."
        if asked.operation_type is OperationType.SUBSCRIPTION and asked.context.plain:
            return "A subscription needs a stream: a WebSocket, or the header Accept: text/event-stream."
        if asked.operation_type is OperationType.MUTATION:
            return None
        problem = next(storable(asked.variables or {}), None)
        return f"A variable is no good: {problem.message}" if problem else None


def _lenient(rule: type[ASTValidationRule]) -> type[ASTValidationRule]:
    """Return a rule that leaves documents which name a fragment that is not there to the rule for that."""

    class Lenient(rule):  # type: ignore[misc, valid-type]
        def __init__(self, context: ValidationContext) -> None:
            try:
                super().__init__(context)
            except KeyError:
                ValidationRule.__init__(self, context)

    return Lenient


class Depth(QueryDepthLimiter):
    """Limits the depth of documents, by a rule that is the same for every operation, as that of Aliases."""

    RULES: ClassVar = [_lenient(rule) for rule in QueryDepthLimiter(max_depth=MAX_DEPTH).validation_rules]

    def __init__(self) -> None:
        self.validation_rules = self.RULES


class Aliases(MaxAliasesLimiter):
    """Limits aliases, by a rule that is the same for every operation: validation is remembered by its rules."""

    RULES: ClassVar = MaxAliasesLimiter(max_alias_count=MAX_ALIASES).validation_rules

    def __init__(self) -> None:
        self.validation_rules = self.RULES


def build() -> Schema:
    """Return the schema."""
    extensions: list[Any] = [
        TranslateErrors,
        PerOperation,
        Sensible,
        Depth,
        Aliases,
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
        Remember,
    ]
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*ERROR_TYPES, *EVENT_TYPES, User, ServiceAccount],
        extensions=extensions,
        config=StrawberryConfig(name_converter=Names(), scalar_map=SCALARS, disable_field_suggestions=True),
    )


schema = build()
