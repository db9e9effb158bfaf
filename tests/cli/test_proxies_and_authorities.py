"""The commands' way to an API elsewhere: private authorities, and proxies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.cli.client import Api, ApiError
from tests.cli.support.scripted_api import TOKEN, Script, data, feed, played
from tests.support.proxy import proxy_to
from tests.support.tls import Authority, tls_relay

VARIABLES = ("BOREAS_CA_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "BOREAS_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def port_of(script: Script) -> int:
    return int(script.url.rpartition(":")[2])


@asynccontextmanager
async def serve_tls(script: Script, authority: Authority) -> AsyncIterator[int]:
    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port_of(script))

    async with tls_relay(connect, authority.context("localhost", "boreas.example")) as port:
        yield port


@pytest.mark.parametrize("variable", ["BOREAS_CA_FILE", "SSL_CERT_FILE"])
async def test_the_authorities_of_the_environment_are_trusted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with played(data(x=1)) as script:
        async with serve_tls(script, authority) as port:
            api = Api(f"https://localhost:{port}", TOKEN)
            with pytest.raises(ApiError, match="unable to get local issuer certificate"):
                await api.query("q")
            monkeypatch.setenv(variable, str(authority.file))
            assert await api.query("q") == {"x": 1}


async def test_a_feed_comes_over_tls_and_through_a_proxy(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOREAS_CA_FILE", str(authority.file))
    with played(feed({"cursor": "c1", "line": "a"})) as script:
        async with serve_tls(script, authority) as port, proxy_to(port) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            api = Api("https://boreas.example", TOKEN)
            assert [item["line"] async for item in api.subscribe("s", lambda _: {})] == ["a"]
    assert proxy.asked == ["CONNECT boreas.example:443 HTTP/1.1"]


async def test_an_api_on_this_machine_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with played(data(x=1)) as script:
        async with proxy_to(port_of(script)) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            assert await Api(script.url, TOKEN).query("q") == {"x": 1}
            assert proxy.asked == []
            assert await Api("http://boreas.example", TOKEN).query("q") == {"x": 1}
            assert proxy.asked == ["POST http://boreas.example/graphql HTTP/1.1"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("BOREAS_CA_FILE", "/nowhere.pem", "BOREAS_CA_FILE is /nowhere.pem, which cannot be used: No such file"),
        ("HTTPS_PROXY", "socks5://h:1", "HTTPS_PROXY is not a valid proxy URL"),
    ],
)
async def test_unusable_certificates_and_proxies_are_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ApiError, match=message):
        await Api("https://boreas.example", TOKEN).query("q")
