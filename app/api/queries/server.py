"""The root field that reads the version and time of the server."""

import strawberry

from app import __version__
from app.api.context import Info
from app.api.permissions import Guard
from app.api.types.server import Server


@strawberry.type
class ServerQueries:
    @strawberry.field(
        description="The version and the time of the server. For everybody with a valid token.",
        extensions=[Guard(None)],
    )
    def server(self, info: Info) -> Server:
        return Server(now=info.context.runtime.clock.now(), version=__version__)
