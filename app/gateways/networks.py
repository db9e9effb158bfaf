"""The addresses that probes may connect to.

The author of a health check does not own the network of the workers. So a host is resolved once, its addresses are
checked, and the connection goes to exactly these: a name that changes in between does not help an attacker, nor do
decimal, octal or mapped forms of an address.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import httpcore
import httpx

from app.core.proxies import PORTS, Proxies

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NEXT_ADDRESS_SECONDS = 1.0
"""How long one of several addresses of a host may take to accept before the next one is tried."""

METADATA = tuple(
    map(ip_network, ("fd00:ec2::/32", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:42::42"))
)
"""Cloud services that give credentials to every caller inside, beside those at link-local addresses."""
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ip_network("::/96")


class AddressRefusedError(Exception):
    """A host has no address that may be reached; the message says why."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The addresses that may be reached: in `allowed` networks only, where given, else all that are not always refused.

    Always refused are link-local, cloud metadata, unspecified and multicast addresses. `loopback` allows this machine.
    """

    allowed: tuple[Network, ...] | None = None
    loopback: bool = True

    def why_not(self, address: Address) -> str | None:
        """Return why an address may not be reached, None where it may."""
        return next(filter(None, (self._why_not(form) for form in _forms(address))), None)

    def _why_not(self, address: Address) -> str | None:
        if address.is_unspecified or (isinstance(address, IPv4Address) and address in ip_network("0.0.0.0/8")):
            return "an unspecified address"
        if address.is_multicast or str(address) == "255.255.255.255":
            return "a multicast or broadcast address"
        if address.is_link_local:
            return "a link-local address"
        if any(address in network for network in METADATA):
            return "an address of cloud metadata"
        if self.allowed is not None:
            return None if any(address in network for network in self.allowed) else "not among BOREAS_PROBE_NETWORKS"
        return "a loopback address" if address.is_loopback and not self.loopback else None


def _forms(address: Address) -> Iterator[Address]:
    """Yield an address, and the IPv4 address that operating systems and gateways translate it to."""
    if not isinstance(address, IPv6Address):
        yield address
        return
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _COMPATIBLE and int(address) > 1:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is None and any(address in network for network in _NAT64):
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is None and address.teredo:
        inner = address.teredo[1]
    if inner is not None:
        yield inner
    if address.ipv4_mapped is None:
        yield address


async def allowed_addresses(networks: Networks, host: str, port: int) -> list[Address]:
    """Return the addresses of a host that may be reached. Raises AddressRefusedError where there is none."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(ip_address(info[4][0]) for info in infos))
    refused = {address: why for address in addresses if (why := networks.why_not(address))}
    if len(refused) == len(addresses):
        address, why = next(iter(refused.items()))
        raise AddressRefusedError(f"{address} is {why}, which probes may not reach")
    return [address for address in addresses if address not in refused]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to allowed addresses. TLS and HTTP use the host's name."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first allowed address of a host that accepts. Raises AddressRefusedError."""
        *others, last = await allowed_addresses(self._networks, host, port)
        for address in others:
            try:
                return await self._inner.connect_tcp(
                    str(address), port, NEXT_ADDRESS_SECONDS, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(str(last), port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Refuse: probes may use the network only."""
        raise AddressRefusedError("probes may not reach a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.AsyncBaseTransport):
    """A transport that reaches only some networks, and keeps no connection.

    A proxy is used for hosts outside of private networks. It resolves names itself, so names that are known here are
    checked here first; the proxy may refuse more.
    """

    def __init__(self, networks: Networks, tls: ssl.SSLContext, proxies: Proxies) -> None:
        self._networks = networks
        self._tls = tls
        self._proxies = proxies
        self._direct = _pooled(
            httpcore.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=None,
                max_keepalive_connections=0,
                network_backend=GuardedBackend(networks),
            )
        )
        self._proxied: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, directly or by a proxy. Raises AddressRefusedError."""
        proxy = self._proxies.proxy_for(str(request.url))
        if proxy is None or await self._is_private(request.url):
            return await self._direct.handle_async_request(request)
        if proxy not in self._proxied:
            self._proxied[proxy] = _pooled(_by_proxy(proxy, self._tls))
        return await self._proxied[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in (self._direct, *self._proxied.values()):
            await transport.aclose()

    async def _is_private(self, url: httpx.URL) -> bool:
        """Return whether a host is in a private network; False where it is unknown. Raises AddressRefusedError."""
        try:
            addresses = await allowed_addresses(self._networks, url.host, url.port or PORTS[url.scheme])
        except socket.gaierror:
            if self._networks.allowed is not None:
                raise
            return False
        return any(address.is_private for address in addresses)


def _pooled(pool: httpcore.AsyncConnectionPool) -> httpx.AsyncHTTPTransport:
    """Return a transport of httpx over a connection pool that httpx cannot configure."""
    transport = httpx.AsyncHTTPTransport(trust_env=False, verify=False)
    transport._pool = pool
    return transport


def _by_proxy(address: str, tls: ssl.SSLContext) -> httpcore.AsyncHTTPProxy:
    proxy = httpx.Proxy(address)
    return httpcore.AsyncHTTPProxy(
        proxy_url=httpcore.URL(
            scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
        ),
        proxy_auth=proxy.raw_auth,
        proxy_ssl_context=tls if proxy.url.scheme == "https" else None,
        ssl_context=tls,
        max_connections=None,
        max_keepalive_connections=0,
    )
