"""HTTP probes against real sockets, and the text of their results."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from app.gateways.probes import HttpProbe
from app.ports import ProbeResult

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await handler(reader, writer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/health"


def answer_with(head: str, body: bytes = b"", hold: asyncio.Event | None = None) -> Handler:
    """Answer every request so; with `hold`, leave the body without an end until it is set."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        length = "" if hold else f"Content-Length: {len(body)}\r\n"
        writer.write(f"HTTP/1.1 {head}\r\n{length}\r\n".encode() + body)
        await writer.drain()
        if hold:
            await hold.wait()

    return handler


@pytest.fixture
async def probe() -> AsyncIterator[HttpProbe]:
    async with HttpProbe() as probe:
        yield probe


async def test_the_status_is_the_expected_one(probe: HttpProbe) -> None:
    async with serving(answer_with("204 No Content")) as url:
        assert await probe.get(url, 204, 5) == ProbeResult(True, "answered 204")


async def test_of_another_status_nothing_else_is_told(probe: HttpProbe) -> None:
    body = b"the password is hunter2" + b"x" * 100_000
    async with serving(answer_with("503 Service Unavailable", body)) as url:
        assert await find(probe, url) == (False, "answered 503, expected 200")


async def find(probe: HttpProbe, url: str, limit: float = 5) -> tuple[bool, str]:
    result = await probe.get(url, 200, limit)
    return result.ok, result.detail


async def test_an_empty_body(probe: HttpProbe) -> None:
    async with serving(answer_with("500 Oops")) as url:
        assert await find(probe, url) == (False, "answered 500, expected 200")


async def test_redirects_are_answers(probe: HttpProbe) -> None:
    async with serving(answer_with("302 Found\r\nLocation: /elsewhere")) as url:
        assert await find(probe, url) == (False, "answered 302, expected 200")


async def test_no_cookie_is_kept(probe: HttpProbe) -> None:
    heads: list[bytes] = []

    async def baking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: instance=1; Path=/\r\nContent-Length: 0\r\n\r\n")

    async with serving(baking) as url:
        assert [await find(probe, url) for _ in range(2)] == [(True, "answered 200")] * 2
    assert len(heads) == 2 and b"cookie" not in heads[1].lower()


async def test_an_endless_body_delays_no_probe(probe: HttpProbe) -> None:
    finished = asyncio.Event()
    async with (
        serving(answer_with("200 OK", b"data", finished)) as healthy_url,
        serving(answer_with("404 No", b"wait", finished)) as failing_url,
    ):
        assert await find(probe, healthy_url, 60) == (True, "answered 200")
        assert await find(probe, failing_url, 0.5) == (False, "answered 404, expected 200")
        finished.set()


async def test_no_answer_in_time(probe: HttpProbe) -> None:
    finished = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await finished.wait()

    async with serving(silent) as url:
        assert await find(probe, url, 0.2) == (False, "timed out after 0.2 s")
        finished.set()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_closed_port_is_reported(probe: HttpProbe, host: str) -> None:
    with socket.socket() as bound_socket:
        bound_socket.bind(("127.0.0.1", 0))
        url = f"http://{host}:{bound_socket.getsockname()[1]}/"
        assert await find(probe, url) == (False, "connection refused")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.6\r\n"], ids=["hangs up", "speaks something else"])
async def test_no_http(probe: HttpProbe, answer: bytes) -> None:
    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with serving(other) as url:
        ok, detail = await find(probe, url)
    assert not ok and detail.startswith("no valid HTTP answer: ") and "OpenSSH" not in detail


async def test_https_to_a_plain_port(probe: HttpProbe) -> None:
    async with serving(answer_with("400 Bad Request")) as url:
        ok, detail = await find(probe, url.replace("http:", "https:"), 2)
    assert not ok and detail.startswith(("no secure connection: ", "connection reset", "timed out"))


@pytest.mark.parametrize(
    "url", ["", "web", "ftp://web/", "http://", "http:///x", "http://[::1", "http://web:99999/", "http://a\0b/"]
)
async def test_an_invalid_url(probe: HttpProbe, url: str) -> None:
    ok, detail = await find(probe, url)
    assert not ok and detail.startswith("invalid URL: ")


async def test_a_host_that_is_not_known(probe: HttpProbe) -> None:
    ok, detail = await find(probe, "http://no-such-host.invalid/", 20)
    assert not ok and detail.startswith("the host's name is not known")


async def test_the_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    async with HttpProbe() as probe, serving(answer_with("200 OK")) as url:
        assert await find(probe, url) == (True, "answered 200")


async def test_a_closed_probe_finds_nothing() -> None:
    probe = HttpProbe()
    await probe.aclose()
    ok, _ = await find(probe, "http://127.0.0.1:1/")
    assert not ok
