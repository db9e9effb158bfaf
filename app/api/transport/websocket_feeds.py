"""Sockets whose subscriptions share their execution with others that watch the same."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from traceback import clear_frames
from typing import TYPE_CHECKING

from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation

from app.api.context import Context
from app.api.feeds.hub import AccessLostError, FeedBrokenError, NotSharedError
from app.api.feeds.shared_operation import SharedOperation, shared_operation
from app.api.feeds.subscriber import Sink
from app.api.transport.raw_frames import raw_frames_of
from app.api.transport.websocket import FORBIDDEN, Socket, SocketAdapter
from app.core.access import Principal
from app.core.roles import Role

if TYPE_CHECKING:
    from app.api.transport.endpoint import Endpoint

TRY_AGAIN = 1012


def _let_go(cancelled: asyncio.CancelledError) -> None:
    """Let go of what was under way: a task that was cancelled keeps why, and with it the frames that it ended."""
    clear_frames(cancelled.__traceback__)


class FeedSocket(Socket):
    """graphql-transport-ws, with shared subscriptions; everything else goes the ordinary way."""

    view: "Endpoint"
    websocket: SocketAdapter

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Run an operation to its end. One that can not be shared, or not even begin, goes the ordinary way."""
        if await self.refuses(operation):
            return
        found = shared_operation(operation.query, operation.variables, operation.operation_name)
        secret = self.context.secret
        if found is not None and secret is not None:
            try:
                principal = await self.view.live.principal(secret)
                if principal is not None and principal.allows_somewhere(Role.VIEWER):
                    operation.query, operation.variables = found[0].text, None
                    await self._follow(operation, principal, secret, *found)
                    return
            except NotSharedError as refused:
                operation.query, operation.variables = found[0].text, found[0].given(refused.position)
            except AccessLostError:
                await self.websocket.close(code=FORBIDDEN, reason="Forbidden: the token is not valid any more")
                return
            except FeedBrokenError:
                await self.websocket.close(code=TRY_AGAIN, reason="Try again")
                return
            except WebSocketDisconnected:
                return
            except asyncio.CancelledError as cancelled:
                _let_go(cancelled)
                raise
        try:
            await super().run_operation(operation)
        except asyncio.CancelledError as cancelled:
            _let_go(cancelled)
            raise

    async def _follow(
        self,
        operation: Operation[Context, None],
        principal: Principal,
        secret: str,
        wanted: SharedOperation,
        position: str | None,
    ) -> None:
        head = f'{{"id":{json.dumps(operation.id)},"type":"next","payload":'.encode()
        push = self._push(head)
        payloads: AsyncGenerator[bytes, None] = self.view.live.read(wanted, principal, secret, position, push)
        async with aclosing(payloads):
            async for payload in payloads:
                await self.websocket.send_text((head + payload + b"}").decode())
        await operation.send_operation_message({"id": operation.id, "type": "complete"})

    def _push(self, head: bytes) -> Sink | None:
        """Return what delivers a part at once, where the socket has a wire. Once it was cancelled it delivers none."""
        wire = raw_frames_of(self.websocket.ws.scope)
        task = asyncio.current_task()
        return None if wire is None or task is None else wire.sender(head, task.cancelling)
