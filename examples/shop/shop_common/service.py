"""Runs a service as a process: arguments, settings, GET / and GET /health, signals.

The build writes a __main__ into each artifact, which calls `serve` with its release.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path

from shop_common.server import LOOPBACK, Server, SharedPort
from shop_common.web import Request, Response, Route, dispatch


class UnhealthyError(Exception):
    """A self check failed; the message is the reason that /health gives."""


@dataclass(frozen=True)
class Release:
    """The release that the build wrote into the artifact; `commit` may be empty."""

    service: str
    version: str
    commit: str


@dataclass(frozen=True)
class Context:
    """What a service gets when it starts: its section of the settings file, and a folder for its data."""

    settings: Mapping[str, object]
    data: Path


@dataclass(frozen=True)
class Service:
    """The routes of a service, and a self check that raises when the service cannot work."""

    description: str
    routes: Sequence[Route]
    self_check: Callable[[], None]


Create = Callable[[Context], Service]


def serve(create: Create, release: Release) -> int:
    """Runs the service until SIGTERM or SIGINT, and returns the exit status."""
    arguments = _arguments(release)
    if arguments.describe:
        print(json.dumps({"service": release.service, "version": release.version, "commit": release.commit}))
        return 0
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    try:
        service = create(Context(_section(arguments.settings, release.service), arguments.data))
        answer = partial(dispatch, [*_own_routes(service, release), *service.routes])
        server = Server(arguments.port, answer, arguments.host)
        front = SharedPort(arguments.front or arguments.port, answer, arguments.host)
        if arguments.front and arguments.serving:
            front.listen()
    except (OSError, ValueError) as error:
        print(f"ERROR: {release.service} {release.version} cannot start on port {arguments.port}: {error}")
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    if arguments.front:
        signal.signal(signal.SIGUSR1, lambda *_: front.listen())
        signal.signal(signal.SIGUSR2, lambda *_: front.leave())
    print(
        f"{release.service} {release.version} (pid {os.getpid()}) listens on http://{arguments.host}:{server.server_port}"
    )
    server.run()
    front.leave()
    print(f"{release.service} {release.version} (pid {os.getpid()}) has ended")
    return 0


def _arguments(release: Release) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=release.service, description=f"{release.service} {release.version}")
    parser.add_argument("--host", default=LOOPBACK, help=f"address to listen at (default: {LOOPBACK})")
    parser.add_argument("--port", type=int, default=0, help="port to listen at (default: any free one)")
    parser.add_argument("--front", type=int, help="port to listen at, too, from SIGUSR1 to SIGUSR2 (default: none)")
    parser.add_argument("--serving", action="store_true", help="listen at --front from the start")
    parser.add_argument("--settings", type=Path, help="JSON file with one section per service (default: no settings)")
    parser.add_argument("--data", type=Path, default=Path(), help="folder for the service's data (default: .)")
    parser.add_argument("--describe", action="store_true", help="print what was built as JSON, and end")
    return parser.parse_args()


def _section(path: Path | None, service: str) -> Mapping[str, object]:
    """Returns the settings of the service; empty if the file has no section for it."""
    settings = json.loads(path.read_text(encoding="utf-8")) if path else {}
    section = settings.get(service, {}) if isinstance(settings, dict) else None
    if not isinstance(section, dict):
        raise ValueError(f"{path}: settings must be a JSON object with an object per service")
    return section


def _own_routes(service: Service, release: Release) -> list[Route]:
    """Returns GET / and GET /health, which are the same for every service."""
    about = {"service": release.service, "version": release.version, "pid": os.getpid()}

    def health(_: Request) -> Response:
        """Reports every exception of the self check as the reason."""
        try:
            service.self_check()
        except Exception as error:
            reason = str(error) if isinstance(error, UnhealthyError) else f"{type(error).__name__}: {error}"
            return Response({"status": "failing", **about, "reason": reason}, HTTPStatus.SERVICE_UNAVAILABLE)
        return Response({"status": "ok", **about})

    def describe(_: Request) -> Response:
        endpoints = [{"method": r.method, "path": r.pattern, "summary": r.summary} for r in routes]
        return Response({**about, "commit": release.commit, "description": service.description, "endpoints": endpoints})

    own = [
        Route("GET", "/", describe, "this description"),
        Route("GET", "/health", health, "200 when the self check passes, else 503 with the reason"),
    ]
    routes = [*own, *service.routes]
    return own
