"""Limits of unauthenticated clients: short messages and heads, little time, and few sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets

from app.api.transport import server_connection, unauthenticated_sockets
from app.api.transport.server_connection import MAX_HEAD, SAFE_HEADERS
from app.api.transport.websocket_adapter import MAX_UNAUTHENTICATED_MESSAGE
from tests.api.support.wire import PROTOCOL, begin, send
from tests.support.client import Client
from tests.support.system import System, served

MEBIBYTE = 1024 * 1024


@asynccontextmanager
async def unauthenticated(url: str) -> AsyncIterator[websockets.ClientConnection]:
    """Open a socket, and send nothing."""
    address = url.replace("http", "ws") + "/graphql"
    async with websockets.connect(address, subprotocols=[PROTOCOL], proxy=None, max_size=None) as socket_:
        yield socket_


async def close_code(socket_: websockets.ClientConnection) -> tuple[int, str]:
    with pytest.raises(websockets.ConnectionClosed):
        while True:
            await socket_.recv()
    return socket_.close_code or 0, socket_.close_reason or ""


# Sockets


async def test_an_unauthenticated_client_may_send_short_messages_only(shared: System) -> None:
    for size in (MAX_UNAUTHENTICATED_MESSAGE, 2 * MAX_UNAUTHENTICATED_MESSAGE, MEBIBYTE):
        async with unauthenticated(shared.url) as socket_:
            await socket_.send(json.dumps({"type": "ping", "payload": {"a": "x" * size}}))
            assert (await close_code(socket_))[0] == 1009
    async with unauthenticated(shared.url) as socket_:
        headers = {"authorization": f"Bearer {shared.admin.token}", "x": "y" * (MAX_UNAUTHENTICATED_MESSAGE // 2)}
        await socket_.send(json.dumps({"type": "connection_init", "payload": headers}))
        assert json.loads(await socket_.recv()) == {"type": "connection_ack"}


async def test_an_unauthenticated_ping_is_answered_once_and_without_its_payload(shared: System) -> None:
    async with unauthenticated(shared.url) as socket_:
        await socket_.send(json.dumps({"type": "ping", "payload": {"a": 1}}))
        assert json.loads(await socket_.recv()) == {"type": "pong"}
        await socket_.send(json.dumps({"type": "pong"}))
        await socket_.send(json.dumps({"type": "ping"}))
        assert (await close_code(socket_))[0] == 4429


async def test_an_authenticated_client_may_send_a_mebibyte_and_more_over_http(shared: System) -> None:
    async with shared.admin.socket() as socket_:
        await begin(socket_, "1", "{ viewer { __typename } }", text="x" * (MEBIBYTE - 1000))
        assert json.loads(await socket_.recv())["type"] == "next"
    async with shared.admin.socket() as socket_:
        await begin(socket_, "1", "{ viewer { __typename } }", text="x" * (MEBIBYTE + 1000))
        status, reason = await close_code(socket_)
        assert status == 1009 and "HTTP" in reason


async def test_a_socket_that_is_not_initialised_in_time_is_closed(
    shared: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.transport.endpoint.INIT_SECONDS", 0.2)
    async with served(shared.runtime) as url, asyncio.timeout(5), unauthenticated(url) as socket_:
        assert (await close_code(socket_))[0] == 4408


async def test_the_oldest_of_too_many_silent_sockets_are_closed(
    shared: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unauthenticated_sockets, "MAX_PER_ADDRESS", 3)
    monkeypatch.setattr(unauthenticated_sockets, "GRACE_SECONDS", 0.0)
    async with AsyncExitStack() as stack:
        silent_sockets = [await stack.enter_async_context(unauthenticated(shared.url)) for _ in range(5)]
        async with asyncio.timeout(5):
            assert [(await close_code(silent))[0] for silent in silent_sockets[:2]] == [4408, 4408]
        async with shared.admin.socket() as authenticated:
            await begin(authenticated, "1", "{ viewer { __typename } }")
            assert json.loads(await authenticated.recv())["type"] == "next"


async def test_a_new_socket_is_refused_when_too_many_are_new(shared: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unauthenticated_sockets, "MAX_PER_ADDRESS", 2)
    monkeypatch.setattr(unauthenticated_sockets, "BURST", 2)
    monkeypatch.setattr(unauthenticated_sockets, "GRACE_SECONDS", 60.0)
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(unauthenticated(shared.url))
        async with unauthenticated(shared.url) as late:
            assert (await close_code(late))[0] == 1012


async def test_an_authenticated_socket_is_not_counted(shared: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unauthenticated_sockets, "MAX_PER_ADDRESS", 2)
    monkeypatch.setattr(unauthenticated_sockets, "GRACE_SECONDS", 0.0)
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(shared.admin.socket()) for _ in range(6)]
        for authenticated in sockets:
            await begin(authenticated, "1", "{ viewer { __typename } }")
            assert json.loads(await authenticated.recv())["type"] == "next"


# Requests


async def exchange(client: Client, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send parts over a new connection, and return all bytes of the server until it closes the connection."""
    address = urlsplit(client.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        async with asyncio.timeout(20):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
            return await reader.read()
    finally:
        writer.close()


HEADS: dict[str, tuple[bytes, ...]] = {
    "a long address": (b"GET /" + b"x" * (MAX_HEAD + 1) + b" HTTP/1.1\r\nHost: a\r\n\r\n",),
    "an address without an end": (b"GET /" + b"x" * (MAX_HEAD + 1),),
    "a long header": (b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * MAX_HEAD + b"\r\n\r\n",),
    "a header without an end": (b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * MAX_HEAD,),
    "a name without an end": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x" * MAX_HEAD,),
    "many headers": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 200 + b"\r\n",),
    "a second request": (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nA: ", b"x" * MAX_HEAD),
}


@pytest.mark.parametrize("case", HEADS)
async def test_a_head_that_is_too_long_is_refused(shared: System, case: str) -> None:
    answer = await exchange(shared.admin, *HEADS[case], pause=0.1)
    assert b"HTTP/1.1 431 " in answer


async def test_a_head_within_the_limit_is_read(shared: System) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nA: " + b"x" * (MAX_HEAD - 200) + b"\r\n\r\n"
    assert (await exchange(shared.admin, request)).startswith(b"HTTP/1.1 200 ")
    pieces = [request[start : start + 1000] for start in range(0, len(request), 1000)]
    assert (await exchange(shared.admin, *pieces)).startswith(b"HTTP/1.1 200 ")


async def test_a_slow_head_is_refused(shared: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_connection, "HEAD_SECONDS", 0.3)
    assert await exchange(shared.admin) == b""
    assert (await exchange(shared.admin, b"GET / HTTP/1.1\r\nHost: a\r\n")).startswith(b"HTTP/1.1 408 ")
    second_head = (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\n")
    assert b"HTTP/1.1 408 " in await exchange(shared.admin, *second_head, pause=0.05)


async def test_an_unauthenticated_request_is_answered_before_its_body(
    shared: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_connection, "REST_SECONDS", 0.3)
    head = b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    assert (await exchange(shared.admin, head, *[b"x"] * 3, pause=0.05)).startswith(b"HTTP/1.1 401 ")


async def test_a_slow_body_is_refused(shared: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.transport.authentication_middleware.BODY_SECONDS", 0.3)
    head = f"POST /graphql HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {shared.admin.token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    assert (await exchange(shared.admin, head.encode(), b"{")).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/graphql", "/nothing"])
@pytest.mark.parametrize("token", ["known", "unknown"])
async def test_every_answer_has_safe_headers(shared: System, path: str, token: str) -> None:
    client = Client(shared.url, shared.admin.token if token == "known" else "nobody")
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {client.token}\r\n\r\n"
    head = (await exchange(client, request.encode())).lower()
    for name, value in SAFE_HEADERS:
        assert head.count(f"{name}: {value.lower()}".encode()) == 1
    refused = (await exchange(client, b"nothing\r\n\r\n")).lower()
    assert refused.startswith(b"http/1.1 400 ") and b"nosniff" in refused


async def test_a_connection_serves_many_requests(shared: System) -> None:
    async def all_of(number: int) -> list[Any]:
        return [(await send(shared.admin, b'{"query": "{ viewer { id } }"}')).status_code for _ in range(number)]

    assert await all_of(5) == [200] * 5
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    last_request = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert (await exchange(shared.admin, request * 20 + last_request)).count(b"HTTP/1.1 200 ") == 21
    with socket.create_connection((urlsplit(shared.url).hostname or "", urlsplit(shared.url).port or 0)):
        assert await all_of(1) == [200]
