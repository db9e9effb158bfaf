"""Health and metrics over HTTP: one request, and what came of it in words that a person can act on."""

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import httpx

from app.gateways import prometheus
from app.ports import Measured, ProbeResult

_BODY_BYTES = 1024
"""Bytes read of an unexpected answer: enough for the excerpt, and no answer is too big."""

_EXCERPT = 200
"""Characters of an unexpected answer that are shown."""

_MAX_PORT = 65535

_TROUBLE = (TimeoutError, httpx.InvalidURL, ValueError, httpx.HTTPError, RuntimeError, OSError)
"""Everything that a request can come to nothing by."""


class HttpProbe:
    """Asks with GET. One client serves all probes; `aclose` it, or use the probe as a context.

    Every probe opens a connection of its own, as new callers of the application would: a kept one could speak to an
    instance that takes no new ones. For the same reason no cookie is kept. Redirects are answers like any other, and
    proxies and credentials of the worker's own environment are not used.
    """

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(
            headers={"User-Agent": "boreas-probe", "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=None,  # noqa: S113 - each probe brings its own limit, over everything it does
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the client. Probes still under way fail."""
        await self._client.aclose()

    async def get(self, url: str, expect_status: int, timeout_seconds: float) -> ProbeResult:
        """Return whether `url` answers with `expect_status` within the time. Never raises for what it finds."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._ask(url)
        except _TROUBLE as error:
            return ProbeResult(False, _trouble(error, timeout_seconds))
        try:
            if response.status_code == expect_status:
                return ProbeResult(True, f"answered {expect_status}")
            detail = f"answered {response.status_code}, expected {expect_status}"
            body = await _excerpt(response, deadline)
            return ProbeResult(False, f"{detail}: {body}" if body else detail)
        finally:
            with suppress(httpx.HTTPError, OSError):
                await response.aclose()

    async def measure(self, url: str, query: str, timeout_seconds: float) -> Measured:
        """Return what an instant query gives at the Prometheus at `url`. Never raises for what it finds."""
        try:
            async with asyncio.timeout(timeout_seconds):
                response = await self._ask(prometheus.address(url, query))
                try:
                    body = await _head(response, prometheus.MAX_BYTES)
                finally:
                    await response.aclose()
        except _TROUBLE as error:
            return Measured((), _trouble(error, timeout_seconds))
        return prometheus.read(response.status_code, body)

    async def _ask(self, url: str) -> httpx.Response:
        """Send the request. The library forgets a connection that is cancelled while TLS begins: it is closed here."""
        opened = []

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.complete":
                opened.append(info["return_value"])

        request = self._client.build_request("GET", url, extensions={"trace": trace})
        if (request.url.port or 0) > _MAX_PORT:
            raise ValueError(f"there is no port {request.url.port}")
        try:
            return await self._client.send(request, stream=True)
        except BaseException:
            for connection in opened:
                await connection.aclose()
            raise


async def _head(response: httpx.Response, size: int) -> bytes:
    """Return up to `size` bytes of the body; the rest is not read."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk[:size]
        if len(body) >= size:
            break
    return body[:size]


async def _excerpt(response: httpx.Response, deadline: float) -> str:
    """Return how the body begins: what came of it by the deadline, even if the rest never does."""
    body = b""
    with suppress(TimeoutError, httpx.HTTPError, OSError):
        async with asyncio.timeout_at(deadline):
            async for chunk in response.aiter_raw():
                body += chunk[:_BODY_BYTES]
                if len(body) >= _BODY_BYTES:
                    break
    return _clean(body[:_BODY_BYTES].decode(errors="replace"))


def _trouble(error: Exception, timeout_seconds: float) -> str:
    """Say in words why a request came to nothing."""
    if isinstance(error, TimeoutError):
        return f"timed out after {timeout_seconds:.10g} s"
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError | ValueError):
        return f"invalid URL: {_clean(str(error))}"
    return _reason(error)


def _clean(text: str) -> str:
    """Return `text` on one line, without control characters, cut to an excerpt."""
    words = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return words if len(words) <= _EXCERPT else f"{words[:_EXCERPT]}…"


def _reason(error: BaseException) -> str:
    """Say in words why there was no answer; the library's own error only says that there was none."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ConnectionRefusedError():
                return "connection refused"
            case ConnectionResetError():
                return "connection reset before an answer came"
            case socket.gaierror():
                return f"the host's name is not known: {cause.strerror}"
            case ssl.SSLError():
                return f"no secure connection: {_clean(str(cause))}"
            case httpx.RemoteProtocolError():
                return f"no valid HTTP answer: {_clean(str(cause))}"
    words = (_clean(str(cause)) for cause in reversed(causes))
    return f"no answer: {next((text for text in words if text), type(error).__name__)}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all that led to it, the innermost last."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member)
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield from _causes(cause)
