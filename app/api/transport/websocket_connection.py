"""Sockets within the limits of a process: authenticated in time, and counted for their actor."""

from collections.abc import Coroutine
from typing import Any, Protocol, cast

from app.api.context import address_of
from app.api.transport.connection_limits import ConnectionLimits
from app.api.transport.raw_frames import close_transport, has_unread_messages
from app.api.transport.unauthenticated_sockets import UnauthenticatedSockets
from app.api.transport.websocket_adapter import CloseCode
from app.api.transport.websocket_feeds import FeedEndpoint, FeedSocket

TOO_MANY_UNAUTHENTICATED = "Too many connections wait for connection_init. Connect again later"


class LimitingEndpoint(FeedEndpoint, Protocol):
    """The endpoint whose sockets are limited."""

    limits: ConnectionLimits
    unauthenticated: UnauthenticatedSockets


class LimitedSocket(FeedSocket):
    """A socket that counts as unauthenticated first, and then for its actor until it ends."""

    @property
    def endpoint(self) -> LimitingEndpoint:
        """The endpoint that the socket belongs to."""
        return cast("LimitingEndpoint", self.view)

    def handle(self) -> Coroutine[Any, Any, None]:
        """Serve the socket, unless too many clients are not authenticated.

        Sockets live long, so this is a plain function that leaves no frame on the stack. `shutdown` always comes last.
        """
        if self.endpoint.unauthenticated.add(address_of(self.websocket.ws.scope), self):
            return super().handle()
        return self.websocket.close(CloseCode.TRY_AGAIN, TOO_MANY_UNAUTHENTICATED)

    @property
    def silent(self) -> bool:
        """Whether the client has sent nothing."""
        has_sent = self.connection_init_received or self.early_types or has_unread_messages(self.websocket.ws.scope)
        return not has_sent

    async def evict(self) -> None:
        """Close the socket, to make room for others."""
        await self.websocket.close(CloseCode.NOT_INITIALISED, TOO_MANY_UNAUTHENTICATED)
        close_transport(self.websocket.ws.scope)

    def on_authenticated(self) -> None:
        """Lift the limits of unauthenticated clients."""
        super().on_authenticated()
        self.endpoint.unauthenticated.remove(self)

    async def shutdown(self) -> None:
        """End every operation, and stop counting the socket."""
        try:
            await super().shutdown()
        finally:
            self.endpoint.unauthenticated.remove(self)
            if self.context.counted_actor_id is not None:
                self.endpoint.limits.release(self.context.counted_actor_id)
