"""What every resolver may use: the ports, who asks, and the loaders of this request."""

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
    """How far a feed has come: the cursor behind what was given last, None before anything was."""

    cursor: str | None = None


@dataclass(slots=True)
class Context:
    """The context of one operation. `connection_params` is what a socket sent to begin with.

    `single_result` tells that the answer is a single one. `secret` is the token that was brought: long-lived operations
    check it again. `address` is where the call came from. A `shared` execution has neither: its readers' access is
    checked one by one. A feed notes its `position` there. `seat` is the actor for whom a socket is counted.
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
    seat: str | None = None
    tokens: TokenCache | None = None
    shared_loaders: SharedLoaders = field(default_factory=open_loaders)
    _loaders: Loaders | None = None

    @property
    def loaders(self) -> Loaders:
        """The loaders, made when they are first asked for: thousands of sockets that only follow feeds need none."""
        if self._loaders is None:
            self._loaders = Loaders(self.runtime, self.shared_loaders, lambda: self.viewer)
        return self._loaders

    @property
    def viewer(self) -> Principal:
        """Who asks. Raises Refused when the token has ceased to be valid since it was brought."""
        if self.principal is None:
            raise Refused(Forbidden(message="Your token is not valid any more. Sign in with another one."))
        return self.principal

    def refresh(self) -> None:
        """Forget what was loaded: something was changed, time has passed, or the operation has ended."""
        if self._loaders is not None:
            self._loaders.clear()
            self._loaders = None

    def invalidate(self) -> None:
        """Forget what was loaded and who comes with which token: a mutation was carried out."""
        self.refresh()
        if self.tokens is not None:
            self.tokens.forget()

    async def reauthenticate(self) -> None:
        """Find out again who asks, and forget what was loaded."""
        if not self.shared:
            self.principal = await authenticate(self.runtime, self.secret) if self.secret else None
        self.refresh()


Info = strawberry.Info[Context, None]


def context(
    runtime: Runtime,
    principal: Principal | None,
    secret: str | None,
    *,
    address: str | None = None,
    socket: bool = False,
    tokens: TokenCache | None = None,
    shared_loaders: SharedLoaders | None = None,
) -> Context:
    """Return a context. `tokens` and `shared_loaders` are those of the process."""
    loaders = shared_loaders or open_loaders()
    return Context(runtime, principal, secret, address, socket, tokens=tokens, shared_loaders=loaders)


def address_of(scope: Scope) -> str | None:
    """Return where a request or socket came from; a server that trusts a proxy has put the proxy's word there."""
    client = scope.get("client")
    return str(client[0])[:MAX_ADDRESS] if client and client[0] else None


def shared_context(
    runtime: Runtime, shared_loaders: SharedLoaders, principal: Principal, position: Position
) -> Context:
    """Return the context of an execution for all who have the access of a principal."""
    shared = context(runtime, principal, None, shared_loaders=shared_loaders)
    shared.shared, shared.position = True, position
    return shared
