"""The results of an operation over HTTP, one after another, encoded."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from strawberry.types.graphql import OperationType as AllowedTypes

from app.api.context import Context
from app.api.encoding import encode_body, error_body, result_body
from app.api.feeds.errors import AccessLostError, NotSharedError
from app.api.feeds.hub import FeedHub
from app.api.feeds.shared_operation import shared_operation
from app.api.schema import schema
from app.api.transport.connection_limits import ConnectionLimits
from app.api.transport.requests import GraphQLRequest
from app.core.errors import ErrorCode
from app.core.roles import Role


async def results(
    operation: GraphQLRequest, context: Context, hub: FeedHub, method: Any
) -> AsyncGenerator[bytes, None]:
    """Yield every result of an operation; a subscription shares its execution with others where it can.

    `app.api.feeds.errors` says what becomes of each error. FeedBrokenError is let through, to break the stream off.
    """
    error = operation.error()
    if error is not None:
        yield encode_body({"errors": [error.formatted]})
        return
    shared = shared_operation(operation.text, operation.variables, operation.name)
    if shared is not None and context.secret is not None and context.viewer.allows_somewhere(Role.VIEWER):
        try:
            async with aclosing(hub.read(*shared, context.viewer, context.secret)) as payloads:
                async for payload in payloads:
                    yield payload
            return
        except NotSharedError as refused:
            operation = GraphQLRequest(refused.text, refused.variables, operation.name)
        except AccessLostError as lost:
            yield encode_body({"data": None} | error_body(str(lost), ErrorCode.FORBIDDEN))
            return
    own_results = await schema.stream(
        operation.text,
        variable_values=operation.variables,
        context_value=context,
        operation_name=operation.name,
        operation_extensions=operation.extensions,
        allowed_operation_types=AllowedTypes.from_http(method),
    )
    async with aclosing(own_results):
        async for result in own_results:
            yield encode_body(result_body(result))


async def counted(
    limits: ConnectionLimits, actor_id: str, payloads: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """Yield the payloads, and count as a live connection until their end."""
    with limits.counted(actor_id):
        async with aclosing(payloads):
            async for payload in payloads:
                yield payload
