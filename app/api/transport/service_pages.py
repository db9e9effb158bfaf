"""Plain pages of the process: what it is, whether it lives, and whether it can serve."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app import __version__
from app.services.health import is_ready


async def index(_: Request) -> Response:
    """Say what this server is, and where its API is."""
    return PlainTextResponse(
        f"Boreas {__version__}: a continuous-deployment control plane.\n\n"
        "  /graphql   the API: GraphQL over HTTP; subscriptions over WebSocket (graphql-transport-ws), server-sent\n"
        "             events (distinct connections), or multipart; in a browser GraphiQL, to try it\n"
        "  /healthz   whether this process is alive\n"
        "  /readyz    whether this process can serve requests: its database answers\n\n"
        "From a terminal: boreas deploy --help, boreas watch --help, boreas logs --help\n"
    )


async def healthz(_: Request) -> Response:
    """Say that the process is alive."""
    return PlainTextResponse("ok\n")


async def readyz(_: Request) -> Response:
    """Say whether the database answers."""
    if await is_ready():
        return PlainTextResponse("ready\n")
    return PlainTextResponse("the database does not answer\n", 503)
