"""graphql-transport-ws by its letter: what breaks the protocol closes the socket, what breaks an operation does not."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets

from tests.api.support.wire import PROTOCOL, begin, code
from tests.support.client import Data
from tests.support.system import System

QUERY = {"query": "{ viewer { __typename } }"}
Socket = websockets.ClientConnection


@asynccontextmanager
async def opened(system: System, *protocols: str) -> AsyncIterator[Socket]:
    """Open a socket, and say nothing."""
    address = system.url.replace("http", "ws") + "/graphql"
    asked = [websockets.Subprotocol(name) for name in protocols]
    async with websockets.connect(address, subprotocols=asked or None, proxy=None) as socket:
        yield socket


async def closing(socket: Socket) -> tuple[int, str]:
    """Read until the socket is closed, and return with which code, and why."""
    with pytest.raises(websockets.ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code or 0, socket.close_reason or ""


async def answer(socket: Socket, message: Mapping[str, Any]) -> Data:
    """Send a message, and return the next one."""
    await socket.send(json.dumps(message))
    found: Data = json.loads(await socket.recv())
    return found


async def works(socket: Socket) -> bool:
    """Whether operations are still run."""
    found = await answer(socket, {"id": "still", "type": "subscribe", "payload": QUERY})
    ended: Data = json.loads(await socket.recv())
    return (found["id"], found["type"], ended["type"]) == ("still", "next", "complete")


# Operations

BROKEN = {
    "a syntax error": {"query": "{"},
    "no text": {"query": ""},
    "a field that is not there": {"query": "{ nothing }"},
    "a variable that is missing": {"query": "subscription($id: ID!) { deploymentEvents(id: $id) { cursor } }"},
    "an operation that is not there": {"query": "query A { viewer { id } }", "operationName": "B"},
    "several operations": {"query": "query A { viewer { id } } query B { viewer { id } }"},
    "no operation": {"query": "fragment F on User { id }"},
}


@pytest.mark.parametrize("what", BROKEN)
async def test_an_operation_that_can_not_be_run_costs_only_itself(shared: System, what: str) -> None:
    async with shared.admin.socket() as socket:
        found = await answer(socket, {"id": "a", "type": "subscribe", "payload": BROKEN[what]})
        errors = found["payload"] if found["type"] == "error" else found["payload"]["errors"]
        assert (found["id"], bool(errors[0]["message"])) == ("a", True)
        assert code({"errors": errors}) != "INTERNAL", errors
        if found["type"] == "next":
            assert json.loads(await socket.recv()) == {"id": "a", "type": "complete"}
        assert await works(socket)


async def test_a_syntax_error_leaves_the_other_operations_alone(shared: System) -> None:
    async with shared.admin.socket() as socket:
        await begin(socket, "good", QUERY["query"])
        await begin(socket, "bad", "{")
        found = [json.loads(await socket.recv()) for _ in range(3)]
        assert {(each["id"], each["type"]) for each in found} == {
            *(("good", "next"), ("good", "complete"), ("bad", "error"))
        }


async def test_an_id_can_be_used_again_after_its_operation(shared: System) -> None:
    async with shared.admin.socket() as socket:
        for _ in range(3):
            assert await works(socket)
            refused = await answer(socket, {"id": "still", "type": "subscribe", "payload": {"query": "{"}})
            assert refused["type"] == "error"


# Messages

FAULTS: dict[str, Any] = {
    "a number for an id": {"id": 1, "type": "subscribe", "payload": QUERY},
    "no id": {"type": "subscribe", "payload": QUERY},
    "an empty id": {"id": "", "type": "subscribe", "payload": QUERY},
    "a number for the id of a complete": {"id": 1, "type": "complete"},
    "no payload": {"id": "a", "type": "subscribe"},
    "a list for a payload": {"id": "a", "type": "subscribe", "payload": []},
    "no query": {"id": "a", "type": "subscribe", "payload": {}},
    "a number for a query": {"id": "a", "type": "subscribe", "payload": {"query": 1}},
    "a list for variables": {"id": "a", "type": "subscribe", "payload": QUERY | {"variables": []}},
    "a text for extensions": {"id": "a", "type": "subscribe", "payload": QUERY | {"extensions": "x"}},
    "a number for a name": {"id": "a", "type": "subscribe", "payload": QUERY | {"operationName": 1}},
    "a message of the server's": {"id": "a", "type": "next", "payload": {}},
    "an unknown type": {"type": "x" * 1000},
    "a list for a type": {"type": ["ping"]},
    "no type": {},
    "no object": [],
    "null": None,
    "a text for the payload of a ping": {"type": "ping", "payload": "x"},
}


@pytest.mark.parametrize("what", FAULTS)
async def test_a_message_that_breaks_the_protocol_closes_the_socket_and_says_why(shared: System, what: str) -> None:
    async with shared.admin.socket() as socket:
        await socket.send(json.dumps(FAULTS[what]))
        status, reason = await closing(socket)
        assert status == 4400 and reason


@pytest.mark.parametrize("data", ["{", "", '"' + "9" * 10, "9" * 5000, "[" * 100_000, b"\x00", b'{"type": "ping"}'])
async def test_what_is_no_json_in_text_closes_the_socket(shared: System, data: str | bytes) -> None:
    async with shared.admin.socket() as socket:
        await socket.send(data)
        assert (await closing(socket))[0] == 4400


async def test_an_id_that_is_taken_closes_the_socket_however_long_it_is(shared: System) -> None:
    document = "subscription { deploymentsChanged { __typename } }"
    async with shared.admin.socket() as socket:
        for _ in range(2):
            await begin(socket, "é" * 500, document)
        assert (await closing(socket))[0] == 4409


async def test_a_ping_is_answered_with_what_came_along(shared: System) -> None:
    async with shared.admin.socket() as socket:
        assert await answer(socket, {"type": "ping"}) == {"type": "pong"}
        assert await answer(socket, {"type": "ping", "payload": None}) == {"type": "pong"}
        assert await answer(socket, {"type": "ping", "payload": {"at": 1}}) == {"type": "pong", "payload": {"at": 1}}
        await socket.send(json.dumps({"type": "pong"}))
        assert await answer(socket, {"type": "ping"}) == {"type": "pong"}


# Connections


async def test_the_legacy_protocol_is_refused(shared: System) -> None:
    for protocols in (["graphql-ws"], [], ["chat"]):
        async with opened(shared, *protocols) as socket:
            assert socket.subprotocol is None
            assert (await closing(socket))[0] == 4406


async def test_the_protocol_is_found_among_others(shared: System) -> None:
    async with opened(shared, "graphql-ws", PROTOCOL) as socket:
        assert socket.subprotocol == PROTOCOL
        headers = {"authorization": f"Bearer {shared.admin.token}"}
        assert await answer(socket, {"type": "connection_init", "payload": headers}) == {"type": "connection_ack"}
        assert await works(socket)


async def test_a_connection_without_a_token_is_forbidden(shared: System) -> None:
    for payload in (
        {},
        {"payload": None},
        {"payload": {"authorization": "Bearer nobody"}},
        {"payload": {"authorization": 1}},
    ):
        async with opened(shared, PROTOCOL) as socket:
            await socket.send(json.dumps({"type": "connection_init", **payload}))
            assert (await closing(socket))[0] == 4403


async def test_operations_wait_for_the_acknowledgement(shared: System) -> None:
    async with opened(shared, PROTOCOL) as socket:
        await begin(socket, "a", QUERY["query"])
        assert (await closing(socket))[0] == 4401


async def test_a_connection_is_initialised_once(shared: System) -> None:
    async with shared.admin.socket() as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert (await closing(socket))[0] == 4429
