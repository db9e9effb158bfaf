"""The schema: root types put together from a class per noun, and what is done to every operation."""

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, ParserCache, QueryDepthLimiter, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.tools import merge_types
from strawberry.types import ExecutionContext
from strawberry.types.base import StrawberryType

from app.api.errors import ERROR_TYPES, TranslateErrors
from app.api.mutations.access import AccessMutations
from app.api.mutations.catalogue import CatalogueMutations
from app.api.mutations.deployments import DeploymentMutations
from app.api.queries.catalogue import CatalogueQueries
from app.api.queries.deployments import DeploymentQueries
from app.api.queries.nodes import NodeQueries
from app.api.scalars import SCALARS
from app.api.subscriptions.feeds import Subscription
from app.api.types.access import ServiceAccount, User
from app.api.types.feed import EVENT_TYPES

MAX_DEPTH = 15
MAX_ALIASES = 50
MAX_TOKENS = 5000
CACHED_DOCUMENTS = 1000

Query = merge_types("Query", (NodeQueries, CatalogueQueries, DeploymentQueries))
Mutation = merge_types("Mutation", (CatalogueMutations, DeploymentMutations, AccessMutations))


class Names(NameConverter):
    """Names generic types as clients were promised: a page of log lines is a LogConnection."""

    def get_name_from_type(self, type_: StrawberryType | type) -> str:
        """Return the name that a type gives to the generic types made with it."""
        name = super().get_name_from_type(type_)
        return {"LogLine": "Log"}.get(name, name)


class Schema(strawberry.Schema):
    """A schema that logs nothing by itself: errors are translated and logged where results leave."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Leave logging to the translation, which knows what is unexpected."""


def build() -> Schema:
    """Return the schema."""
    extensions: list[Any] = [
        TranslateErrors,
        lambda: QueryDepthLimiter(max_depth=MAX_DEPTH),
        lambda: MaxAliasesLimiter(max_alias_count=MAX_ALIASES),
        lambda: MaxTokensLimiter(max_token_count=MAX_TOKENS),
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
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
