"""Raw requests, sockets and server-sent events, where a whole client would hide details."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import httpx
import websockets
from httpx_sse import aconnect_sse

from tests.support.client import Client, Data

PROTOCOL = websockets.Subprotocol("graphql-transport-ws")


async def send(
    client: Client, body: bytes | AsyncIterator[bytes], method: str = "POST", **headers: str
) -> httpx.Response:
    """Send bytes as the body of a request with the client's token; header names have `_` for `-`."""
    base = {"authorization": f"Bearer {client.token}", "content-type": "application/json"}
    header_fields = base | {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as http:
        return await http.request(method, f"{client.url}/graphql", content=body, headers=header_fields)


async def execute(client: Client, document: str, variables: Mapping[str, Any]) -> Data:
    """Send an operation with any strings that JSON can express, and return its result."""
    response = await send(client, json.dumps({"query": document, "variables": variables}).encode())
    result: Data = response.json()
    return result


async def get(client: Client, document: str, **parameters: str) -> httpx.Response:
    """Send an operation by GET."""
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        headers = {"authorization": f"Bearer {client.token}"}
        return await http.get(f"{client.url}/graphql", params={"query": document} | parameters, headers=headers)


async def greeting(url: str, *messages: Data, token: str | None = None) -> tuple[list[str], int | None]:
    """Send messages over a new socket; return the types of the answers, and the close code."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = url.replace("http", "ws") + "/graphql"
    types: list[str] = []
    async with websockets.connect(address, subprotocols=[PROTOCOL], proxy=None, additional_headers=headers) as socket:
        for message in messages:
            await socket.send(json.dumps(message))
        try:
            async with asyncio.timeout(5):
                while "connection_ack" not in types:
                    types.append(json.loads(await socket.recv())["type"])
        except websockets.ConnectionClosed as closed:
            return types, closed.rcvd.code if closed.rcvd else None
    return types, None


async def begin(socket: websockets.ClientConnection, id_: str, document: str, **variables: Any) -> None:
    """Send an operation over a socket without waiting for its result."""
    payload = {"query": document, "variables": variables}
    await socket.send(json.dumps({"id": id_, "type": "subscribe", "payload": payload}))


async def operate(socket: websockets.ClientConnection, document: str, **variables: Any) -> list[Data]:
    """Run an operation over a socket to its end, and return the payload of every message."""
    await begin(socket, "1", document, **variables)
    payloads: list[Data] = []
    while True:
        message = json.loads(await socket.recv())
        if message["type"] == "complete":
            return payloads
        if message["type"] == "error":
            return [*payloads, {"data": None, "errors": message["payload"]}]
        payloads.append(message["payload"])


async def answers(client: Client, document: str, **variables: Any) -> list[Data]:
    """Run an operation over a socket of its own."""
    async with client.socket() as socket:
        return await operate(socket, document, **variables)


def code(result: Data) -> str | None:
    """Return the code of a result's first error; None when there is no error."""
    errors = result.get("errors")
    return str(errors[0].get("extensions", {}).get("code")) if errors else None


async def events(client: Client, document: str, **variables: Any) -> AsyncGenerator[Data, None]:
    """Yield the results of a subscription over SSE. Raises RemoteProtocolError if it is cut off."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as http:
        headers = {"Authorization": f"Bearer {client.token}", "Accept": "text/event-stream"}
        body = {"query": document, "variables": variables}
        async with aconnect_sse(http, "POST", f"{client.url}/graphql", json=body, headers=headers) as source:
            source.response.raise_for_status()
            async for event in source.aiter_sse():
                if event.event == "complete":
                    return
                if event.data:
                    yield json.loads(event.data)
            raise httpx.RemoteProtocolError("The stream ended, and is not complete.")
