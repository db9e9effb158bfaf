"""Sends odd values to every field of every mutation's input: refused by name, or stored.

Stored values break no list, can be sent back as they are read, and are then unchanged.
"""

from collections.abc import AsyncIterator
from random import Random

import pytest

from tests.api.support.odd_arguments import places, values_per_place
from tests.api.support.playground import Playground, check_lists, check_round_trip, playground, send
from tests.support.system import System

EACH, AGAIN = 9, 1
PLACES = places("mutation")
MANY = values_per_place(PLACES, EACH, AGAIN)
AT_ONCE = 12
PARTS = {
    f"{field} {begin}": mine[begin : begin + AT_ONCE]
    for field in sorted({place.field for place in PLACES})
    for mine in ([place for place in PLACES if place.field == field],)
    for begin in range(0, len(mine), AT_ONCE)
}
"""The places of each mutation, a few at a time."""


@pytest.fixture(scope="module")
async def ground(shared: System) -> AsyncIterator[Playground]:
    async with playground(shared) as objects:
        yield objects


@pytest.mark.parametrize("part", PARTS)
async def test_every_field_of_an_input(ground: Playground, part: str) -> None:
    chance = Random(part)
    for place in PARTS[part]:
        await send(ground, place, chance, MANY[place])
    await check_lists(ground)
    await check_round_trip(ground)


def test_the_walk_finds_every_field() -> None:
    assert len(PLACES) > 300
    paths = set(map(str, PLACES))
    assert {"createDeployment.input.tasks.*.command.env", "createFreezeWindow.input.recurrence"} <= paths
