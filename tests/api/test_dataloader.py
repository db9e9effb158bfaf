"""Data loaders: batches, caching, cancelled callers and errors."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextvars import ContextVar
from typing import Any

import pytest

from app.api.execution import dataloader
from app.api.execution.dataloader import CoalescingLoader, DataLoader

WHERE: ContextVar[str] = ContextVar("WHERE", default="nowhere")


class Source:
    """Returns the number of loads so far for each key. `open` lets loads end."""

    def __init__(self) -> None:
        self.loads: list[list[str]] = []
        self.seen: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def load_list(self, keys: Sequence[str]) -> list[int]:
        values = await self.load_mapping(keys)
        return [values[key] for key in keys]

    async def load_mapping(self, keys: Sequence[str]) -> dict[str, int]:
        self.loads.append(sorted(keys))
        self.seen.append(WHERE.get())
        number = len(self.loads)
        await self.open.wait()
        if "bad" in keys:
            raise LookupError("bad")
        return dict.fromkeys(keys, number)


async def test_a_loader_batches_keys_and_caches_their_values() -> None:
    source = Source()
    loader = DataLoader(source.load_list)
    assert await loader.load_many("aba") == [1, 1, 1]
    assert await loader.load_many(["b", "c"]) == [1, 2]
    assert source.loads == [["a", "b"], ["c"]]


async def test_concurrent_loads_of_a_key_share_one_batch() -> None:
    source = Source()
    source.open.clear()
    loader = DataLoader(source.load_list)
    first_load = asyncio.ensure_future(loader.load("a"))
    await asyncio.sleep(0.01)
    second_load = asyncio.ensure_future(loader.load("a"))
    source.open.set()
    assert await first_load == await second_load == 1
    assert source.loads == [["a"]]


@pytest.mark.parametrize("kind", ["loader", "together"])
async def test_a_cancelled_caller_does_not_cancel_the_load_of_others(kind: str) -> None:
    source = Source()
    source.open.clear()
    loader, together = DataLoader(source.load_list), CoalescingLoader(source.load_mapping)

    async def load_one() -> Any:
        return await loader.load("a") if kind == "loader" else (await together(["a"]))["a"]

    cancelled, waiting = asyncio.create_task(load_one()), asyncio.create_task(load_one())
    await asyncio.sleep(0.01)
    cancelled.cancel()
    source.open.set()
    assert await waiting == 1
    with pytest.raises(asyncio.CancelledError):
        await cancelled


async def test_an_error_reaches_all_callers_and_is_not_cached() -> None:
    source = Source()
    loader, together = DataLoader(source.load_list), CoalescingLoader(source.load_mapping)
    loads: list[Awaitable[Any]] = [loader.load("bad"), loader.load("a"), together(["bad"]), together(["a"])]
    for result in await asyncio.gather(*loads, return_exceptions=True):
        assert isinstance(result, LookupError)
    assert (await loader.load("a"), await together(["a"])) == (3, {"a": 4})


async def test_an_answer_of_the_wrong_length_is_an_error() -> None:
    async def load_no_values(keys: list[str]) -> list[int]:
        return []

    with pytest.raises(LookupError):
        await DataLoader(load_no_values).load("a")


async def test_a_coalescing_loader_never_returns_an_earlier_load() -> None:
    source = Source()
    source.open.clear()
    together = CoalescingLoader(source.load_mapping)
    first_load = asyncio.create_task(together(["a"]))
    await asyncio.sleep(0.01)
    second_load = asyncio.create_task(together(["a"]))
    await asyncio.sleep(0.01)
    source.open.set()
    assert (await first_load, await second_load) == ({"a": 1}, {"a": 2})


async def test_calls_that_wait_for_a_busy_source_share_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataloader, "MAX_CONCURRENT_BATCHES", 1)
    monkeypatch.setattr(dataloader, "MAX_BATCH_KEYS", 3)
    source = Source()
    source.open.clear()
    together = CoalescingLoader(source.load_mapping)
    loads = []
    for key in "abbcde":
        loads.append(asyncio.create_task(together([key])))
        await asyncio.sleep(0.01)
    source.open.set()
    await asyncio.gather(*loads)
    assert source.loads == [["a"], ["b", "c"], ["d", "e"]] or source.loads == [["a"], ["b", "c", "d"], ["e"]]
    assert len(await together([str(number) for number in range(9)])) == 9
    assert len(source.loads) == 4


async def test_a_batch_runs_outside_of_the_context_of_its_callers() -> None:
    source = Source()
    WHERE.set("a transaction")
    await CoalescingLoader(source.load_mapping)(["a"])
    assert source.seen == ["nowhere"]
