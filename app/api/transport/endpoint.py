"""The GraphQL endpoint: requests over HTTP, and sockets with graphql-transport-ws."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET, UnsetType

from app.api.context import ApiRuntime, Context, address_of
from app.api.encoding import encode_body
from app.api.feeds.hub import FeedHub
from app.api.schema import schema
from app.api.transport.authentication_middleware import bearer_token
from app.api.transport.connection_limits import ConnectionLimits
from app.api.transport.request_bodies import decode_json
from app.api.transport.responses import Responder
from app.api.transport.unauthenticated_sockets import UnauthenticatedSockets
from app.api.transport.websocket import UnauthenticatedError
from app.api.transport.websocket_adapter import SocketAdapter
from app.api.transport.websocket_connection import LimitedSocket
from app.core.access import Principal

INIT_SECONDS = 10.0
"""How long a client may take to send connection_init."""
MISSING_CREDENTIALS = "Forbidden: send Authorization: Bearer TOKEN in the payload of connection_init"
INVALID_CREDENTIALS = (
    "Forbidden: the token is not valid. Send Authorization: Bearer TOKEN in the payload of connection_init"
)


class Endpoint(GraphQL[Context, None]):
    """GraphQL over HTTP and graphql-transport-ws."""

    graphql_transport_ws_handler_class = LimitedSocket
    websocket_adapter_class = SocketAdapter

    def __init__(
        self,
        api: ApiRuntime,
        max_connections_per_actor: int,
        origins: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            max_subscriptions_per_connection=None,
            allowed_origins=sorted(origins),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
        )
        self._api = api
        self.limits = ConnectionLimits(max_connections_per_actor)
        self.unauthenticated = UnauthenticatedSockets()
        self.hub = FeedHub(schema, api)
        self._responder = Responder(api, self.hub, self.limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a socket."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        response = await self._responder.respond(Request(scope, receive))
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Return the context of a socket. Without a token in the handshake its principal is None yet."""
        principal: Principal | None = request.scope.get("principal")
        secret, address = request.scope.get("secret"), address_of(request.scope)
        return self._api.context(principal, secret, address, socket=True)

    def decode_json(self, data: str | bytes) -> object:
        """Return the value of a message. Raises JSONDecodeError, also for JSON that is nested too deeply."""
        return decode_json(data)

    def encode_json(self, data: object) -> str:
        """Return a message as JSON, with the bytes that results have on every transport."""
        return encode_body(data).decode()

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Authenticate by the token of connection_init, or else by that of the handshake.

        Raises UnauthenticatedError, TooManyConnectionsError.
        """
        parameters = context.connection_params
        headers = parameters.get("headers")
        secret = bearer_token(parameters) or (bearer_token(headers) if isinstance(headers, dict) else None)
        if secret is not None:
            context.secret = secret
            context.principal = await self.hub.principal(secret)
        if context.principal is None:
            raise UnauthenticatedError(INVALID_CREDENTIALS if context.secret is not None else MISSING_CREDENTIALS)
        self.limits.acquire(context.principal.actor.id)
        context.counted_actor_id = context.principal.actor.id
        accepted: UnsetType = UNSET
        return accepted
