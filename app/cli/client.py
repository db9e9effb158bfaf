"""Talking to the API: operations, and subscriptions that outlive a dropped connection."""

import asyncio
import json
import ssl
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import click
import httpx
from httpx_sse import SSEError, aconnect_sse

from app import settings
from app.cli.terminal_text import printable
from app.cli.up.own_server import OwnServer, own_server
from app.gateways.authorities import AuthoritiesError, tls_context

Data = dict[str, Any]
DEFAULT_URL = "http://127.0.0.1:8000"
PATIENCE_SECONDS = 120.0
"""How long a subscription tries to come back before it gives up."""
STEADY_SECONDS = 10.0
"""A stream that stood this long has come back, though nothing may have happened in it."""
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0
"""Between two tries to come back; each pause is twice the one before it."""
QUIET_SECONDS = 45.0
"""A stream sends a sign of life every 15 s; one that is silent for three times as long is dead."""
GET_ONE = (
    "Set BOREAS_TOKEN to a valid token: boreas up prints the first one, boreas token create makes more. "
    "Beside a boreas up that runs, in its folder, no token is needed."
)


class ApiError(click.ClickException):
    """The API can not be reached, or refuses. The message says what to do."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API is, and who asks."""

    url: str
    token: str = field(repr=False)
    _troubled: "set[_Patience]" = field(default_factory=set, repr=False, compare=False)
    """The feeds that try to come back: the first of them tells the user, the others break for the same reason."""

    def _client(self, timeout: httpx.Timeout | None = None) -> httpx.AsyncClient:
        """Return a client that believes and passes through what the environment says. Raises ApiError."""
        try:
            outgoing = settings.read_outgoing_settings()
            proxy = outgoing.proxies.proxy_for(self.url)
            secure = any(url.startswith("https:") for url in (self.url, proxy or ""))
            tls = tls_context(outgoing.authorities) if secure else None
            return httpx.AsyncClient(
                verify=tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                proxy=httpx.Proxy(proxy, ssl_context=tls if proxy.startswith("https:") else None) if proxy else None,
                trust_env=False,
                timeout=timeout or httpx.Timeout(60.0),
            )
        except (settings.SettingError, AuthoritiesError) as error:
            raise ApiError(str(error)) from error

    async def query(self, document: str, **variables: Any) -> Data:
        """Run an operation and return its data. Raises ApiError."""
        async with self._client() as http:
            for attempt in (1, 2):
                try:
                    response = await http.post(self._endpoint, json=_body(document, variables), headers=self._headers)
                    break
                except httpx.TransportError as error:
                    if attempt == 2:
                        raise self._unreachable(error) from error
        return self._data(response)

    async def change(self, document: str, **fields: Any) -> Data:
        """Run a mutation of one `input` and return its payload. Raises ApiError with everything that is refused.

        It carries an idempotency key, so that sending it again after a broken connection does not act twice.
        """
        data = await self.query(document, input=fields | {"idempotencyKey": str(uuid.uuid4())})
        payload: Data = next(iter(data.values()))
        if payload["errors"]:
            raise ApiError("\n".join(_refusal(error) for error in payload["errors"]))
        return payload

    async def subscribe(
        self,
        document: str,
        variables: Callable[[str | None], Mapping[str, Any]],
        cursor: str | None = None,
        begun: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[Data, None]:
        """Yield what a feed brings (its only root field) until it completes, over dropped connections.

        `variables` makes the variables from the cursor to go on from; each item has a `cursor`. `begun` is called
        each time that the feed has begun, after a break too. Raises ApiError.
        """
        patience = _Patience(self._troubled)

        def opened() -> None:
            patience.opened()
            begun()

        try:
            while True:
                try:
                    async with aclosing(self._stream(document, variables(cursor), opened)) as stream:
                        async for data in stream:
                            cursor = data["cursor"]
                            patience.recovered()
                            yield data
                    return
                except (httpx.TransportError, SSEError, _Interrupted) as error:
                    if not await patience.wait(error):
                        raise self._unreachable(error) from error
        finally:
            self._troubled.discard(patience)

    async def _stream(
        self, document: str, variables: Mapping[str, Any], opened: Callable[[], None]
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
                raise self._foreign(source.response)
            opened()
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
        why = str(error) or type(error).__name__
        return ApiError(f"No API answers at {self.url} ({why}). Is boreas up running? Else set BOREAS_URL.")

    def _data(self, response: httpx.Response) -> Data:
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise ApiError(f"{self.url} does not know the token, or it has expired or was revoked. {GET_ONE}")
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise ApiError(f"{self.url} answers with {response.status_code}. Its log says why.")
        try:
            result = response.json()
        except ValueError as error:
            raise self._foreign(response) from error
        if not isinstance(result, dict):
            raise self._foreign(response)
        _raise_errors(result)
        data = result.get("data")
        if not isinstance(data, dict):
            raise self._foreign(response)
        return data

    def _foreign(self, response: httpx.Response) -> ApiError:
        return ApiError(f"{self.url} is no Boreas: it answers {response.status_code} with “{response.text[:200]}”.")


class _Interrupted(Exception):
    """A stream ended without saying that it is complete; the message says how."""


class _Patience:
    """How long a feed has been away, and how long it waits before it tries again."""

    def __init__(self, troubled: "set[_Patience]") -> None:
        self._troubled = troubled
        self._clock = asyncio.get_running_loop().time
        self._opened: float | None = None
        self._broken: float | None = None
        self._pause = FIRST_PAUSE_SECONDS

    def opened(self) -> None:
        """Take note that the API accepted the subscription; it may yet break again at once."""
        self._opened = self._clock()

    def recovered(self) -> None:
        """Start anew with the next break."""
        self._broken, self._pause = None, FIRST_PAUSE_SECONDS
        self._troubled.discard(self)

    async def wait(self, error: Exception) -> bool:
        """Wait until it is time to try again; return False when it has been too long."""
        silent = QUIET_SECONDS if isinstance(error, httpx.ReadTimeout) else 0.0
        now = self._clock()
        if self._opened is not None and now - silent - self._opened >= STEADY_SECONDS:
            self.recovered()
        self._opened = None
        if self._broken is None:
            self._broken = now
            if not self._troubled:
                click.echo("The connection broke; trying to go on where it was.", err=True)
            self._troubled.add(self)
        if now - self._broken > PATIENCE_SECONDS:
            return False
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return True


def _body(document: str, variables: Mapping[str, Any]) -> Data:
    return {"query": document, "variables": dict(variables)}


def _raise_errors(result: Data) -> None:
    errors = result.get("errors")
    if errors:
        raise ApiError("\n".join(_fault(error) for error in errors))


def _fault(error: Data) -> str:
    code = (error.get("extensions") or {}).get("code")
    return f"{code}: {error['message']}" if code else str(error["message"])


def _refusal(error: Data) -> str:
    where = f" ({'.'.join(error['path'])})" if error.get("path") else ""
    return f"{error['code']}{where}: {error['message']}"


def address_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the API is and who asks; the command gets them as `api`."""
    url = click.option(
        "--url",
        envvar="BOREAS_URL",
        help=f"The API. BOREAS_URL. Default: the boreas up of this folder, else {DEFAULT_URL}.",
    )
    token = click.option(
        "--token",
        envvar="BOREAS_TOKEN",
        help="Who asks; better given as BOREAS_TOKEN. The boreas up of this folder needs none.",
    )
    return url(token(command))


def api_of(url: str | None, token: str | None) -> Api:
    """Return the API that the options name; without them, that of the `boreas up` of this folder. Raises ApiError.

    The token of a `boreas up` is sent to that one alone: on another port, somebody else may listen.
    """
    token = (token or "").strip()
    server = None if token and url is not None else _own_server()
    if url is None:
        url = server.url if server else DEFAULT_URL
    _check(url)
    if not token and server is not None and server.is_at(url):
        token = server.token
    if not token:
        raise ApiError(f"No token is given for {url}. {GET_ONE}")
    if not (token.isascii() and token.isprintable()):
        raise ApiError(f"The token has characters that no token has. {GET_ONE}")
    return Api(url, token)


def _check(url: str) -> None:
    """Raise ApiError for what is no address of an API."""
    try:
        parts = urlsplit(url)
        httpx.URL(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        good = False
    if not good:
        raise ApiError(f"“{url}” is no address of an API. Give one such as {DEFAULT_URL} in BOREAS_URL.")


def _own_server() -> OwnServer | None:
    try:
        return own_server(settings.read_settings().data_dir)
    except settings.SettingError as error:
        raise ApiError(str(error)) from error
