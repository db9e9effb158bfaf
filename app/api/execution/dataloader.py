"""Loading for many in one go: for the fields of one operation, and for operations that ask at the same moment."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from contextvars import Context
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MAX_CONCURRENT_BATCHES = 4
"""How many loads of one kind are under way at the same time: the fewer, the more go together."""
RESULTS_PER_STEP = 100
"""How many get their answers until others have their turn: each goes on with what it wanted the answer for."""
MAX_BATCH_KEYS = 32
"""For how many keys operations share a load: its answer is decoded in one piece, and others wait for that."""


class DispatchPause:
    """Keeps the loaders of one operation from beginning while it is still asking."""

    __slots__ = ("_depth", "_waiting")

    def __init__(self) -> None:
        self._depth = 0
        self._waiting: list[Callable[[], None]] = []

    @property
    def is_on(self) -> bool:
        """Whether they are to wait."""
        return self._depth > 0

    def defer(self, begin: Callable[[], None]) -> None:
        """Begin once nobody is still asking."""
        self._waiting.append(begin)

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            waiting, self._waiting = self._waiting, []
            loop = asyncio.get_running_loop()
            for begin in waiting:
                # Whoever held them has yet to ask, and what it starts for that runs before the second round.
                loop.call_soon(loop.call_soon, begin)


class DataLoader(Generic[K, V]):
    """Answers one question for many keys at once, and keeps the answers, for as long as one operation takes.

    Whoever gives up waiting does not take the answer from the others.
    """

    __slots__ = ("_answers", "_asked", "_load", "_waiting", "pause")

    def __init__(self, load: Callable[[list[K]], Awaitable[Sequence[V]]]) -> None:
        """`load` returns the answers in the order of the keys."""
        self._load = load
        self.pause: DispatchPause | None = None
        self._answers: dict[K, V] = {}
        self._waiting: dict[K, list[asyncio.Future[V]]] = {}
        self._asked: list[K] = []

    def load(self, key: K) -> Awaitable[V]:
        """Return what will be loaded."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        if key in self._answers:
            future.set_result(self._answers[key])
        elif key in self._waiting:
            self._waiting[key].append(future)
        else:
            self._waiting[key] = [future]
            if not self._asked:
                loop.call_soon(self._begin)
            self._asked.append(key)
        return future

    async def load_many(self, keys: Iterable[K]) -> list[V]:
        """Return the answers for some keys."""
        return [await future for future in [self.load(key) for key in keys]]

    def _begin(self) -> None:
        if self.pause is not None and self.pause.is_on:
            self.pause.defer(self._begin)
            return
        keys, self._asked = self._asked, []
        loading = asyncio.ensure_future(self._load(keys))
        loading.add_done_callback(lambda done: self._end(keys, done))

    def _end(self, keys: list[K], done: "asyncio.Future[Sequence[V]]") -> None:
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        found = () if error else done.result()
        if error is None and len(found) != len(keys):
            error = LookupError(f"{len(found)} answers for {len(keys)} keys")
        if error is None:
            self._answers.update(zip(keys, found, strict=True))
        waiting = [(future, key) for key in keys for future in self._waiting.pop(key)]
        self._hand_out(waiting, 0, error)

    def _hand_out(self, waiting: list[tuple[asyncio.Future[V], K]], begin: int, error: BaseException | None) -> None:
        """Give the answers to those who wait, to some now, and to the others once these had their turn."""
        for future, key in waiting[begin : begin + RESULTS_PER_STEP]:
            if future.done():
                continue
            if error is None:
                future.set_result(self._answers[key])
            else:
                future.set_exception(error)
        if len(waiting) > begin + RESULTS_PER_STEP:
            self._hand_out_later(waiting, begin + RESULTS_PER_STEP, error)

    def _hand_out_later(
        self, waiting: list[tuple[asyncio.Future[V], K]], begin: int, error: BaseException | None
    ) -> None:
        def hand_out() -> None:
            with nullcontext() if self.pause is None else self.pause:
                held.close()
                self._hand_out(waiting, begin, error)

        held = ExitStack()
        if self.pause is not None:
            held.enter_context(self.pause)
        asyncio.get_running_loop().call_soon(hand_out)


class _Batch(Generic[K, V]):
    __slots__ = ("done", "keys")

    def __init__(self) -> None:
        self.keys: dict[K, None] = {}
        self.done: asyncio.Future[Mapping[K, V]] = asyncio.get_running_loop().create_future()


class CoalescingLoader(Generic[K, V]):
    """Loads for all operations that ask at the same moment in one go, and keeps nothing.

    A load begins after everybody whom it is for has asked, so nobody gets what was true before. It is nobody's own: it
    runs outside of transactions, and whoever shows what it loaded looks first whether that may be seen.
    """

    def __init__(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._load = load
        self._waiting: deque[_Batch[K, V]] = deque()
        self._flying: set[asyncio.Task[None]] = set()

    async def __call__(self, keys: Sequence[K]) -> Mapping[K, V]:
        """Return what was found for some keys, and perhaps for others."""
        if not self._waiting or len(self._waiting[-1].keys) + len(keys) > MAX_BATCH_KEYS:
            self._waiting.append(_Batch())
            asyncio.get_running_loop().call_soon(self._depart)
        flight = self._waiting[-1]
        flight.keys.update(dict.fromkeys(keys))
        return await asyncio.shield(flight.done)

    def _depart(self) -> None:
        while self._waiting and len(self._flying) < MAX_CONCURRENT_BATCHES:
            flying = asyncio.get_running_loop().create_task(self._fly(self._waiting.popleft()), context=Context())
            self._flying.add(flying)
            flying.add_done_callback(self._landed)

    def _landed(self, flying: "asyncio.Task[None]") -> None:
        self._flying.discard(flying)
        self._depart()

    async def _fly(self, flight: _Batch[K, V]) -> None:
        try:
            found = await self._load(list(flight.keys))
        except Exception as error:
            flight.done.set_exception(error)
            flight.done.exception()
        else:
            flight.done.set_result(found)
