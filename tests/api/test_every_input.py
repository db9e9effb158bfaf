"""Every field of the input of every mutation, with what nobody expects: refused by name, or kept.

What was kept breaks no list, can be sent again as it is read, and is the same then.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from random import Random

import pytest

from tests.api.nasty import Place, places
from tests.api.nasty_place import Playground, can_be_sent_again, lists_hold, playing, send
from tests.support.system import System

EACH, AGAIN = 24, 4
PLACES = places("mutation")
FIELDS = sorted({place.field for place in PLACES})


@pytest.fixture(scope="module")
async def ground(shared: System) -> AsyncIterator[Playground]:
    async with playing(shared) as made:
        yield made


def many() -> dict[Place, int]:
    """Return how many values each place gets: a field of an input that stands in many places gets most in its first."""
    seen: dict[tuple[str, ...], int] = defaultdict(int)
    found = {}
    for place in PLACES:
        key = (str(place.type), *place.path[-2:])
        found[place] = AGAIN if seen[key] else EACH
        seen[key] += 1
    return found


MANY = many()


@pytest.mark.parametrize("field", FIELDS)
async def test_every_field_of_an_input(ground: Playground, field: str) -> None:
    chance = Random(field)
    for place in PLACES:
        if place.field == field:
            await send(ground, place, chance, MANY[place])
    await lists_hold(ground)
    await can_be_sent_again(ground)


def test_the_walk_finds_what_is_there() -> None:
    assert len(PLACES) > 300
    found = set(map(str, PLACES))
    assert {"createDeployment.input.tasks.*.command.env", "createFreezeWindow.input.recurrence"} <= found
