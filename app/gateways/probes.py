"""Health checks and metrics over HTTP: one request, and its result in words that a person can act on."""

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import httpx

from app.core.proxies import NONE, Proxies
from app.gateways import prometheus
from app.gateways.authorities import USUAL, Authorities, tls_context
from app.gateways.networks import AddressRefusedError, GuardedTransport, Network, Networks
from app.ports import Measurement, ProbeResult

_EXCERPT = 200
"""Characters of an error that are shown."""

_MAX_PORT = 65535

_ERRORS = (AddressRefusedError, TimeoutError, httpx.InvalidURL, ValueError, httpx.HTTPError, RuntimeError, OSError)
"""All that a request can fail with."""


class HttpProbe:
    """Sends GET requests. One client serves all probes; `aclose` it, or use the probe as a context.

    Every probe opens a connection of its own, as new callers of the application would: a kept one could reach an
    instance that accepts no new ones. For the same reason no cookie is kept. Redirects are not followed, and
    credentials of the worker's environment are not used. Bodies are never shown to users. Only some networks are
    reached (`Networks`): the `allowed` ones only, where given. Raises AuthoritiesError.
    """

    def __init__(
        self,
        allowed: tuple[Network, ...] | None = None,
        authorities: Authorities = USUAL,
        proxies: Proxies = NONE,
    ) -> None:
        tls = tls_context(authorities)
        self._clients = {
            loopback: _client(GuardedTransport(Networks(allowed, loopback), tls, proxies)) for loopback in (True, False)
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the clients. Probes still under way fail."""
        for client in self._clients.values():
            await client.aclose()

    async def get(self, url: str, expect_status: int, timeout_seconds: float, *, loopback: bool = True) -> ProbeResult:
        """Return whether `url` answers with `expect_status` in time. Never raises for what the server does."""
        try:
            async with asyncio.timeout(timeout_seconds):
                response = await self._ask(url, loopback)
        except _ERRORS as error:
            return ProbeResult(False, _describe(error, timeout_seconds))
        try:
            if response.status_code == expect_status:
                return ProbeResult(True, f"answered {expect_status}")
            return ProbeResult(False, f"answered {response.status_code}, expected {expect_status}")
        finally:
            with suppress(httpx.HTTPError, OSError):
                await response.aclose()

    async def measure(self, url: str, query: str, timeout_seconds: float, *, loopback: bool = True) -> Measurement:
        """Return the values of an instant query of the Prometheus at `url`. Never raises for what the server does."""
        try:
            async with asyncio.timeout(timeout_seconds):
                response = await self._ask(prometheus.address(url, query), loopback)
                try:
                    body = await _head(response, prometheus.MAX_BYTES)
                finally:
                    await response.aclose()
        except _ERRORS as error:
            return Measurement((), _describe(error, timeout_seconds))
        return prometheus.read(response.status_code, body)

    async def _ask(self, url: str, loopback: bool) -> httpx.Response:
        """Send the request. Close connections that httpx leaks when it is cancelled during the TLS handshake."""
        opened = []

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.complete":
                opened.append(info["return_value"])

        client = self._clients[loopback]
        request = client.build_request("GET", url, extensions={"trace": trace})
        if (request.url.port or 0) > _MAX_PORT:
            raise ValueError(f"there is no port {request.url.port}")
        try:
            return await client.send(request, stream=True)
        except BaseException:
            for connection in opened:
                await connection.aclose()
            raise


def _client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        headers={"User-Agent": "boreas-probe", "Accept": "*/*", "Accept-Encoding": "identity"},
        timeout=None,  # noqa: S113 - each probe brings its own limit, over everything it does
        transport=transport,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )


async def _head(response: httpx.Response, size: int) -> bytes:
    """Return up to `size` bytes of the body; the rest is not read."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk[:size]
        if len(body) >= size:
            break
    return body[:size]


def _describe(error: Exception, timeout_seconds: float) -> str:
    """Return why a request failed, in words."""
    if isinstance(error, AddressRefusedError):
        return f"refused: {error}"
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
    """Return why there was no answer, in words; the error of httpx alone only says that there was none."""
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
            case httpx.ProxyError():
                return f"the proxy refuses: {_clean(str(cause))}"
            case httpx.RemoteProtocolError():
                return f"no valid HTTP answer: {_clean(str(cause)).partition(':')[0]}"
    words = (_clean(str(cause)) for cause in reversed(causes))
    return f"no answer: {next((text for text in words if text), type(error).__name__)}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, the innermost last."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member)
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield from _causes(cause)
