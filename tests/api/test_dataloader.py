"""Loading in one go.

What goes together, what is kept, and what becomes of those who give up or ask for what fails.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextvars import ContextVar
from typing import Any

import pytest

from app.api.execution import dataloader
from app.api.execution.dataloader import CoalescingLoader, DataLoader

WHERE: ContextVar[str] = ContextVar("WHERE", default="nowhere")


class Source:
    """Answers each key with how many loads there were; `open` lets loads end."""

    def __init__(self) -> None:
        self.loads: list[list[str]] = []
        self.seen: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def listed(self, keys: Sequence[str]) -> list[int]:
        found = await self.mapped(keys)
        return [found[key] for key in keys]

    async def mapped(self, keys: Sequence[str]) -> dict[str, int]:
        self.loads.append(sorted(keys))
        self.seen.append(WHERE.get())
        number = len(self.loads)
        await self.open.wait()
        if "bad" in keys:
            raise LookupError("bad")
        return dict.fromkeys(keys, number)


async def test_a_loader_asks_once_for_what_is_wanted_together_and_keeps_it() -> None:
    source = Source()
    loader = DataLoader(source.listed)
    assert await loader.load_many("aba") == [1, 1, 1]
    assert await loader.load_many(["b", "c"]) == [1, 2]
    assert source.loads == [["a", "b"], ["c"]]


async def test_a_key_that_is_being_loaded_is_not_asked_for_again() -> None:
    source = Source()
    source.open.clear()
    loader = DataLoader(source.listed)
    first = asyncio.ensure_future(loader.load("a"))
    await asyncio.sleep(0.01)
    second = asyncio.ensure_future(loader.load("a"))
    source.open.set()
    assert await first == await second == 1
    assert source.loads == [["a"]]


@pytest.mark.parametrize("kind", ["loader", "together"])
async def test_who_gives_up_leaves_the_answer_to_the_others(kind: str) -> None:
    source = Source()
    source.open.clear()
    loader, together = DataLoader(source.listed), CoalescingLoader(source.mapped)

    async def ask() -> Any:
        return await loader.load("a") if kind == "loader" else (await together(["a"]))["a"]

    gone, waiting = asyncio.create_task(ask()), asyncio.create_task(ask())
    await asyncio.sleep(0.01)
    gone.cancel()
    source.open.set()
    assert await waiting == 1
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_what_fails_fails_for_all_who_asked_and_is_asked_again_afterwards() -> None:
    source = Source()
    loader, together = DataLoader(source.listed), CoalescingLoader(source.mapped)
    asking: list[Awaitable[Any]] = [loader.load("bad"), loader.load("a"), together(["bad"]), together(["a"])]
    for found in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(found, LookupError)
    assert (await loader.load("a"), await together(["a"])) == (3, {"a": 4})


async def test_an_answer_of_the_wrong_length_is_an_error() -> None:
    async def nothing(keys: list[str]) -> list[int]:
        return []

    with pytest.raises(LookupError):
        await DataLoader(nothing).load("a")


async def test_nobody_gets_what_was_loaded_before_they_asked() -> None:
    source = Source()
    source.open.clear()
    together = CoalescingLoader(source.mapped)
    first = asyncio.create_task(together(["a"]))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(together(["a"]))
    await asyncio.sleep(0.01)
    source.open.set()
    assert (await first, await second) == ({"a": 1}, {"a": 2})


async def test_those_who_wait_for_a_busy_source_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataloader, "MAX_CONCURRENT_BATCHES", 1)
    monkeypatch.setattr(dataloader, "MAX_BATCH_KEYS", 3)
    source = Source()
    source.open.clear()
    together = CoalescingLoader(source.mapped)
    asking = []
    for key in "abbcde":
        asking.append(asyncio.create_task(together([key])))
        await asyncio.sleep(0.01)
    source.open.set()
    await asyncio.gather(*asking)
    assert source.loads == [["a"], ["b", "c"], ["d", "e"]] or source.loads == [["a"], ["b", "c", "d"], ["e"]]
    assert len(await together([str(number) for number in range(9)])) == 9
    assert len(source.loads) == 4


async def test_what_is_loaded_together_is_loaded_outside_of_whatever_anybody_is_in() -> None:
    source = Source()
    WHERE.set("a transaction")
    await CoalescingLoader(source.mapped)(["a"])
    assert source.seen == ["nowhere"]
