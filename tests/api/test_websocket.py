"""graphql-transport-ws: an invalid message closes the socket, an invalid operation does not."""

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
    """Open a socket, and send nothing."""
    address = system.url.replace("http", "ws") + "/graphql"
    subprotocols = [websockets.Subprotocol(name) for name in protocols]
    async with websockets.connect(address, subprotocols=subprotocols or None, proxy=None) as socket:
        yield socket


async def closing(socket: Socket) -> tuple[int, str]:
    """Read until the socket is closed, and return its close code and reason."""
    with pytest.raises(websockets.ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code or 0, socket.close_reason or ""


async def answer(socket: Socket, message: Mapping[str, Any]) -> Data:
    """Send a message, and return the next one."""
    await socket.send(json.dumps(message))
    message_: Data = json.loads(await socket.recv())
    return message_


async def works(socket: Socket) -> bool:
    """Return whether the socket still executes operations."""
    first_message = await answer(socket, {"id": "still", "type": "subscribe", "payload": QUERY})
    last_message: Data = json.loads(await socket.recv())
    return (first_message["id"], first_message["type"], last_message["type"]) == ("still", "next", "complete")


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


@pytest.mark.parametrize("case", BROKEN)
async def test_an_invalid_operation_ends_only_itself(shared: System, case: str) -> None:
    async with shared.admin.socket() as socket:
        message = await answer(socket, {"id": "a", "type": "subscribe", "payload": BROKEN[case]})
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert (message["id"], bool(errors[0]["message"])) == ("a", True)
        assert code({"errors": errors}) != "INTERNAL", errors
        if message["type"] == "next":
            assert json.loads(await socket.recv()) == {"id": "a", "type": "complete"}
        assert await works(socket)


async def test_a_syntax_error_leaves_the_other_operations_alone(shared: System) -> None:
    async with shared.admin.socket() as socket:
        await begin(socket, "good", QUERY["query"])
        await begin(socket, "bad", "{")
        messages = [json.loads(await socket.recv()) for _ in range(3)]
        assert {(message["id"], message["type"]) for message in messages} == {
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


@pytest.mark.parametrize("case", FAULTS)
async def test_an_invalid_message_closes_the_socket_with_a_reason(shared: System, case: str) -> None:
    async with shared.admin.socket() as socket:
        await socket.send(json.dumps(FAULTS[case]))
        status, reason = await closing(socket)
        assert status == 4400 and reason


@pytest.mark.parametrize("data", ["{", "", '"' + "9" * 10, "9" * 5000, "[" * 100_000, b"\x00", b'{"type": "ping"}'])
async def test_a_message_that_is_not_json_text_closes_the_socket(shared: System, data: str | bytes) -> None:
    async with shared.admin.socket() as socket:
        await socket.send(data)
        assert (await closing(socket))[0] == 4400


async def test_a_used_id_of_any_length_closes_the_socket(shared: System) -> None:
    document = "subscription { deploymentsChanged { __typename } }"
    async with shared.admin.socket() as socket:
        for _ in range(2):
            await begin(socket, "é" * 500, document)
        assert (await closing(socket))[0] == 4409


async def test_a_ping_is_answered_with_its_payload(shared: System) -> None:
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


async def test_the_protocol_is_chosen_among_others(shared: System) -> None:
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
