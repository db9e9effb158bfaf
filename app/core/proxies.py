"""Proxies for HTTP requests, by the environment variables that other programs use too.

`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` have no standard; the rules here are those of curl and Go.
Entries of NO_PROXY are hosts with all their subdomains, addresses or networks (10.0.0.0/8), each with an optional port,
or `*` for everything. Requests to this machine never use a proxy, so that tokens for it do not leave it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

DIRECT = "none"
"""The value of BOREAS_PROXY that switches off proxies, whatever the other variables say."""
SCHEMES = ("http", "https")
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxies:
    """A proxy for each scheme (None: direct connection), and the hosts that need none."""

    http: str | None = None
    https: str | None = None
    bypass: tuple[str, ...] = ()

    def proxy_for(self, url: str) -> str | None:
        """Return the URL of the proxy for a request to `url`, or None for a direct connection."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        host = (parts.hostname or "").rstrip(".")
        if proxy is None or not host or is_loopback(host):
            return None
        port = parts.port or PORTS.get(parts.scheme)
        return None if any(_matches(entry, host, port) for entry in self.bypass) else proxy


NONE = Proxies()


def proxies(environ: Mapping[str, str]) -> Proxies:
    """Return the proxies of the environment. Raises ValueError, naming the variable, for an invalid URL.

    BOREAS_PROXY overrides the others and serves both schemes. Lower case names override upper case names, as elsewhere.
    Upper case HTTP_PROXY is ignored in a CGI program, where a request header can set it.
    """
    if own := environ.get("BOREAS_PROXY"):
        proxy = None if own.lower() == DIRECT else _address("BOREAS_PROXY", own)
        return Proxies(proxy, proxy, _bypass(environ))
    in_cgi = "REQUEST_METHOD" in environ
    plain, secure = (_first(environ, (f"{scheme}_proxy", "all_proxy"), in_cgi) for scheme in SCHEMES)
    return Proxies(plain, secure, _bypass(environ))


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _first(environ: Mapping[str, str], names: tuple[str, ...], in_cgi: bool) -> str | None:
    for name in names:
        for variable in (name, name.upper()):
            if variable == "HTTP_PROXY" and in_cgi:
                continue
            if value := environ.get(variable):
                return _address(variable, value)
    return None


def _address(variable: str, value: str) -> str:
    text = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{variable} is not a valid proxy URL. Use http://HOST:PORT or https://HOST:PORT.")
    return text


def _bypass(environ: Mapping[str, str]) -> tuple[str, ...]:
    text = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return tuple(entry.strip().lower() for entry in text.split(",") if entry.strip())


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Return whether an entry of NO_PROXY matches a host."""
    if entry == "*":
        return True
    name, _, number = entry.rpartition(":")
    if name and number.isdecimal() and ("]" in name or ":" not in name):
        if int(number) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    try:
        return ip_address(host.strip("[]")) in ip_network(entry, strict=False)
    except ValueError:
        suffix = entry.removeprefix("*").lstrip(".").rstrip(".")
        return bool(suffix) and (host == suffix or host.endswith(f".{suffix}"))
