"""The context of an operation: the runtime, the caller, and the loaders of this operation."""

from dataclasses import dataclass, field
from typing import Any

import strawberry
from starlette.types import Scope

from app.api.authentication import TokenCache
from app.api.loaders import Loaders
from app.api.shared_loaders import SharedLoaders, open_loaders
from app.core.access import Principal
from app.core.errors import Forbidden, Refused
from app.services.access import authenticate
from app.services.runtime import Runtime

MAX_ADDRESS = 45
"""Characters of the longest IPv6 address."""


@dataclass(slots=True)
class Position:
    """How far a feed has come: the cursor behind the last result, None before the first one."""

    cursor: str | None = None


@dataclass(slots=True)
class Context:
    """The context of one operation.

    `secret` is the caller's token, kept so that feeds can check it again; `address` is where the call came from. A
    `shared` execution has neither: the access of its subscribers is checked one by one. A feed notes its `position`.
    `single_result` says that the client gets one result and no stream. `connection_params` is the payload of a socket's
    connection_init, and `counted_actor_id` the actor whose connection limit counts the socket.
    """

    runtime: Runtime
    principal: Principal | None
    secret: str | None = None
    address: str | None = None
    socket: bool = False
    single_result: bool = False
    shared: bool = False
    position: Position = field(default_factory=Position)
    connection_params: dict[str, Any] = field(default_factory=dict)
    counted_actor_id: str | None = None
    tokens: TokenCache | None = None
    shared_loaders: SharedLoaders = field(default_factory=open_loaders)
    _loaders: Loaders | None = None

    @property
    def loaders(self) -> Loaders:
        """The loaders, made at their first use: thousands of sockets that only follow feeds need none."""
        if self._loaders is None:
            self._loaders = Loaders(self.runtime, self.shared_loaders, lambda: self.viewer)
        return self._loaders

    @property
    def viewer(self) -> Principal:
        """The caller. Raises Refused when their token was revoked or has expired since the call."""
        if self.principal is None:
            raise Refused(Forbidden(message="Your token is no longer valid. Sign in with another one."))
        return self.principal

    def refresh(self) -> None:
        """Forget what was loaded, at the end of an operation and where the objects may have changed."""
        if self._loaders is not None:
            self._loaders.clear()
            self._loaders = None

    def invalidate(self) -> None:
        """Forget what was loaded and the cached tokens, after a mutation."""
        self.refresh()
        if self.tokens is not None:
            self.tokens.clear()

    async def reauthenticate(self) -> None:
        """Look the caller's access up again, and forget what was loaded."""
        if not self.shared:
            self.principal = await authenticate(self.runtime, self.secret) if self.secret else None
        self.refresh()


@dataclass(frozen=True, slots=True)
class ApiRuntime:
    """What an API process opens once: the runtime, the cached tokens and the shared loaders."""

    services: Runtime
    tokens: TokenCache
    loaders: SharedLoaders

    def context(
        self, principal: Principal | None, secret: str | None = None, address: str | None = None, **options: Any
    ) -> Context:
        """Return the context of an operation. `options` are further fields of it."""
        return Context(
            self.services, principal, secret, address, tokens=self.tokens, shared_loaders=self.loaders, **options
        )


Info = strawberry.Info[Context, None]


def address_of(scope: Scope) -> str | None:
    """Return a client's address. The server takes it from the proxies that it trusts."""
    client = scope.get("client")
    return str(client[0])[:MAX_ADDRESS] if client and client[0] else None
