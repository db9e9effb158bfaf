"""graphql-transport-ws as its reference implementation speaks it, where the library differs.

A message that breaks the protocol closes the socket with 4400 and says why; an operation that can not be run, be it for
its syntax, costs only itself.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from json import JSONDecodeError
from typing import Any, cast

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation as Running
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
from app.api.transport.raw_frames import allow, cut, forget_handshake
from app.api.transport.request_bodies import MAX_BODY, too_many_values
from app.api.transport.requests import BadRequestError, GraphQLRequest, NotPersistedError, check_text

logger = logging.getLogger(__name__)
SEND_SECONDS = 30.0
"""How long a message may wait to be taken before its client counts as gone."""
CLOSE_SECONDS = 5.0
GREETING_SECONDS = 10.0
"""How long a client may take to say who they are."""
MAX_GREETING = 8192
MAX_OPERATIONS = 100
FORBIDDEN = 4403
TOO_MANY = 4429
TOO_LONG = 1009
MAX_REASON = 123
"""Bytes of the reason that a close frame can hold."""
WITH_ID = ("subscribe", "complete")
RECEIVED = ("connection_init", "ping", "pong", *WITH_ID)


class RejectedError(Exception):
    """The client did not say who they are, or not rightly; the message says what to send."""


class SocketAdapter(ASGIWebSocketAdapter):
    """A socket whose closing always works, however long the reason, and which tells text from bytes."""

    limit = MAX_GREETING
    """Characters of a message. Who has not said who they are sends short ones."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Yield every message, and keep none. Raises NonTextMessageReceived, NonJsonMessageReceived."""
        with suppress(WebSocketDisconnect):
            while self.ws.application_state is not WebSocketState.DISCONNECTED:
                try:
                    text = await self.ws.receive_text()
                    if len(text) > self.limit:
                        await self.close(TOO_LONG, self._too_long())
                        return
                    yield self.view.decode_json(text)
                except JSONDecodeError as error:
                    if not ignore_parsing_errors:
                        raise NonJsonMessageReceived from error
                except (KeyError, TypeError) as error:
                    raise NonTextMessageReceived from error

    def _too_long(self) -> str:
        if self.limit == MAX_GREETING:
            return f"A message has at most {MAX_GREETING} bytes until the connection is initialised"
        return f"A message has at most {self.limit} bytes: send what is larger over HTTP"

    def trust(self) -> None:
        """Take larger messages: its client has said who they are."""
        self.limit = MAX_BODY
        allow(self.ws.scope, 2 * MAX_BODY)

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message. Raises WebSocketDisconnected."""
        async with self._within(SEND_SECONDS):
            await super().send_json(message)

    async def send_text(self, text: str) -> None:
        """Send a message that is encoded already. Raises WebSocketDisconnected."""
        async with self._within(SEND_SECONDS):
            await self.ws.send_text(text)

    async def close(self, code: int, reason: str) -> None:
        """Close the socket. Who does not even take that is cut off."""
        text = reason.encode()[:MAX_REASON].decode(errors="ignore")
        with suppress(WebSocketDisconnected):
            async with self._within(CLOSE_SECONDS):
                await super().close(code, text)

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            cut(self.ws.scope)
            logger.info("a client took nothing for %g s, its socket is cut off", seconds)
            raise WebSocketDisconnected from None
        except WebSocketDisconnect as gone:
            raise WebSocketDisconnected from gone


class Socket(BaseGraphQLTransportWSHandler[Context, None]):
    """One connection. Who runs operations asks first whether it `refuses` them."""

    said: frozenset[str] = frozenset()
    """The kinds of messages that came before the connection was initialised."""

    async def handle_message(self, message: Message) -> None:
        """Handle a message, or close the socket when it is none of the protocol. It is emptied: none is kept."""
        fault = fault_of(message)
        if fault is not None:
            await self.handle_invalid_message(fault)
            return
        kind = message["type"]
        if not self.connection_acknowledged and kind != "connection_init":
            if kind in self.said:
                await self.websocket.close(TOO_MANY, f"One {kind} at the most until the connection is initialised")
                return
            self.said |= {kind}
        given = cast("dict[str, Any]", message)
        await super().handle_message(cast("Message", _without_nulls(given)))
        given.clear()

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Acknowledge the connection, or close it when its actor has too many. What it began with is not kept."""
        try:
            await super().handle_connection_init(message)
        except TooManyConnectionsError as error:
            await self.websocket.close(TOO_MANY, str(error))
        except RejectedError as error:
            await self.websocket.close(FORBIDDEN, str(error))
        if self.connection_acknowledged:
            self.greeted()
        self.connection_init_timeout_task = None
        self.context.connection_params = {}
        forget_handshake(cast("SocketAdapter", self.websocket).ws.scope)

    def greeted(self) -> None:
        """Take note that the client has said who they are."""
        self.said = frozenset()
        cast("SocketAdapter", self.websocket).trust()

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin an operation, or close the socket when it carries too many."""
        if len(self.operations) >= MAX_OPERATIONS and message["id"] not in self.operations:
            await self.websocket.close(TOO_MANY, f"A socket carries at most {MAX_OPERATIONS} operations at a time")
            return
        fault = _fault_of_text(message["payload"])
        if fault is not None and self.connection_acknowledged and message["id"] not in self.operations:
            await self.send_message({"id": message["id"], "type": "error", "payload": [fault.formatted]})
            return
        await super().handle_subscribe(message)

    async def handle_ping(self, message: PingMessage) -> None:
        """Answer with what came along, once it is known from whom."""
        payload = message.get("payload") if self.connection_acknowledged else None
        await self.send_message({"type": "pong", "payload": payload} if payload else {"type": "pong"})

    async def refuses(self, operation: Running[Context, None]) -> bool:
        """Whether an operation was ended with an `error`, as its document holds nothing to run, or it is too large."""
        operation.operation_name = operation.operation_name or None
        document = await schema.documents.load(operation.query)
        fault = GraphQLRequest(operation.query, name=operation.operation_name).fault()
        excess = too_many_values(schema._schema, document, operation.operation_name, operation.variables)
        if excess is not None:
            fault = GraphQLError(excess, extensions={"code": TOO_LARGE})
        if fault is not None:
            await operation.send_initial_errors([fault])
        return fault is not None

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """Never close the socket for the sake of one operation: it is told by an `error` of its own."""
        return None


def fault_of(message: object) -> str | None:
    """Return what is wrong with the form of a message from a client, None when nothing is."""
    if not isinstance(message, dict):
        return "A message is a JSON object"
    kind = message.get("type")
    if kind not in RECEIVED:
        return f"A message of the type {str(kind)[:40]!r} is not expected"
    if kind in WITH_ID and not (isinstance(message.get("id"), str) and message["id"]):
        return f"The “id” of {kind} is a string that is not empty"
    payload = message.get("payload")
    if kind == "subscribe":
        return _fault_of_operation(payload)
    return None if kind in WITH_ID or isinstance(payload, dict | None) else f"The “payload” of {kind} is an object"


def _fault_of_operation(payload: object) -> str | None:
    if not isinstance(payload, dict):
        return "The “payload” of subscribe is an object"
    if not isinstance(payload.get("query"), str) and _fault_of_text(payload) is None:
        return "The “query” of subscribe is a string"
    if not isinstance(payload.get("operationName"), str | None):
        return "The “operationName” of subscribe is a string, or null"
    wrong = next((name for name in ("variables", "extensions") if not isinstance(payload.get(name), dict | None)), None)
    return f"The “{wrong}” of subscribe are an object, or null" if wrong else None


def _fault_of_text(payload: Mapping[str, Any]) -> GraphQLError | None:
    """Return what is told to those who name a document otherwise than by its text, None to others."""
    try:
        if payload.get("query") is None:
            check_text(payload)
    except (NotPersistedError, BadRequestError) as error:
        return GraphQLError(str(error), extensions={"code": str(error.code)})
    return None


def _without_nulls(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if value is not None}
