"""Sockets whose subscriptions share their execution with others that follow the same feed."""

import asyncio
from contextlib import aclosing
from traceback import clear_frames
from typing import Protocol, cast

from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation

from app.api.context import Context
from app.api.encoding import encode_body
from app.api.feeds.errors import AccessLostError, FeedBrokenError, NotSharedError
from app.api.feeds.hub import FeedHub
from app.api.feeds.shared_operation import shared_operation
from app.api.feeds.subscriber import Sink
from app.api.transport.raw_frames import raw_frames_of
from app.api.transport.websocket import Socket
from app.api.transport.websocket_adapter import CloseCode, SocketAdapter
from app.core.roles import Role


class FeedEndpoint(Protocol):
    """The endpoint that a socket belongs to."""

    hub: FeedHub


class FeedSocket(Socket):
    """graphql-transport-ws with shared subscriptions. Other operations are executed by the library."""

    websocket: SocketAdapter

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Run an operation to its end."""
        try:
            if not await self.refuse_invalid(operation) and not await self._run_shared(operation):
                await super().run_operation(operation)
        except asyncio.CancelledError as cancelled:
            # A cancelled task keeps its exception, and with it the frames that it ended.
            clear_frames(cancelled.__traceback__)
            raise

    async def _run_shared(self, operation: Operation[Context, None]) -> bool:
        """Follow a shared feed to its end.

        Return False if the operation must be executed for this socket alone.

        `app.api.feeds.errors` says what becomes of each error.
        """
        shared = shared_operation(operation.query, operation.variables, operation.operation_name)
        secret = self.context.secret
        if shared is None or secret is None:
            return False
        hub = cast("FeedEndpoint", self.view).hub
        principal = await hub.principal(secret)
        if principal is None or not principal.allows_somewhere(Role.VIEWER):
            return False
        operation.query, operation.variables = shared[0].text, None
        prefix = b'{"id":' + encode_body(operation.id) + b',"type":"next","payload":'
        try:
            async with aclosing(hub.read(*shared, principal, secret, self._sink(prefix))) as payloads:
                async for payload in payloads:
                    await self.websocket.send_text((prefix + payload + b"}").decode())
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except NotSharedError as refused:
            operation.query, operation.variables = refused.text, refused.variables
            return False
        except AccessLostError as lost:
            await self.websocket.close(CloseCode.FORBIDDEN, f"Forbidden: {lost}")
        except FeedBrokenError:
            await self.websocket.close(CloseCode.TRY_AGAIN, "The feed failed. Connect again")
        except WebSocketDisconnected:
            pass
        return True

    def _sink(self, prefix: bytes) -> Sink | None:
        """Return what writes a message past ASGI until the task is cancelled, None without raw frames."""
        raw_frames = raw_frames_of(self.websocket.ws.scope)
        task = asyncio.current_task()
        return None if raw_frames is None or task is None else raw_frames.sender(prefix, task.cancelling)
