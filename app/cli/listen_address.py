"""Where the API listens: whether that is possible, what people open, and whether it answers."""

import asyncio
import errno
import socket

from app.cli.console import Failure
from app.settings import ServeSettings

PROBE_SECONDS = 2.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - it is looked for, not listened on


def settle(serve: ServeSettings) -> ServeSettings:
    """Return where to listen, with a free port in place of 0. Raises Failure when it can not be listened on."""
    try:
        family, _, _, _, address = socket.getaddrinfo(serve.host, serve.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            return ServeSettings(serve.host, listener.getsockname()[1])
    except OSError as error:
        raise Failure(_explain(serve, error)) from error


def _explain(serve: ServeSettings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {serve.port} of {serve.host} is taken by another program. "
            "Choose another port with BOREAS_PORT, such as BOREAS_PORT=8080 (0 takes any free one)."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {serve.port} is not allowed to this user. Choose one above 1023 with BOREAS_PORT."
    return f"{serve.host} can not be listened on: {error.strerror}. Choose another address with BOREAS_HOST."


def check_redis(given: str | None) -> None:
    """Raise Failure when the URL is none of Redis."""
    if given is not None and not given.startswith(("redis://", "rediss://")):
        raise Failure("BOREAS_REDIS_URL can not be used. It takes redis://:PASSWORD@HOST:PORT/NUMBER, or rediss://.")


def url(serve: ServeSettings) -> str:
    """Return what to open in a browser on this machine."""
    host = EVERYWHERE.get(serve.host, serve.host)
    return f"http://[{host}]:{serve.port}" if ":" in host else f"http://{host}:{serve.port}"


async def answers(serve: ServeSettings) -> bool:
    """Return whether GET /readyz says 200."""
    host = EVERYWHERE.get(serve.host, serve.host)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(host, serve.port)
            try:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]
