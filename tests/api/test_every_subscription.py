"""Sends odd values to every argument of every subscription over a socket.

Refused or followed, never broken.

Text that the database cannot store is refused with the name of its argument, in queries and subscriptions alike.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from graphql import get_named_type

from tests.api.support.odd_arguments import CORE, FORMS, Place, draw_values, operation, places, to_json
from tests.api.support.playground import Playground, playground, refusals
from tests.support.system import System

AT_ONCE = 60
EACH = 30
QUIET_SECONDS = 0.3
"""Seconds without a message after which a subscription counts as accepted."""
FIELDS = sorted({place.field for place in places("subscription")})
TEXTS = {"String", "ID", "Cursor"}


@pytest.fixture(scope="module")
async def ground(shared: System) -> AsyncIterator[Playground]:
    async with playground(shared) as playground_:
        yield playground_


async def run_subscriptions(ground: Playground, requests: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Start subscriptions over one socket, return the messages of each, and end those that continue."""
    messages: dict[str, list[Any]] = {str(number): [] for number in range(len(requests))}
    async with ground.system.admin.socket() as socket:
        for number, request in enumerate(requests):
            await socket.send(to_json({"id": str(number), "type": "subscribe", "payload": request}))
        going = set(messages)
        while going:
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    message = json.loads(await socket.recv())
            except TimeoutError:
                break
            if message["type"] in ("next", "error"):
                messages[message["id"]].append(message["payload"])
            if message["type"] in ("error", "complete"):
                going.discard(message["id"])
        for id_ in going:
            await socket.send(json.dumps({"id": id_, "type": "complete"}))
        await socket.send(json.dumps({"type": "ping"}))
        while json.loads(await socket.recv())["type"] != "pong":
            pass
    return messages


def valid_arguments(ground: Playground) -> dict[str, Any]:
    ids = {f"{kind}Id": id_ for kind, id_ in ground.ids.items()}
    return ids | {"id": ground.ids["ended"], "deploymentId": ground.ids["ended"]}


@pytest.mark.parametrize("field", FIELDS)
async def test_every_argument_of_a_subscription(ground: Playground, field: str) -> None:
    chance = Random(field)
    chosen = [
        (place, value, form)
        for place in places("subscription")
        if place.field == field
        for value, form in draw_values(place, ground.victims, chance, EACH)
    ]
    for begin in range(0, len(chosen), AT_ONCE):
        batch = chosen[begin : begin + AT_ONCE]
        requests = [
            operation(place, valid_arguments(ground), value, form, "{ __typename }") for place, value, form in batch
        ]
        messages = await run_subscriptions(ground, requests)
        for (place, value, form), payloads in zip(batch, messages.values(), strict=True):
            for payload in payloads:
                refusals(place, value, form, 200, {"errors": payload} if isinstance(payload, list) else payload)


def of_texts(root: str) -> list[Place]:
    return [place for place in places(root) if get_named_type(place.type).name in TEXTS and _is_single(place)]


def _is_single(place: Place) -> bool:
    return "[" not in str(place.type)


def path_of(place: Place) -> list[str]:
    """Return the path in a refusal."""
    steps = ["0" if step == "*" else step for step in place.path]
    return steps[1:] if steps[0] == "input" else steps


@pytest.mark.parametrize("text", ["a\0b", "\ud83d"])
async def test_a_value_that_is_not_text_is_refused_with_its_argument(ground: Playground, text: str) -> None:
    await ground.deployment()
    for place in of_texts("query"):
        for form in FORMS if "\0" in text else ("variable",):
            selected = "{ __typename }" if get_named_type(CORE_QUERY[place.field].type).name != "String" else ""
            request = operation(place, ground.usual(place.field), text, form, selected)
            status, answer = await ground.post(request)
            if form == "default" and "OneOf" in str(answer["errors"][0]["message"]):
                continue  # One of several is never null, as what has a default may be.
            reported = [(error["extensions"]["code"], error["extensions"].get("path")) for error in answer["errors"]]
            assert (status, reported) == (200, [("INVALID", path_of(place))]), (str(place), form, answer)
    for place in of_texts("subscription"):
        asked_all = [operation(place, valid_arguments(ground), text, form, "{ __typename }") for form in FORMS[1:2]]
        for payloads in (await run_subscriptions(ground, asked_all)).values():
            (payload,) = payloads
            (error,) = payload if isinstance(payload, list) else payload["errors"]
            assert (error["extensions"]["code"], error["extensions"]["path"]) == ("INVALID", path_of(place)), str(place)


CORE_QUERY: Any = CORE.type_map["Query"].fields  # type: ignore[attr-defined]
