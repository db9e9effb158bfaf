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
from app.api.execution.shortcuts import EXECUTORS, Shortcuts
from app.api.schema import schema
from app.api.shared_loaders import open_loaders
from app.api.transport.endpoint import Authenticated, Endpoint, healthz, index, readyz
from app.api.transport.origins import Origins
from app.api.transport.raw_frames import RawFramesMiddleware
from app.api.transport.request_bodies import MAX_BODY
from app.api.transport.server_connection import MAX_CONNECTIONS, SAFE_HEADERS, Connection
from app.api.transport.static_pages import Pages, asset
from app.services.runtime import Runtime
from app.settings import ServeSettings, SettingError, Settings
from app.wiring import open_runtime, warn_if_audit_log_is_writable

GRAPHQL = frozenset({"/graphql", "/graphql/"})
PING_SECONDS = 15.0
"""How often a socket is asked for a sign of life, and how long it may take to give one: the dead are gone in 30 s."""
SHUTDOWN_SECONDS = 5
COLLECT_SECONDS = 60.0
COLLECT_AT_LAST_SECONDS = 600.0
QUIET_SECONDS = 1.0
QUIET_SHARE = 0.1
"""How much of one processor is used in a moment that is quiet."""


class Application(Starlette):
    """The ASGI application. What is for GraphQL goes past routing.

    That costs a tenth of what a hot query costs, and a socket would keep the frames of its calls as long as it lives.
    """

    graphql: ASGIApp
    sockets: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a socket."""
        if scope["type"] == "lifespan" or scope["path"] not in GRAPHQL:
            await super().__call__(scope, receive, send)
        else:
            await (self.graphql if scope["type"] == "http" else self.sockets)(scope, receive, send)


def application(runtime: Runtime, settings: ServeSettings | None = None) -> Starlette:
    """Return the ASGI application over an open runtime. Its `state.close` is to be awaited before that is closed."""
    serving = settings or ServeSettings()
    tokens = TokenCache(runtime)
    shortcuts = _shortcuts(serving)
    schema.use(shortcuts)
    loaders = open_loaders(shortcuts)
    endpoint = Endpoint(runtime, serving.connections_per_actor, tokens, loaders, serving.allowed_origins)
    made = Application(
        routes=[
            Route("/", index),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/assets/{name}", asset),
        ],
    )
    inner = Authenticated(endpoint, tokens)
    made.graphql = Pages(Origins(inner, serving.allowed_origins))
    made.sockets = RawFramesMiddleware(inner)
    made.state.close = endpoint.live.close
    return made


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
        config = configuration(app, settings.serve)
        _calm_collector()
        _allow_files()
        tidying = asyncio.create_task(tidy_forever(), name="collector")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _end)
        try:
            await uvicorn.Server(config).serve()
        finally:
            tidying.cancel()
            await app.state.close()


def _end(_number: int, _frame: FrameType | None) -> None:
    """End with 0, and close everything. Uvicorn sends the signal that stopped it once more, to whoever had it."""
    raise SystemExit(0)


def configuration(app: Starlette, settings: ServeSettings) -> uvicorn.Config:
    """Return how the API is served. Only proxies that the settings trust are asked where a call came from."""
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


async def tidy_forever() -> None:
    """Collect what left in circles, once a minute, in a quiet moment; at the latest when there was none for long."""
    collected = time.monotonic()
    while True:
        used = time.process_time()
        await asyncio.sleep(QUIET_SECONDS)
        quiet = time.process_time() - used < QUIET_SHARE * QUIET_SECONDS
        since = time.monotonic() - collected
        if since > COLLECT_AT_LAST_SECONDS or (quiet and since > COLLECT_SECONDS):
            gc.collect()
            collected = time.monotonic()


def _allow_files() -> None:
    """Let the process open as many files as it may: each socket is one, and 1,024 are soon used up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _calm_collector() -> None:
    """Spare the collector what lives as long as the process, and let it run less: it makes the slowest replies.

    Where 3,000 sockets subscribe at once it takes a third off the time; handing out events makes next to no garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
