"""Talking to the API: operations, and subscriptions that outlive a dropped connection."""

import asyncio
import ipaddress
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import httpx
from httpx_sse import SSEError, aconnect_sse

Data = dict[str, Any]
PATIENCE_SECONDS = 120.0
"""How long a subscription tries to come back before it gives up."""
QUIET_SECONDS = 45.0
"""A stream sends a sign of life every 15 s; one that is silent for three times as long is dead."""
GET_ONE = "Set BOREAS_TOKEN to a valid token: boreas up prints the first one, boreas token create makes more."


class ApiError(click.ClickException):
    """The API can not be reached, or refuses. The message says what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API is, and who asks."""

    url: str
    token: str

    async def query(self, document: str, **variables: Any) -> Data:
        """Run an operation and return its data. Raises ApiError."""
        async with httpx.AsyncClient(trust_env=False) as http:
            for attempt in (1, 2):
                try:
                    response = await http.post(
                        self._endpoint, json=_body(document, variables), headers=self._headers, timeout=60
                    )
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
        self, document: str, variables: Callable[[str | None], Mapping[str, Any]], cursor: str | None = None
    ) -> AsyncIterator[Data]:
        """Yield what a feed brings (its only root field) until it completes, over dropped connections.

        `variables` makes the variables from the cursor to go on from; each item has a `cursor`. Raises ApiError.
        """
        deadline: float | None = None
        clock = asyncio.get_running_loop().time
        while True:
            try:
                async for data in self._stream(document, variables(cursor)):
                    cursor, deadline = data["cursor"], None
                    yield data
                return
            except (httpx.TransportError, SSEError, _Interrupted) as error:
                if deadline is None:
                    deadline = clock() + PATIENCE_SECONDS
                    click.echo("The connection broke; trying to go on where it was.", err=True)
                if clock() > deadline:
                    raise self._unreachable(error) from error
                await asyncio.sleep(1.0)

    async def _stream(self, document: str, variables: Mapping[str, Any]) -> AsyncIterator[Data]:
        timeout = httpx.Timeout(10.0, read=QUIET_SECONDS)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=timeout) as http,
            aconnect_sse(
                http, "POST", self._endpoint, json=_body(document, variables), headers=self._headers
            ) as source,
        ):
            if source.response.status_code != httpx.codes.OK:
                await source.response.aread()
                self._data(source.response)
            async for event in source.aiter_sse():
                if event.event == "complete":
                    return
                if event.event == "next":
                    result = json.loads(event.data)
                    _raise_errors(result)
                    yield next(iter(result["data"].values()))
        raise _Interrupted

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
            raise (
                _Interrupted
                if response.request.headers["accept"] == "text/event-stream"
                else ApiError(f"{self.url} answers with {response.status_code}. Its log says why.")
            )
        try:
            result = response.json()
            _raise_errors(result)
            data: Data = result["data"]
        except (ValueError, KeyError, TypeError) as error:
            text = response.text[:200]
            raise ApiError(f"{self.url} is no Boreas: it answers {response.status_code} with “{text}”.") from error
        return data


class _Interrupted(Exception):
    """A stream ended without saying that it is complete."""


def _body(document: str, variables: Mapping[str, Any]) -> Data:
    return {"query": document, "variables": dict(variables)}


def _raise_errors(result: Data) -> None:
    errors = result.get("errors")
    if errors:
        raise ApiError("\n".join(str(error["message"]) for error in errors))


def _refusal(error: Data) -> str:
    where = f" ({'.'.join(error['path'])})" if error.get("path") else ""
    return f"{error['code']}{where}: {error['message']}"


def address_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the API is and who asks; the command gets them as `api`."""
    url = click.option(
        "--url", envvar="BOREAS_URL", default="http://127.0.0.1:8000", show_default=True, help="The API. BOREAS_URL."
    )
    token = click.option(
        "--token",
        envvar="BOREAS_TOKEN",
        help="Who asks; better given as BOREAS_TOKEN. On the machine of `boreas up` its own token is found.",
    )
    return url(token(command))


def api_of(url: str, token: str | None, data_dir: Path) -> Api:
    """Return the API that the options name; without a token, that of a `boreas up` on this machine. Raises ApiError."""
    if token is None and _is_loopback(url):
        try:
            token = (data_dir / "admin-token").read_text(encoding="utf-8").strip()
        except OSError:
            token = None
    if not token:
        raise ApiError(f"No token is given. {GET_ONE}")
    return Api(url, token)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
