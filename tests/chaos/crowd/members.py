"""Subscribers that reconnect: each records its items, and resumes from its last cursor at another API."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tests.support.light_socket import LightSocket

FINAL = "complete"


@dataclass(frozen=True, slots=True)
class Topic:
    """The feed of one object. `items` names the list in its batches."""

    feed: str
    items: str
    document: str
    id: str


class _Line(msgspec.Struct):
    cursor: str


class _Item(msgspec.Struct):
    cursor: str | None = None
    task: dict[str, str] | None = None
    line: _Line | None = None

    @property
    def name(self) -> str:
        """Its unique name within the feed."""
        if self.line is not None and self.task is not None:
            return f"{self.task['id']} {self.line.cursor}"
        return self.cursor or ""


class _Batch(msgspec.Struct):
    cursor: str
    events: list[_Item] = []
    lines: list[_Item] = []


class _Payload(msgspec.Struct):
    data: dict[str, _Batch] | None = None
    errors: Any = None


class _Next(msgspec.Struct):
    payload: _Payload


_decode = msgspec.json.Decoder(_Next).decode


@dataclass(slots=True)
class Batches:
    """The content of messages, parsed once for all members that receive the same."""

    content_by_message: dict[bytes, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def read(self, message: bytes) -> tuple[str, tuple[str, ...]]:
        """Return the cursor of a message and the names of its items. Raises ValueError when it is an error."""
        content = self.content_by_message.get(message)
        if content is None:
            payload = _decode(message).payload
            if payload.errors or not payload.data:
                raise ValueError(message.decode())
            (batch,) = payload.data.values()
            content = batch.cursor, tuple(item.name for item in (*batch.events, *batch.lines))
            if len(self.content_by_message) > 5000:
                self.content_by_message.clear()
            self.content_by_message[message] = content
        return content


class Member:
    """One subscriber, with the names of all items in order, and its faults."""

    def __init__(self, topic: Topic, urls: list[str], token: str, batches: Batches, chance: random.Random) -> None:
        self.topic = topic
        self.item_names: list[str] = []
        self.faults: list[str] = []
        self.connections = 0
        self.completed = asyncio.Event()
        self._urls, self._token, self._batches, self._chance = urls, token, batches, chance
        self._cursor: str | None = None
        self._socket: LightSocket | None = None
        self._pause = 0.0

    async def follow(self) -> None:
        """Follow to the end of the feed, over as many connections as it takes."""
        while not self.completed.is_set():
            try:
                reason = await self._connect(self._chance.choice(self._urls))
            except OSError:
                reason = "lost"
            if reason == FINAL:
                self.completed.set()
                return
            if reason != "lost" and not reason.startswith(("closed with 1012", "closed with 1001", "HTTP/1.1 5")):
                self.faults.append(reason)
            await asyncio.sleep(max(self._pause, self._chance.uniform(0.05, 0.5)))
            self._pause = 0.0

    def drop(self, seconds: float) -> None:
        """Break the connection, and reconnect after some seconds."""
        self._pause = seconds
        if self._socket is not None:
            self._socket.abort()

    async def _connect(self, url: str) -> str:
        end_reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        variables = {"id": self.topic.id} | ({"after": self._cursor} if self._cursor else {})
        operation = {"query": self.topic.document, "variables": variables}
        socket = self._socket = LightSocket(
            url,
            self._token,
            operation,
            self._receive,
            lambda reason: None if end_reason.done() else end_reason.set_result(reason),
        )
        parts = urlsplit(url)
        await asyncio.get_running_loop().create_connection(lambda: socket, parts.hostname or "", parts.port or 80)
        self.connections += 1
        try:
            return await end_reason
        finally:
            socket.abort()

    def _receive(self, message: bytes) -> None:
        try:
            self._cursor, names = self._batches.read(message)
        except ValueError as error:
            self.faults.append(str(error)[:300])
            return
        self.item_names += names
