"""The address that the API listens on: whether it is free, its URL, and whether the API answers there."""

import asyncio
import errno
import socket

from app.cli.console import Failure
from app.settings import ServeSettings

PROBE_SECONDS = 2.0
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a client connects to it, nothing listens on it


def check_free(serve: ServeSettings) -> ServeSettings:
    """Return where to listen, with a free port in place of 0. Raises Failure if that is impossible."""
    try:
        family, _, _, _, address = socket.getaddrinfo(serve.host, serve.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            return ServeSettings(serve.host, listener.getsockname()[1])
    except OSError as error:
        raise Failure(_explanation(serve, error)) from error


def _explanation(serve: ServeSettings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {serve.port} of {serve.host} is used by another program. "
            "Choose another port with BOREAS_PORT, such as BOREAS_PORT=8080 (0 takes any free port)."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This user may not listen on port {serve.port}. Choose a port above 1023 with BOREAS_PORT."
    return f"{serve.host} is not an address to listen on: {error.strerror}. Choose another one with BOREAS_HOST."


def check_redis_url(url: str | None) -> None:
    """Raise Failure if a URL is not one of Redis."""
    if url is not None and not url.startswith(("redis://", "rediss://")):
        raise Failure("BOREAS_REDIS_URL is invalid. Use redis://:PASSWORD@HOST:PORT/NUMBER, or rediss:// for TLS.")


def url_of(serve: ServeSettings) -> str:
    """Return the URL to open in a browser on this machine."""
    host = LOOPBACK_OF.get(serve.host, serve.host)
    return f"http://[{host}]:{serve.port}" if ":" in host else f"http://{host}:{serve.port}"


async def is_ready(serve: ServeSettings) -> bool:
    """Return whether GET /readyz answers with 200."""
    host = LOOPBACK_OF.get(serve.host, serve.host)
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
