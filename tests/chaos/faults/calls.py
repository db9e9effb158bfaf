"""A client that retries: it calls one API after the other until one answers."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import Any

import httpx

from tests.support.client import INPUTS, Client, Data

PATIENCE_SECONDS = 90.0
PAUSE_SECONDS = 0.2


class NoAnswerError(Exception):
    """No answer came in time, or the request was refused."""


class Calls:
    """Sends operations with retries. `unexpected_answers` are those that no outage explains."""

    def __init__(self, urls: Sequence[str], token: str) -> None:
        self._clients = itertools.cycle([Client(url, token) for url in urls])
        self.unexpected_answers: list[str] = []
        self.repeated = 0

    async def query(self, document: str, **variables: Any) -> Data:
        """Return the data of an operation that must succeed. Raises NoAnswerError."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            data, reason = await self._try(next(self._clients), document, variables)
            if data is not None:
                return data
            if time.monotonic() > until:
                raise NoAnswerError(f"no answer within {PATIENCE_SECONDS:g} s: {reason}")
            self.repeated += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _try(self, client: Client, document: str, variables: Data) -> tuple[Data | None, str]:
        try:
            response = await client.post(document, variables)
        except httpx.TransportError as error:
            return None, f"{type(error).__name__}: {error}"
        if response.status_code >= 500:
            return None, f"HTTP {response.status_code}"
        try:
            answer = response.json()
            errors = answer.get("errors") or []
        except (ValueError, AttributeError):
            errors = [{"message": f"HTTP {response.status_code}: {response.text[:200]}"}]
        if not errors:
            return dict(answer["data"]), ""
        if any(error.get("extensions", {}).get("code") != "INTERNAL" for error in errors):
            self.unexpected_answers.append(f"HTTP {response.status_code}: {errors}")
        return None, str(errors)

    async def change(self, name: str, selection: str, /, **fields: Any) -> Data:
        """Call a mutation, repeatedly under one idempotency key. Raises NoAnswerError where it is refused."""
        kind = INPUTS.get(name, name[0].upper() + name[1:])
        fields_wanted = f"{selection} errors {{ code message path }}"
        document = f"mutation($input: {kind}Input!) {{ {name}(input: $input) {{ {fields_wanted} }} }}"
        payload = (await self.query(document, input=fields))[name]
        if payload["errors"]:
            raise NoAnswerError(f"{name} was refused: {payload['errors']}")
        return dict(payload)
