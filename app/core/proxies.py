"""Which proxy a request goes through, by the variables that other programs follow as well.

`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` have no standard. The rules here are those of curl and Go:
entries of NO_PROXY are hosts with all their subdomains, addresses, networks (10.0.0.0/8), each perhaps with a port, or
`*` for everything. This machine itself is never reached through a proxy: a token for it would leave it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

DIRECT = "none"
"""What BOREAS_PROXY is set to where no proxy is to be used, whatever the other variables say."""
SCHEMES = ("http", "https")
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxies:
    """A proxy for each scheme, None for a direct connection, and the hosts that are reached directly."""

    http: str | None = None
    https: str | None = None
    bypass: tuple[str, ...] = ()

    def proxy_for(self, url: str) -> str | None:
        """Return the address of the proxy that a request to `url` goes through, None for a direct connection."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        host = (parts.hostname or "").rstrip(".")
        if proxy is None or not host or is_loopback(host):
            return None
        port = parts.port or PORTS.get(parts.scheme)
        return None if any(_matches(entry, host, port) for entry in self.bypass) else proxy


NONE = Proxies()


def proxies(environ: Mapping[str, str]) -> Proxies:
    """Return what the variables say. Raises ValueError, which names the variable, for an address that is none.

    BOREAS_PROXY stands above the others and serves both schemes. Names in lower case stand above those in upper case,
    as elsewhere; HTTP_PROXY in upper case counts for nothing in a CGI program, where a request's header sets it.
    """
    if own := environ.get("BOREAS_PROXY"):
        found = None if own.lower() == DIRECT else _address("BOREAS_PROXY", own)
        return Proxies(found, found, _bypass(environ))
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
        raise ValueError(f"{variable} names no proxy that can be used. It takes http://HOST:PORT or https://HOST:PORT.")
    return text


def _bypass(environ: Mapping[str, str]) -> tuple[str, ...]:
    text = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    return tuple(entry.strip().lower() for entry in text.split(",") if entry.strip())


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Return whether an entry of NO_PROXY means a host."""
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
