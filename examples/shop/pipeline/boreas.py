"""A client of the GraphQL API of Boreas, made with the standard library alone."""

import fcntl
import http.client
import ipaddress
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.report import ShopError

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT_SECONDS = 30
TOKEN_HELP = (
    "Run this in the folder of a running 'boreas up', or set BOREAS_TOKEN to the admin token that it printed, "
    "or to an API token of yours with the scope DEPLOYER; creating the environment requires ADMIN"
)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Does not follow redirects: a token must not be sent to another address."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class Boreas:
    """A running Boreas: its address without a path, and a bearer token."""

    url: str
    token: str = field(repr=False)

    def call(self, document: str, **variables: object) -> dict[str, Any]:
        """Runs an operation, and returns the `data` of the answer.

        Raises:
            ShopError: Boreas cannot be reached, or refuses; the message says what to do.
        """
        content = json.dumps({"query": document, "variables": variables}).encode()
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        request = urllib.request.Request(f"{self.url}/graphql", content, headers, method="POST")
        try:
            with _opener(self.url).open(request, timeout=TIMEOUT_SECONDS) as response:
                answer = _parse(response.read())
        except urllib.error.HTTPError as error:
            answer = _parse(error.read())
            if error.code == 401 or not answer.get("errors"):
                raise ShopError(self._status_problem(error)) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ShopError(
                f"no Boreas answers at {self.url} ({reason}). Start it with 'boreas up', or set BOREAS_URL"
            ) from error
        return self._data(answer)

    def change(self, document: str, result: str, **values: object) -> dict[str, Any]:
        """Runs a mutation with one `input`, and returns the named part of its payload.

        Raises:
            ShopError: as in `call`, or the mutation's own errors.
        """
        (payload,) = self.call(document, input=values).values()
        if payload["errors"]:
            raise ShopError("Boreas refused: " + "; ".join(_user_error(error) for error in payload["errors"]))
        if not payload[result]:
            raise ShopError(f"Boreas answered with neither a {result} nor an error")
        return dict(payload[result])

    def _data(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        errors = [error for error in answer.get("errors") or () if isinstance(error, dict)]
        codes = {str((error.get("extensions") or {}).get("code", "")) for error in errors}
        data = answer.get("data")
        if errors and not (data and codes == {"NOT_FOUND"}):
            messages = "; ".join(str(error.get("message")) for error in errors)
            hint = f". {TOKEN_HELP}" if codes & {"FORBIDDEN", "UNAUTHENTICATED"} else ""
            raise ShopError(f"Boreas at {self.url} answered with an error: {messages}{hint}")
        if not isinstance(data, dict):
            raise ShopError(f"{self.url}/graphql did not answer like a GraphQL API. Is BOREAS_URL correct?")
        return data

    def _status_problem(self, error: urllib.error.HTTPError) -> str:
        if error.code == 401:
            return f"Boreas at {self.url} does not accept the token. {TOKEN_HELP}"
        if error.code == 403:
            return f"Boreas at {self.url} forbids this. {TOKEN_HELP}"
        if 300 <= error.code < 400:
            return f"{self.url} redirects to {error.headers.get('Location')}. Set BOREAS_URL to the address of Boreas"
        return f"{self.url}/graphql answered {error.code} {error.reason}. Is BOREAS_URL the address of a Boreas?"


def connect(environment: Mapping[str, str] = os.environ) -> Boreas:
    """Returns the Boreas of BOREAS_URL and BOREAS_TOKEN; without them, the `boreas up` of this folder.

    Raises:
        ShopError: the token is missing, or a variable is invalid.
    """
    url = environment.get("BOREAS_URL", "").strip().rstrip("/").removesuffix("/graphql")
    token = environment.get("BOREAS_TOKEN", "").strip()
    if not url and not token:
        url, token = _running_here(Path(environment.get("BOREAS_DATA_DIR") or ".boreas"))
    url = url or DEFAULT_URL
    if not _is_http(url):
        raise ShopError(f"BOREAS_URL is {url!r}; set it to an address like {DEFAULT_URL}")
    if not token:
        raise ShopError(f"there is no token. {TOKEN_HELP}")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ShopError(f"BOREAS_TOKEN has characters that are not allowed in tokens. {TOKEN_HELP}")
    return Boreas(url, token)


def _running_here(folder: Path) -> tuple[str, str]:
    """Returns the address and the first token of the `boreas up` of a data folder; empty if none runs."""
    try:
        address, token = ((folder / name).read_text(encoding="utf-8").strip() for name in ("address", "admin-token"))
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return address, token
    except OSError:
        pass
    return "", ""


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Returns an opener that uses no proxy for this machine."""
    direct = [urllib.request.ProxyHandler({})] if _is_loopback(urlsplit(url).hostname or "") else []
    return urllib.request.build_opener(_NoRedirects, *direct)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parse(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _user_error(error: Mapping[str, Any]) -> str:
    path = ".".join(map(str, error.get("path") or ()))
    hint = f" ({TOKEN_HELP})" if error["code"] == "FORBIDDEN" else ""
    return f"{error['code']}: {error['message']}{f' at {path}' if path else ''}{hint}"
