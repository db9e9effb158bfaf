"""Loads many keys at once.

For the fields of one operation, and for operations that ask at the same moment.

strawberry.dataloader cannot replace this one. It has no pause, so the slices of a long list become batches of their
own, and the statements of an operation grow with its rows (tests/api/test_statement_counts.py fails with it).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from contextvars import Context
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Load = Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]
"""Returns the values of some keys."""
MAX_CONCURRENT_BATCHES = 4
"""Batches of one loader that load at the same time: the fewer, the more keys go into one."""
RESULTS_PER_STEP = 100
"""Waiters that get their value in one step of the event loop: each goes on with what it needed the value for."""
MAX_BATCH_KEYS = 32
"""Keys of one batch for several operations: its rows are decoded in one piece, and other work waits for that."""


class DispatchPause:
    """While entered, the loaders of one operation only collect keys."""

    __slots__ = ("_deferred", "_depth")

    def __init__(self) -> None:
        self._depth = 0
        self._deferred: list[Callable[[], None]] = []

    @property
    def is_on(self) -> bool:
        """Whether loaders only collect keys."""
        return self._depth > 0

    def defer(self, dispatch: Callable[[], None]) -> None:
        """Call `dispatch` after the pause."""
        self._deferred.append(dispatch)

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            deferred, self._deferred = self._deferred, []
            loop = asyncio.get_running_loop()
            for dispatch in deferred:
                # The code that paused has yet to ask, and the tasks that it starts run before the second step.
                loop.call_soon(loop.call_soon, dispatch)


class DataLoader(Generic[K, V]):
    """Loads many keys by one call, and keeps the values for as long as one operation takes.

    Cancelling one waiter does not cancel the load of the others.
    """

    __slots__ = ("_load", "_pause", "_queue", "_values", "_waiters")

    def __init__(self, load: Callable[[list[K]], Awaitable[Sequence[V]]], pause: DispatchPause | None = None) -> None:
        """`load` returns the values in the order of the keys."""
        self._load = load
        self._pause = pause
        self._values: dict[K, V] = {}
        self._waiters: dict[K, list[asyncio.Future[V]]] = {}
        self._queue: list[K] = []

    def load(self, key: K) -> Awaitable[V]:
        """Return the value of a key, loaded with all other keys of this moment."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        if key in self._values:
            future.set_result(self._values[key])
        elif key in self._waiters:
            self._waiters[key].append(future)
        else:
            self._waiters[key] = [future]
            if not self._queue:
                loop.call_soon(self._dispatch)
            self._queue.append(key)
        return future

    async def load_many(self, keys: Iterable[K]) -> list[V]:
        """Return the values of some keys."""
        return [await future for future in [self.load(key) for key in keys]]

    def _dispatch(self) -> None:
        if self._pause is not None and self._pause.is_on:
            self._pause.defer(self._dispatch)
            return
        keys, self._queue = self._queue, []
        loading = asyncio.ensure_future(self._load(keys))
        loading.add_done_callback(lambda done: self._finish(keys, done))

    def _finish(self, keys: list[K], done: "asyncio.Future[Sequence[V]]") -> None:
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        values = () if error else done.result()
        if error is None and len(values) != len(keys):
            error = LookupError(f"{len(values)} values for {len(keys)} keys")
        if error is None:
            self._values.update(zip(keys, values, strict=True))
        waiters = [(future, key) for key in keys for future in self._waiters.pop(key)]
        self._resolve(waiters, 0, error)

    def _resolve(self, waiters: list[tuple[asyncio.Future[V], K]], start: int, error: BaseException | None) -> None:
        """Resolve some waiters now, and the others in later steps, after these have gone on."""
        for future, key in waiters[start : start + RESULTS_PER_STEP]:
            if future.done():
                continue
            if error is None:
                future.set_result(self._values[key])
            else:
                future.set_exception(error)
        if len(waiters) > start + RESULTS_PER_STEP:
            self._resolve_later(waiters, start + RESULTS_PER_STEP, error)

    def _resolve_later(
        self, waiters: list[tuple[asyncio.Future[V], K]], start: int, error: BaseException | None
    ) -> None:
        def resolve() -> None:
            with nullcontext() if self._pause is None else self._pause:
                paused.close()
                self._resolve(waiters, start, error)

        paused = ExitStack()
        if self._pause is not None:
            paused.enter_context(self._pause)
        asyncio.get_running_loop().call_soon(resolve)


class _Batch(Generic[K, V]):
    __slots__ = ("keys", "values")

    def __init__(self) -> None:
        self.keys: dict[K, None] = {}
        self.values: asyncio.Future[Mapping[K, V]] = asyncio.get_running_loop().create_future()


class CoalescingLoader(Generic[K, V]):
    """Loads for all operations that ask at the same moment by one call, and keeps nothing.

    A batch loads after its last key was asked for, so no operation gets a value older than its question. It loads
    outside of transactions, without a viewer: callers check what theirs may see.
    """

    def __init__(self, load: Load[K, V]) -> None:
        self._load = load
        self._waiting: deque[_Batch[K, V]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, keys: Sequence[K]) -> Mapping[K, V]:
        """Return the values of some keys, and perhaps of others."""
        if not self._waiting or len(self._waiting[-1].keys) + len(keys) > MAX_BATCH_KEYS:
            self._waiting.append(_Batch())
            asyncio.get_running_loop().call_soon(self._dispatch)
        batch = self._waiting[-1]
        batch.keys.update(dict.fromkeys(keys))
        return await asyncio.shield(batch.values)

    def _dispatch(self) -> None:
        while self._waiting and len(self._running) < MAX_CONCURRENT_BATCHES:
            batch = self._waiting.popleft()
            running = asyncio.get_running_loop().create_task(self._run(batch), context=Context())
            self._running.add(running)
            running.add_done_callback(self._finish)

    def _finish(self, running: "asyncio.Task[None]") -> None:
        self._running.discard(running)
        self._dispatch()

    async def _run(self, batch: _Batch[K, V]) -> None:
        try:
            values = await self._load(list(batch.keys))
        except Exception as error:
            batch.values.set_exception(error)
            # Marked as retrieved: all waiters may have been cancelled.
            batch.values.exception()
        else:
            batch.values.set_result(values)
