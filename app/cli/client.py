"""The client of the API: operations, and subscriptions that survive a dropped connection."""

import json
import ssl
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import click
import httpx
from httpx_sse import SSEError, aconnect_sse
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt

from app.cli.reconnect import QUIET_SECONDS, Reconnection
from app.cli.terminal_text import printable
from app.gateways.authorities import AuthoritiesError, tls_context
from app.settings import SettingError, read_outgoing_settings

Data = dict[str, Any]
QUERY_ATTEMPTS = 2
"""A kept-alive connection may have been closed meanwhile; mutations carry an idempotency key."""
HOW_TO_SIGN_IN = (
    "Set BOREAS_TOKEN to a valid token: boreas up prints the first one, boreas token create makes more. "
    "In the folder of a running boreas up no token is needed."
)


class ApiError(click.ClickException):
    """The API cannot be reached, or refuses a request. The message says what to do."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True, slots=True)
class Api:
    """The address of the API, and the token to use."""

    url: str
    token: str = field(repr=False)
    _disconnected: set[Reconnection] = field(default_factory=set, repr=False, compare=False)
    """The feeds that are reconnecting. The first of them tells the user; the others break for the same reason."""

    def _client(self, timeout: httpx.Timeout | None = None) -> httpx.AsyncClient:
        """Return a client with the proxy and the authorities of the settings. Raises ApiError."""
        try:
            outgoing = read_outgoing_settings()
            proxy = outgoing.proxies.proxy_for(self.url)
            uses_tls = any(url.startswith("https:") for url in (self.url, proxy or ""))
            tls = tls_context(outgoing.authorities) if uses_tls else None
            return httpx.AsyncClient(
                verify=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                proxy=httpx.Proxy(proxy, ssl_context=tls if proxy.startswith("https:") else None) if proxy else None,
                trust_env=False,
                timeout=timeout or httpx.Timeout(60.0),
            )
        except (SettingError, AuthoritiesError) as error:
            raise ApiError(str(error)) from error

    async def query(self, document: str, **variables: Any) -> Data:
        """Run an operation and return its data. Raises ApiError."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(QUERY_ATTEMPTS),
            retry=retry_if_exception_type(httpx.TransportError),
            reraise=True,
        )
        async with self._client() as http:
            try:
                response: httpx.Response = await retrying(
                    http.post, self._endpoint, json=_body(document, variables), headers=self._headers
                )
            except httpx.TransportError as error:
                raise self._unreachable(error) from error
        return self._data(response)

    async def mutate(self, document: str, **fields: Any) -> Data:
        """Run a mutation with one `input` and return its payload. Raises ApiError, which lists every error.

        An idempotency key makes it safe to send the request again after a broken connection.
        """
        data = await self.query(document, input=fields | {"idempotencyKey": str(uuid.uuid4())})
        payload: Data = next(iter(data.values()))
        if payload["errors"]:
            raise ApiError("\n".join(_mutation_error(error) for error in payload["errors"]))
        return payload

    async def subscribe(
        self,
        document: str,
        variables: Callable[[str | None], Mapping[str, Any]],
        cursor: str | None = None,
        on_connect: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[Data, None]:
        """Yield the items of a feed (its only root field) until it completes, and reconnect when it breaks.

        `variables` returns the variables for a cursor to resume from; each item has a `cursor`. `on_connect` is called
        after each connection. Raises ApiError.
        """
        reconnection = Reconnection(self._disconnected)

        def connected() -> None:
            reconnection.connected()
            on_connect()

        try:
            while True:
                try:
                    async with aclosing(self._stream(document, variables(cursor), connected)) as stream:
                        async for item in stream:
                            cursor = item["cursor"]
                            reconnection.recovered()
                            yield item
                    return
                except (httpx.TransportError, SSEError, _Interrupted) as error:
                    if not await reconnection.wait(error):
                        raise self._unreachable(error) from error
        finally:
            reconnection.close()

    async def _stream(
        self, document: str, variables: Mapping[str, Any], connected: Callable[[], None]
    ) -> AsyncGenerator[Data, None]:
        timeout = httpx.Timeout(10.0, read=QUIET_SECONDS)
        async with (
            self._client(timeout) as http,
            aconnect_sse(
                http, "POST", self._endpoint, json=_body(document, variables), headers=self._headers
            ) as source,
        ):
            if source.response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise _Interrupted(f"it answers with {source.response.status_code}")
            if "text/event-stream" not in source.response.headers.get("content-type", ""):
                await source.response.aread()
                self._data(source.response)
                raise self._not_boreas(source.response)
            connected()
            async with aclosing(source.aiter_sse()) as events:
                async for event in events:
                    if event.event == "complete":
                        return
                    if event.event == "next":
                        result = json.loads(event.data)
                        _raise_errors(result)
                        yield next(iter(result["data"].values()))
        raise _Interrupted("it closed the connection")

    @property
    def _endpoint(self) -> str:
        return f"{self.url.rstrip('/')}/graphql"

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def _unreachable(self, error: Exception) -> ApiError:
        cause = str(error) or type(error).__name__
        return ApiError(f"No API answers at {self.url} ({cause}). Is boreas up running? Otherwise set BOREAS_URL.")

    def _data(self, response: httpx.Response) -> Data:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise ApiError(f"{self.url} does not know the token, or it has expired or was revoked. {HOW_TO_SIGN_IN}")
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ApiError(f"{self.url} answers with {response.status_code}. See the log of the API.")
        try:
            result = response.json()
        except ValueError as error:
            raise self._not_boreas(response) from error
        if not isinstance(result, dict):
            raise self._not_boreas(response)
        _raise_errors(result)
        data = result.get("data")
        if not isinstance(data, dict):
            raise self._not_boreas(response)
        return data

    def _not_boreas(self, response: httpx.Response) -> ApiError:
        answer = f"{response.status_code} with “{response.text[:200]}”"
        return ApiError(f"{self.url} is not the API of Boreas: it answers {answer}.")


class _Interrupted(Exception):
    """A stream ended before it was complete; the message says how."""


def _body(document: str, variables: Mapping[str, Any]) -> Data:
    return {"query": document, "variables": dict(variables)}


def _raise_errors(result: Data) -> None:
    errors = result.get("errors")
    if errors:
        raise ApiError("\n".join(_graphql_error(error) for error in errors))


def _graphql_error(error: Data) -> str:
    code = (error.get("extensions") or {}).get("code")
    return f"{code}: {error['message']}" if code else str(error["message"])


def _mutation_error(error: Data) -> str:
    path = f" ({'.'.join(error['path'])})" if error.get("path") else ""
    return f"{error['code']}{path}: {error['message']}"
