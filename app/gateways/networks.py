"""Which addresses probes may reach, and connecting to no other.

Who writes the address of a health check is not who owns the network that workers are in. So a name is resolved once,
what it gives is looked at, and the connection goes to exactly that: a name that changes in between gains nothing, and
decimal, octal or mapped ways to write an address are none.
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

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NEXT_SECONDS = 1.0
"""How long one of several addresses of a host may take to accept before the next one is tried."""

METADATA = tuple(
    map(ip_network, ("fd00:ec2::/32", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:42::42"))
)
"""Services of clouds that tell credentials to whoever asks from within, beside those at link-local addresses."""
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ip_network("::/96")


class AddressRefusedError(Exception):
    """A host has no address that may be reached; the message says why."""


@dataclass(frozen=True, slots=True)
class Networks:
    """What may be reached: `allowed` networks only, where they are given, else everything but what is refused always.

    Refused always are addresses of the link, of cloud metadata, of nobody and of many. `loopback` is this machine.
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
            return "an address of many"
        if address.is_link_local:
            return "a link-local address"
        if any(address in network for network in METADATA):
            return "an address of cloud metadata"
        if self.allowed is not None:
            return None if any(address in each for each in self.allowed) else "not among BOREAS_PROBE_NETWORKS"
        return "a loopback address" if address.is_loopback and not self.loopback else None


def _forms(address: Address) -> Iterator[Address]:
    """Yield an address, and the one that it stands for, as operating systems and gateways take it."""
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


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to addresses that may be reached. TLS and HTTP go on with the host's name."""

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
        """Connect to the first address of a host that may be reached and accepts. Raises AddressRefusedError."""
        *others, last = await self._addresses(host, port)
        for address in others:
            try:
                return await self._inner.connect_tcp(str(address), port, NEXT_SECONDS, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(str(last), port, timeout, local_address, socket_options)

    async def _addresses(self, host: str, port: int) -> list[Address]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(ip_address(info[4][0]) for info in found))
        refused = {address: why for address in addresses if (why := self._networks.why_not(address))}
        if len(refused) == len(addresses):
            address, why = next(iter(refused.items()))
            raise AddressRefusedError(f"{address} is {why}, which probes may not reach")
        return [address for address in addresses if address not in refused]

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Refuse: probes go over the network."""
        raise AddressRefusedError("a socket of this machine is none that probes may reach")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """A transport that reaches only some networks, and keeps no connection."""

    def __init__(self, networks: Networks, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=GuardedBackend(networks),
        )
