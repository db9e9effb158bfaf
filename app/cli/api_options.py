"""The options --url and --token, and the API that they name."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import click
import httpx

from app.cli.client import HOW_TO_SIGN_IN, Api, ApiError
from app.cli.up.own_server import OwnServer, own_server
from app.settings import SettingError, read_settings

DEFAULT_URL = "http://127.0.0.1:8000"


def address_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --url and --token, which the command gets as `url` and `token`."""
    url = click.option(
        "--url",
        envvar="BOREAS_URL",
        help=f"The address of the API (BOREAS_URL). Default: the boreas up of this folder, else {DEFAULT_URL}.",
    )
    token = click.option(
        "--token",
        envvar="BOREAS_TOKEN",
        help="The token to sign in with; better set BOREAS_TOKEN. The boreas up of this folder needs none.",
    )
    return url(token(command))


def api_of(url: str | None, token: str | None) -> Api:
    """Return the API of the options, by default that of the `boreas up` of this folder. Raises ApiError.

    The token of a `boreas up` is sent only to its own address: another program may listen on another port.
    """
    token = (token or "").strip()
    server = None if token and url is not None else _own_server()
    if url is None:
        url = server.url if server else DEFAULT_URL
    _check_url(url)
    if not token and server is not None and server.is_at(url):
        token = server.token
    if not token:
        raise ApiError(f"No token is given for {url}. {HOW_TO_SIGN_IN}")
    if not (token.isascii() and token.isprintable()):
        raise ApiError(f"The token has characters that are not allowed in tokens. {HOW_TO_SIGN_IN}")
    return Api(url, token)


def _check_url(url: str) -> None:
    """Raise ApiError if a text is not the address of an API."""
    try:
        parts = urlsplit(url)
        httpx.URL(url)
        is_valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        is_valid = False
    if not is_valid:
        raise ApiError(f"“{url}” is not the address of an API. Set BOREAS_URL to one such as {DEFAULT_URL}.")


def _own_server() -> OwnServer | None:
    try:
        return own_server(read_settings().data_dir)
    except SettingError as error:
        raise ApiError(str(error)) from error
