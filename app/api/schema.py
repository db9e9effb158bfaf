"""The schema: root types merged from a class per noun, and the extensions of every operation."""

from typing import Any

from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.tools import merge_types
from strawberry.types.base import StrawberryType

from app.api.descriptions import describe
from app.api.errors import ERROR_TYPES
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
from app.api.operation_checks import CheckOperation, ContextPerOperation
from app.api.queries.applications import ApplicationQueries
from app.api.queries.approvals import ApprovalQueries
from app.api.queries.audit import AuditQueries
from app.api.queries.deployments import DeploymentQueries
from app.api.queries.environments import EnvironmentQueries
from app.api.queries.nodes import NodeQueries
from app.api.queries.server import ServerQueries
from app.api.queries.templates import TemplateQueries
from app.api.queries.versions import VersionQueries
from app.api.scalars import SCALARS
from app.api.schema_class import PrepareQueries, Schema, UseCachedDocument
from app.api.subscriptions.approvals import ApprovalSubscriptions
from app.api.subscriptions.deployments import DeploymentSubscriptions
from app.api.subscriptions.events import EventSubscriptions
from app.api.subscriptions.logs import LogSubscriptions
from app.api.types.access import ServiceAccount, User
from app.api.types.events import EVENT_TYPES

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
Subscription = merge_types(
    "Subscription", (EventSubscriptions, LogSubscriptions, DeploymentSubscriptions, ApprovalSubscriptions)
)


class TypeNames(NameConverter):
    """Names generic types. A page of LogLine objects is a LogConnection, as clients were promised."""

    def get_name_from_type(self, type_: StrawberryType | type) -> str:
        """Return the part of a generic type's name that stands for its argument."""
        name = super().get_name_from_type(type_)
        return {"LogLine": "Log"}.get(name, name)


def build() -> Schema:
    """Return the schema."""
    extensions: list[Any] = [ContextPerOperation, UseCachedDocument, CheckOperation, PrepareQueries]
    built = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*ERROR_TYPES, *EVENT_TYPES, User, ServiceAccount],
        extensions=extensions,
        config=StrawberryConfig(name_converter=TypeNames(), scalar_map=SCALARS, disable_field_suggestions=True),
    )
    describe(built._schema)
    return built


schema = build()
