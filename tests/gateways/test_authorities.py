"""Health checks over TLS and through proxies.

The trusted certificates, and the route of each request.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.core.proxies import NONE, Proxies
from app.gateways.authorities import Authorities, AuthoritiesError, tls_context
from app.gateways.networks import Network
from app.gateways.probes import HttpProbe
from tests.support.proxy import proxy_to
from tests.support.tls import Authority

NAME = "web.example"
"""A host without a DNS entry."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def healthy(authority: Authority | None) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    secure = authority.context("localhost", NAME) if authority else None
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=secure)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def check(
    url: str,
    authorities: Authorities = Authorities(),  # noqa: B008 - a frozen value
    proxies: Proxies = NONE,
    allowed: tuple[Network, ...] | None = None,
) -> str:
    async with HttpProbe(allowed, authorities, proxies) as probe:
        return (await probe.get(url, 200, 10)).detail


async def test_an_authority_of_the_operator_is_trusted(authority: Authority) -> None:
    async with healthy(authority) as port:
        url = f"https://localhost:{port}/"
        assert "unable to get local issuer certificate" in await check(url)
        assert await check(url, Authorities(extra=authority.file)) == "answered 200"
        assert await check(url, Authorities(file=authority.file)) == "answered 200"


def test_the_default_authorities_are_trusted_beside_the_operators_own(authority: Authority) -> None:
    default_count = tls_context().cert_store_stats()["x509_ca"]
    assert default_count > 50
    assert tls_context(Authorities(extra=authority.file)).cert_store_stats()["x509_ca"] == default_count + 1
    assert tls_context(Authorities(file=authority.file)).cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("no certificate", "has no certificate in PEM format"),
        ("", "no certificate in PEM format"),
    ],
)
@pytest.mark.parametrize("field", ["extra", "file"])
def test_a_file_without_certificates_is_refused_by_the_name_of_its_variable(
    tmp_path: Path, field: str, content: str | None, message: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    variable = {"extra": "BOREAS_CA_FILE", "file": "SSL_CERT_FILE"}[field]
    with pytest.raises(AuthoritiesError, match=f"{variable} is .*{message}"):
        tls_context(Authorities(**{field: path}))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuthoritiesError, match=r"SSL_CERT_DIR is .*No such file"):
        tls_context(Authorities(folder=tmp_path / "gone"))


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_host_without_a_local_address_is_reached_by_the_proxy(authority: Authority, scheme: str) -> None:
    trusting_authorities = Authorities(extra=authority.file)
    async with healthy(authority if scheme == "https" else None) as port, proxy_to(port) as proxy:
        by_proxy = proxy.url.replace("://", "://user:secret@")
        assert await check(f"{scheme}://{NAME}/", trusting_authorities, Proxies(by_proxy, by_proxy)) == "answered 200"
    request_line = {"http": f"GET http://{NAME}/ HTTP/1.1", "https": f"CONNECT {NAME}:443 HTTP/1.1"}[scheme]
    assert proxy.asked == [request_line]
    assert len(proxy.credentials) == 1


async def test_private_networks_and_this_machine_are_reached_without_the_proxy() -> None:
    async with healthy(None) as port, proxy_to(port) as proxy:
        assert await check(f"http://localhost:{port}/", proxies=Proxies(proxy.url)) == "answered 200"
    assert proxy.asked == []


async def test_a_proxy_does_not_reach_forbidden_addresses() -> None:
    async with healthy(None) as port, proxy_to(port) as proxy:
        proxies = Proxies(proxy.url)
        assert "cloud metadata" in await check("http://168.63.129.16/", proxies=proxies)
        assert "link-local" in await check("http://169.254.169.254/", proxies=proxies)
        assert "not known" in await check(f"http://{NAME}/", proxies=proxies, allowed=())
    assert proxy.asked == []


async def test_a_refusal_of_the_proxy_is_reported() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Blocked by policy\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert "the proxy refuses: 403 Blocked by policy" in await check(f"https://{NAME}/", proxies=Proxies(url, url))
