"""Every argument of every subscription with unusual values: refused or followed, never broken.

Text that cannot be stored is refused by the name of its argument, in queries as in subscriptions.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from graphql import get_named_type
from tests.api.support.nasty_arguments import CORE, FORMS, Place, drawn, operation, places, spelt
from tests.api.support.nasty_place import Playground, playing, refusals

from tests.support.system import System

AT_ONCE = 60
ROUNDS = 30
QUIET_SECONDS = 0.3
"""A subscription without a message for so long counts as accepted."""
FIELDS = sorted({place.field for place in places("subscription")})
TEXTS = {"String", "ID", "Cursor"}


@pytest.fixture(scope="module")
async def ground(shared: System) -> AsyncIterator[Playground]:
    async with playing(shared) as made:
        yield made


async def followed(ground: Playground, asked: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Begin subscriptions over one socket, and return the payloads of each; those that go on are completed."""
    came: dict[str, list[Any]] = {str(number): [] for number in range(len(asked))}
    async with ground.system.admin.socket() as socket:
        for number, one in enumerate(asked):
            await socket.send(spelt({"id": str(number), "type": "subscribe", "payload": one}))
        going = set(came)
        while going:
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    message = json.loads(await socket.recv())
            except TimeoutError:
                break
            if message["type"] in ("next", "error"):
                came[message["id"]].append(message["payload"])
            if message["type"] in ("error", "complete"):
                going.discard(message["id"])
        for id_ in going:
            await socket.send(json.dumps({"id": id_, "type": "complete"}))
        await socket.send(json.dumps({"type": "ping"}))
        while json.loads(await socket.recv())["type"] != "pong":
            pass
    return came


def usual(ground: Playground) -> dict[str, Any]:
    ids = {f"{kind}Id": id_ for kind, id_ in ground.ids.items()}
    return ids | {"id": ground.ids["ended"], "deploymentId": ground.ids["ended"]}


@pytest.mark.parametrize("field", FIELDS)
async def test_every_argument_of_a_subscription_is_refused_or_followed(ground: Playground, field: str) -> None:
    chance = Random(field)
    chosen = [
        (place, value, form)
        for place in places("subscription")
        if place.field == field
        for value, form in drawn(place, ground.victims, chance, ROUNDS)
    ]
    for begin in range(0, len(chosen), AT_ONCE):
        some = chosen[begin : begin + AT_ONCE]
        asked = [operation(place, usual(ground), value, form, "{ __typename }") for place, value, form in some]
        came = await followed(ground, asked)
        for (place, value, form), payloads in zip(some, came.values(), strict=True):
            for payload in payloads:
                refusals(place, value, form, 200, {"errors": payload} if isinstance(payload, list) else payload)


def of_texts(root: str) -> list[Place]:
    return [place for place in places(root) if get_named_type(place.type).name in TEXTS and _is_single(place)]


def _is_single(place: Place) -> bool:
    return "[" not in str(place.type)


def named(place: Place) -> list[str]:
    """Return the path that a refusal names."""
    steps = ["0" if step == "*" else step for step in place.path]
    return steps[1:] if steps[0] == "input" else steps


@pytest.mark.parametrize("text", ["a\0b", "\ud83d"])
async def test_text_that_cannot_be_stored_is_refused_by_the_name_of_its_argument(ground: Playground, text: str) -> None:
    await ground.deployment()
    for place in of_texts("query"):
        for form in FORMS if "\0" in text else ("variable",):
            selected = "{ __typename }" if get_named_type(CORE_QUERY[place.field].type).name != "String" else ""
            asked = operation(place, ground.usual(place.field), text, form, selected)
            status, answer = await ground.post(asked)
            if form == "default" and "OneOf" in str(answer["errors"][0]["message"]):
                continue  # One of several is never null, as what has a default may be.
            told = [(error["extensions"]["code"], error["extensions"].get("path")) for error in answer["errors"]]
            assert (status, told) == (200, [("INVALID", named(place))]), (str(place), form, answer)
    for place in of_texts("subscription"):
        asked_all = [operation(place, usual(ground), text, form, "{ __typename }") for form in FORMS[1:2]]
        for payloads in (await followed(ground, asked_all)).values():
            (payload,) = payloads
            (error,) = payload if isinstance(payload, list) else payload["errors"]
            assert (error["extensions"]["code"], error["extensions"]["path"]) == ("INVALID", named(place)), str(place)


CORE_QUERY: Any = CORE.type_map["Query"].fields  # type: ignore[attr-defined]
