"""graphql-transport-ws as its reference implementation speaks it, where the library differs.

A message that violates the protocol closes the socket with 4400 and a reason. An operation that cannot be executed,
even for its syntax, ends only itself.
"""

from typing import Any, cast

from graphql import GraphQLError
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    PingMessage,
    SubscribeMessage,
)

from app.api.context import Context
from app.api.documents.costs import TOO_LARGE
from app.api.schema import schema
from app.api.transport.connection_limits import TooManyConnectionsError
from app.api.transport.raw_frames import forget_handshake
from app.api.transport.request_bodies import excess_of_variables
from app.api.transport.requests import GraphQLRequest
from app.api.transport.websocket_adapter import CloseCode, SocketAdapter
from app.api.transport.websocket_messages import message_error, missing_text_error, without_nulls

MAX_OPERATIONS = 100


class UnauthenticatedError(Exception):
    """The client sent no valid token; the message says what to send."""


class Socket(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection. Subclasses that execute operations call `refuse_invalid` first."""

    early_types: frozenset[str] = frozenset()
    """Types of the messages that came before the client was authenticated."""

    async def handle_message(self, message: Message) -> None:
        """Handle a message, or close the socket for an invalid one. The message is emptied to free it."""
        error = message_error(message)
        if error is not None:
            await self.handle_invalid_message(error)
            return
        type_ = message["type"]
        if not self.connection_acknowledged and type_ != "connection_init":
            if type_ in self.early_types:
                reason = f"More than one {type_} before connection_ack. Send connection_init first"
                await self.websocket.close(CloseCode.TOO_MANY, reason)
                return
            self.early_types |= {type_}
        fields = cast("dict[str, Any]", message)
        await super().handle_message(cast("Message", without_nulls(fields)))
        fields.clear()

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge the connection, or close it for an invalid token or too many connections."""
        try:
            await super().handle_connection_init(message)
        except TooManyConnectionsError as error:
            await self.websocket.close(CloseCode.TOO_MANY, str(error))
        except UnauthenticatedError as error:
            await self.websocket.close(CloseCode.FORBIDDEN, str(error))
        if self.connection_acknowledged:
            self.on_authenticated()
        self.connection_init_timeout_task = None
        self.context.connection_params = {}
        forget_handshake(cast("SocketAdapter", self.websocket).ws.scope)

    def on_authenticated(self) -> None:
        """Lift the limits of unauthenticated clients."""
        self.early_types = frozenset()
        cast("SocketAdapter", self.websocket).allow_long_messages()

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin an operation, or close the socket when it has too many operations."""
        if len(self.operations) >= MAX_OPERATIONS and message["id"] not in self.operations:
            reason = f"A socket carries at most {MAX_OPERATIONS} operations at a time. Open another one"
            await self.websocket.close(CloseCode.TOO_MANY, reason)
            return
        error = missing_text_error(message["payload"])
        if error is not None and self.connection_acknowledged and message["id"] not in self.operations:
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
            return
        await super().handle_subscribe(message)

    async def handle_ping(self, message: PingMessage) -> None:
        """Answer a ping, with its payload once the client is authenticated."""
        payload = message.get("payload") if self.connection_acknowledged else None
        await self.send_message({"type": "pong", "payload": payload} if payload else {"type": "pong"})

    async def refuse_invalid(self, operation: Operation[Context, None]) -> bool:
        """Send an `error` for an invalid operation or too large variables. Return whether one was sent."""
        operation.operation_name = operation.operation_name or None
        document = await schema.documents.load(operation.query)
        error = GraphQLRequest(operation.query, name=operation.operation_name).error()
        excess = excess_of_variables(schema._schema, document, operation.operation_name, operation.variables)
        if excess is not None:
            error = GraphQLError(excess, extensions={"code": TOO_LARGE})
        if error is not None:
            await operation.send_initial_errors([error])
        return error is not None

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """Return None, so that an operation's error never closes the socket: it is sent as an `error` message."""
        return None
