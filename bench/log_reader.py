"""One log subscriber in a process of its own: reports the age of each line, by the time printed in it.

Reads where to subscribe as JSON from the standard input, and writes the ages as JSON to the standard output.
"""

import asyncio
import json
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import msgspec
import websockets

WHOLE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Where:
    """What to subscribe to."""

    url: str
    token: str
    document: str
    variables: dict[str, Any]


class _Line(msgspec.Struct):
    message: str


class _Batch(msgspec.Struct):
    lines: list[_Line]


class _Data(msgspec.Struct):
    data: dict[str, _Batch]


class _Message(msgspec.Struct):
    type: str
    payload: _Data | None = None


_decode = msgspec.json.Decoder(_Message).decode


async def ages(where: Where) -> list[float]:
    """Follow to the end and return how old each line was when it came, in seconds."""
    address = where.url.replace("http", "ws") + "/graphql"
    found: list[float] = []
    protocols = [websockets.Subprotocol("graphql-transport-ws")]
    async with websockets.connect(
        address, subprotocols=protocols, proxy=None, max_size=None, compression=None
    ) as socket:
        headers = {"Authorization": f"Bearer {where.token}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": headers}))
        await socket.recv()
        operation = {"query": where.document, "variables": where.variables}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": operation}))
        while True:
            message = _decode(await socket.recv(decode=False))
            now = time.time()
            if message.payload is None:
                return found
            (batch,) = message.payload.data.values()
            found += [now - float(line.message[:20]) for line in batch.lines if line.message[:1].isdecimal()]


def main() -> None:
    """Read where, follow, write the ages."""
    signal.alarm(WHOLE_SECONDS)
    json.dump(asyncio.run(ages(Where(**json.load(sys.stdin)))), sys.stdout)


if __name__ == "__main__":
    main()
