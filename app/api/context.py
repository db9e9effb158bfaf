"""What every resolver may use: the ports, who asks, and the loaders of this request."""

from dataclasses import dataclass, field
from typing import Any

import strawberry

from app.api.loaders import Loaders
from app.core.access import Principal
from app.services.runtime import Runtime


@dataclass(slots=True)
class Context:
    """The context of one request, or of one socket. `connection_params` is what a socket sent to begin with."""

    runtime: Runtime
    principal: Principal | None
    loaders: Loaders
    caching: bool
    connection_params: dict[str, Any] = field(default_factory=dict)

    @property
    def viewer(self) -> Principal:
        """Who asks. Requests without a valid token never come this far."""
        if self.principal is None:
            raise PermissionError("a request without a principal reached a resolver")
        return self.principal

    def refresh(self) -> None:
        """Forget what was loaded: something was changed."""
        self.loaders = Loaders(self.runtime, lambda: self.viewer, caching=self.caching)


Info = strawberry.Info[Context, None]


def context(runtime: Runtime, principal: Principal | None, *, caching: bool) -> Context:
    """Return a context. `caching` is False on sockets, which live long enough for what was loaded to grow old."""
    made = Context(runtime, principal, Loaders(runtime, lambda: made.viewer, caching=caching), caching)
    return made
