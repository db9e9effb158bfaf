"""Sockets whose subscriptions share their execution with others that watch the same."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocketDisconnect
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation

from app.api.context import Context
from app.api.live import AccessLostError, FeedBrokenError, NotSharedError
from app.api.shareable import shareable
from app.core.errors import Role

if TYPE_CHECKING:
    from app.api.http import Endpoint

FORBIDDEN = 4403
TRY_AGAIN = 1012


class LiveSocket(BaseGraphQLTransportWSHandler[Context, None]):
    """graphql-transport-ws, with shared subscriptions; everything else goes the ordinary way."""

    view: "Endpoint"

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Run an operation to its end. One that can not be shared, or not even begin, goes the ordinary way."""
        found = shareable(operation.query, operation.variables, operation.operation_name)
        secret = self.context.secret
        if found is not None and secret is not None:
            try:
                principal = await self.view.live.principal(secret)
                if principal is not None and principal.allows_somewhere(Role.VIEWER):
                    await self._follow(operation, self.view.live.read(found[0], principal, secret, found[1]))
                    return
            except NotSharedError as refused:
                operation.query, operation.variables = found[0].text, found[0].given(refused.position)
            except AccessLostError:
                await self.websocket.close(code=FORBIDDEN, reason="Forbidden")
                return
            except FeedBrokenError:
                await self.websocket.close(code=TRY_AGAIN, reason="Try again")
                return
            except WebSocketDisconnect:
                return
        await super().run_operation(operation)

    async def _follow(self, operation: Operation[Context, None], payloads: AsyncGenerator[str, None]) -> None:
        head = f'{{"id":{json.dumps(operation.id)},"type":"next","payload":'
        send: Any = self.websocket.ws.send_text  # type: ignore[attr-defined]
        async with aclosing(payloads):
            async for payload in payloads:
                await send(f"{head}{payload}}}")
        await operation.send_operation_message({"id": operation.id, "type": "complete"})
