"""The addresses that probes reach, with a server on this machine as a forbidden target.

In: addresses in all the ways that they can be written, and names that resolve to them. Out: what a probe says.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from app.gateways.networks import Networks
from app.gateways.probes import HttpProbe
from tests.support.prometheus import serving

SECRET = b'{"AccessKeyId":"AKIA1","SecretAccessKey":"wJalrXUtnFEMI"}'


@pytest.fixture
async def probe() -> AsyncIterator[HttpProbe]:
    async with HttpProbe() as probe:
        yield probe


class Metadata:
    """A server that returns secrets to every client, and records the requests."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(SECRET), SECRET))
        await writer.drain()
        writer.close()


@pytest.fixture
async def metadata() -> AsyncIterator[Metadata]:
    secret_server = Metadata()
    server = await asyncio.start_server(secret_server, "127.0.0.1", 0)
    secret_server.port = server.sockets[0].getsockname()[1]
    async with server:
        yield secret_server


HERE = ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "127.9.9.9", "[::ffff:127.0.0.1]"]


@pytest.mark.parametrize("host", HERE)
async def test_commands_in_a_cluster_cannot_probe_this_machine(probe: HttpProbe, metadata: Metadata, host: str) -> None:
    result = await probe.get(f"http://{host}:{metadata.port}/", 200, 5, loopback=False)
    refused = result.detail.startswith("refused: ") and "loopback" in result.detail
    assert not result.ok and (refused or "Invalid IPv4 address" in result.detail)
    assert metadata.heads == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
async def test_other_commands_can_probe_this_machine_without_seeing_its_answer(
    probe: HttpProbe, metadata: Metadata, host: str
) -> None:
    result = await probe.get(f"http://{host}:{metadata.port}/latest", 418, 5)
    assert (result.ok, result.detail) == (False, "answered 200, expected 418")
    assert f"Host: {host}:{metadata.port}".lower().encode() in metadata.heads[0].lower()


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("169.254.169.254", "link-local"),
        ("2852039166", "link-local"),
        ("0xa9fea9fe", "link-local"),
        ("[::ffff:169.254.169.254]", "link-local"),
        ("[64:ff9b::a9fe:a9fe]", "link-local"),
        ("[2002:a9fe:a9fe::1]", "link-local"),
        ("[fe80::1]", "link-local"),
        ("[fd00:ec2::254]", "metadata"),
        ("100.100.100.200", "metadata"),
        ("0.0.0.0", "unspecified"),
        ("0", "unspecified"),
        ("[::]", "unspecified"),
        ("224.0.0.1", "multicast or broadcast"),
        ("255.255.255.255", "multicast or broadcast"),
        ("[ff02::1]", "multicast or broadcast"),
    ],
)
async def test_forbidden_addresses_are_never_reached(probe: HttpProbe, host: str, reason: str) -> None:
    for result in (await probe.get(f"http://{host}/", 200, 5), await probe.measure(f"http://{host}/", "up", 5)):
        assert result.detail.startswith("refused: ") and reason in result.detail


async def test_a_name_is_resolved_once_and_the_checked_address_is_used(
    probe: HttpProbe, metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner of the name changes its address between two lookups."""
    answers = iter(["127.0.0.1", "169.254.169.254", "169.254.169.254"])

    async def changing(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", changing)
    url = f"http://rebinding.example:{metadata.port}/"
    assert (await probe.get(url, 200, 5)).ok
    assert b"host: rebinding.example" in metadata.heads[0].lower()
    assert "link-local" in (await probe.get(url, 200, 5)).detail


async def test_an_allowed_address_is_chosen_from_several(
    probe: HttpProbe, metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def several(host: str, port: int, **_: Any) -> list[Any]:
        addresses = ("169.254.169.254", "127.0.0.2", "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", several)
    assert (await probe.get(f"http://web.example:{metadata.port}/", 200, 5)).ok


async def test_only_the_configured_networks_are_reached(metadata: Metadata) -> None:
    async with HttpProbe((ip_network("127.0.0.0/30"), ip_network("10.0.0.0/8"))) as probe:
        assert (await probe.get(f"http://127.0.0.1:{metadata.port}/", 200, 5, loopback=False)).ok
        refused = await probe.get("http://192.168.1.1/", 200, 5)
        assert "not among BOREAS_PROBE_NETWORKS" in refused.detail


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.0.1", "8.8.8.8", "fd12::1", "2001:4860:4860::8888"])
def test_other_networks_are_reached(address: str) -> None:
    assert Networks(loopback=False).why_not(ip_address(address)) is None


async def test_errors_of_other_servers_than_prometheus_are_not_shown(probe: HttpProbe) -> None:
    with serving() as other:
        other.answers = [(500, {"error": "password is hunter2"})]
        measured = await probe.measure(other.url, "up", 5)
    assert "hunter2" not in measured.detail and measured.values == ()
