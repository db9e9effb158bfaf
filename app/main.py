"""The API process: Starlette around the GraphQL endpoint, served by uvicorn."""

import asyncio
import gc
import resource
import signal
import time
from contextlib import suppress
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.authentication import TokenCache
from app.api.context import ApiRuntime
from app.api.execution.shortcuts import EXECUTORS, Shortcuts
from app.api.schema import schema
from app.api.shared_loaders import open_loaders
from app.api.transport.authentication_middleware import AuthenticationMiddleware
from app.api.transport.endpoint import Endpoint
from app.api.transport.origins import OriginMiddleware
from app.api.transport.raw_frames import RawFramesMiddleware
from app.api.transport.request_bodies import MAX_BODY
from app.api.transport.server_connection import MAX_CONNECTIONS, SAFE_HEADERS, Connection
from app.api.transport.service_pages import healthz, index, readyz
from app.api.transport.static_pages import PageMiddleware, asset
from app.services.runtime import Runtime
from app.settings import ServeSettings, SettingError, Settings
from app.wiring import open_runtime, warn_if_audit_log_is_writable

GRAPHQL_PATHS = frozenset({"/graphql", "/graphql/"})
PING_SECONDS = 15.0
"""How often a socket is pinged, and how long its answer may take: dead sockets close within 30 s."""
SHUTDOWN_SECONDS = 5
COLLECT_SECONDS = 60.0
"""How often reference cycles are collected, in a quiet moment."""
MAX_COLLECT_SECONDS = 600.0
"""How often they are collected where there is no quiet moment."""
QUIET_SECONDS = 1.0
QUIET_SHARE = 0.1
"""The share of one processor that the process uses at most in a quiet moment."""


class Application(Starlette):
    """The ASGI application. Requests for GraphQL bypass Starlette's routing.

    Routing takes a tenth of the time of a fast query, and would keep its frames for as long as a socket lives.
    """

    graphql: ASGIApp
    sockets: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a socket."""
        if scope["type"] == "lifespan" or scope["path"] not in GRAPHQL_PATHS:
            await super().__call__(scope, receive, send)
        else:
            await (self.graphql if scope["type"] == "http" else self.sockets)(scope, receive, send)


def application(runtime: Runtime, settings: ServeSettings | None = None) -> Starlette:
    """Return the ASGI application over a runtime. Await its `state.close` before you close the runtime."""
    settings = settings or ServeSettings()
    tokens = TokenCache(runtime)
    shortcuts = _shortcuts(settings)
    schema.use(shortcuts)
    api = ApiRuntime(runtime, tokens, open_loaders(shortcuts))
    endpoint = Endpoint(api, settings.connections_per_actor, settings.allowed_origins)
    app = Application(
        routes=[
            Route("/", index),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/assets/{name}", asset),
        ],
    )
    authenticated = AuthenticationMiddleware(endpoint, tokens)
    app.graphql = PageMiddleware(OriginMiddleware(authenticated, settings.allowed_origins))
    app.sockets = RawFramesMiddleware(authenticated)
    app.state.close = endpoint.hub.close
    return app


def _shortcuts(settings: ServeSettings) -> Shortcuts:
    try:
        return EXECUTORS[settings.executor].without(settings.without_shortcuts)
    except ValueError as error:
        raise SettingError(f"BOREAS_EXECUTOR_WITHOUT is invalid: {error}.") from None


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with open_runtime(settings) as (runtime, _):
        await warn_if_audit_log_is_writable()
        app = application(runtime, settings.serve)
        config = server_config(app, settings.serve)
        _calm_collector()
        _raise_file_limit()
        collecting = asyncio.create_task(collect_forever(), name="collector")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _exit)
        try:
            await uvicorn.Server(config).serve()
        finally:
            collecting.cancel()
            await app.state.close()


def _exit(_number: int, _frame: FrameType | None) -> None:
    """Exit with 0 after everything is closed. uvicorn raises its stop signal again once it has stopped."""
    raise SystemExit(0)


def server_config(app: Starlette, settings: ServeSettings) -> uvicorn.Config:
    """Return uvicorn's configuration. Only trusted proxies may say which address a call came from."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        proxy_headers=settings.trusted_proxies is not None,
        forwarded_allow_ips=settings.trusted_proxies,
        log_config=None,
        access_log=False,
        server_header=False,
        headers=SAFE_HEADERS,
        http=Connection,
        limit_concurrency=MAX_CONNECTIONS,
        ws="websockets-sansio",
        ws_max_size=2 * MAX_BODY,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


async def collect_forever() -> None:
    """Collect reference cycles every `COLLECT_SECONDS` if it is quiet, every `MAX_COLLECT_SECONDS` if not."""
    collected_at = time.monotonic()
    while True:
        used = time.process_time()
        await asyncio.sleep(QUIET_SECONDS)
        is_quiet = time.process_time() - used < QUIET_SHARE * QUIET_SECONDS
        since = time.monotonic() - collected_at
        if since > MAX_COLLECT_SECONDS or (is_quiet and since > COLLECT_SECONDS):
            gc.collect()
            collected_at = time.monotonic()


def _raise_file_limit() -> None:
    """Raise the limit of open files to the hard limit: each socket is one, and the usual 1,024 are few."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def _calm_collector() -> None:
    """Exempt long-lived objects from collection, and collect less often: pauses make the slowest replies.

    Where 3,000 sockets subscribe at once this takes a third off the time. Delivering events makes hardly any garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
