"""Cross-origin requests, compression, HEAD, refused sockets, and the end of a process."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import websockets
from graphql import get_introspection_query

from app.api.transport.compression import LARGE_BYTES, accepts_gzip
from tests.api.support.wire import PROTOCOL, begin, code, send
from tests.support.system import System, served
from tests.support.world import task, world

CONSOLE = "https://console.example.org"
OTHER = "https://other.example.org"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, content-type"}
QUERY = b'{"query": "{ __typename }"}'
FEED = "subscription($id: ID!) { deploymentEvents(id: $id) { cursor } }"


@pytest.fixture
async def open_url(shared: System) -> AsyncIterator[str]:
    """The address of an API that allows one other origin."""
    async with served(shared.runtime, allowed_origins=frozenset({CONSOLE})) as url:
        yield url


async def call(url: str, method: str, **headers: str) -> httpx.Response:
    """Send a request without a body; header names have `_` for `-`."""
    header_fields = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.request(method, url, headers=header_fields)


# Other origins


async def test_pages_of_an_allowed_origin_may_send_requests_and_read_responses(shared: System, open_url: str) -> None:
    preflight = await call(f"{open_url}/graphql", "OPTIONS", origin=CONSOLE, **PREFLIGHT)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, CONSOLE)
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    assert "POST" in preflight.headers["access-control-allow-methods"]
    client = type(shared.admin)(open_url, shared.admin.token)
    for accept in ("application/json", "text/event-stream"):
        answer = await send(client, QUERY, origin=CONSOLE, accept=accept)
        assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == CONSOLE
        assert "Origin" in answer.headers["vary"] and "access-control-allow-credentials" not in answer.headers
    refused = await send(client, QUERY, origin=CONSOLE, authorization="Bearer nobody")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, CONSOLE)
    assert "Origin" in (await send(client, QUERY)).headers["vary"]


async def test_pages_of_other_origins_may_not(shared: System, open_url: str) -> None:
    for url, origin in ((open_url, OTHER), (shared.url, CONSOLE), (open_url, "null"), (open_url, f"{CONSOLE}:8443")):
        preflight = await call(f"{url}/graphql", "OPTIONS", origin=origin, **PREFLIGHT)
        assert (preflight.status_code, code(preflight.json())) == (403, "ORIGIN_NOT_ALLOWED")
        assert "BOREAS_ALLOWED_ORIGINS" in preflight.json()["errors"][0]["message"]
        answer = await send(type(shared.admin)(url, shared.admin.token), QUERY, origin=origin)
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_sockets_are_allowed_for_the_same_origins(shared: System, open_url: str) -> None:
    async def open_socket(url: str, origin: str) -> int:
        address = f"{url.replace('http', 'ws')}/graphql"
        try:
            async with websockets.connect(
                address, subprotocols=[PROTOCOL], proxy=None, origin=websockets.Origin(origin)
            ):
                return 101
        except websockets.InvalidStatus as refused:
            return refused.response.status_code

    assert [await open_socket(open_url, origin) for origin in (CONSOLE, open_url, OTHER)] == [101, 101, 403]
    assert [await open_socket(shared.url, origin) for origin in (shared.url, CONSOLE)] == [101, 403]


# Compression


async def test_a_large_response_is_compressed_if_the_client_accepts_it(shared: System) -> None:
    body = json.dumps({"query": get_introspection_query()}).encode()
    plain = await send(shared.admin, body, accept_encoding="identity")
    assert "content-encoding" not in plain.headers and len(plain.content) > LARGE_BYTES
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"authorization": f"Bearer {shared.admin.token}", "content-type": "application/json"}
        request = http.build_request("POST", f"{shared.url}/graphql", content=body, headers=headers)
        answer = await http.send(request, stream=True)
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert (answer.headers["content-encoding"], int(answer.headers["content-length"])) == ("gzip", len(raw))
    assert gzip.decompress(raw) == plain.content and len(raw) < len(plain.content) / 5
    assert plain.headers["vary"] == answer.headers["vary"] == "Accept-Encoding"


async def test_small_responses_and_streams_are_not_compressed(shared: System) -> None:
    for accept, query in (("application/json", "{ __typename }"), ("text/event-stream", get_introspection_query())):
        body = json.dumps({"query": query}).encode()
        answer = await send(shared.admin, body, accept=accept, accept_encoding="gzip")
        assert answer.status_code == 200 and "content-encoding" not in answer.headers


def test_accept_encoding_admits_gzip() -> None:
    yes = ("gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8, *;q=0.1", "*", "GZIP", "x-gzip", "deflate,gzip;q=0.001")
    no = ("", "identity", "br, zstd", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *", "notgzip")
    assert [accepts_gzip(header) for header in yes] == [True] * len(yes)
    assert [accepts_gzip(header) for header in no] == [False] * len(no)


# Another spelling, and HEAD


async def test_a_trailing_slash_changes_nothing(shared: System) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"authorization": f"Bearer {shared.admin.token}"}
        answer = await http.post(f"{shared.url}/graphql/", json={"query": "{ __typename }"}, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"data": {"__typename": "Query"}})
    address = f"{shared.url.replace('http', 'ws')}/graphql/"
    async with websockets.connect(address, subprotocols=[PROTOCOL], proxy=None, additional_headers=headers) as socket:
        await socket.send('{"type": "connection_init"}')
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await begin(socket, "1", "{ __typename }")
        assert json.loads(await socket.recv())["payload"] == {"data": {"__typename": "Query"}}


async def test_head_has_the_headers_of_get_and_no_body(shared: System) -> None:
    bearer = f"Bearer {shared.admin.token}"
    for query, accept in (("{ __typename }", "*/*"), ("{ nothing }", "*/*"), (FEED, "text/event-stream")):
        url = f"{shared.url}/graphql?query={query}&variables=%7B%22id%22:%22x%22%7D"
        head = await call(url, "HEAD", authorization=bearer, accept=accept)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"].startswith(accept.replace("*/*", "application/json"))
    assert (await call(f"{shared.url}/graphql?query={{ __typename }}", "HEAD")).status_code == 401


# Sockets that are refused


async def test_a_refused_socket_says_what_to_send(shared: System) -> None:
    async def close_code(payload: dict[str, Any]) -> tuple[int, str]:
        address = f"{shared.url.replace('http', 'ws')}/graphql"
        async with websockets.connect(address, subprotocols=[PROTOCOL], proxy=None) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            return closed.value.rcvd.code, closed.value.rcvd.reason

    for payload in ({}, {"authorization": "Bearer nothing"}, {"headers": {"Authorization": "Bearer nothing"}}):
        number, reason = await close_code(payload)
        assert number == 4403 and "Authorization: Bearer TOKEN" in reason and "connection_init" in reason
    assert "not valid" in (await close_code({"Authorization": "Bearer x"}))[1]


async def test_a_token_may_come_as_a_header_in_the_payload(shared: System) -> None:
    address = f"{shared.url.replace('http', 'ws')}/graphql"
    payload = {"headers": {"Authorization": f"Bearer {shared.admin.token}"}}
    async with websockets.connect(address, subprotocols=[PROTOCOL], proxy=None) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"


# Streams of a process that stops


@pytest.mark.parametrize("accept", ["text/event-stream", 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'])
async def test_streams_end_at_once_when_the_process_stops(shared: System, accept: str) -> None:
    environment = await world(shared.admin)
    await environment.application("web")
    deployment = await environment.deploy(tasks=[task("t")], autoStart=False)
    texts: list[str] = []
    body = {"query": FEED, "variables": {"id": deployment}}
    headers = {"authorization": f"Bearer {shared.admin.token}", "accept": accept}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        async with served(shared.runtime, timeout_graceful_shutdown=60) as url:
            answer = await http.send(
                http.build_request("POST", f"{url}/graphql", json=body, headers=headers), stream=True
            )
            lines = answer.aiter_text()
            while "cursor" not in "".join(texts):
                texts.append(await anext(lines))
        async with asyncio.timeout(10):
            texts += [text async for text in lines]
    text = "".join(texts)
    assert "complete" not in text and "come back" in text
    assert accept.startswith("text") or text.endswith("--graphql--\r\n")
