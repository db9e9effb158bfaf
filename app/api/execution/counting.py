"""Counts what an operation brings, ends it where that is too much, and lets others have their turn meanwhile."""

import asyncio
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from graphql import ExecutionResult
from graphql.pyutils import Path

from app.api.documents.costs import MAX_OBJECTS, TOO_LARGE, grew_too_large
from app.api.execution.concurrency import scheduler
from app.api.execution.dataloader import DispatchHold
from app.api.execution.unfinished import end, gathered
from app.api.execution.variables import CoercingExecutor

SLICE = 25
"""How many items of a list are completed until it is looked whether others should have their turn."""


class _Shifted(Path):
    """The path of a list, for those of its items that stand behind `offset` others."""

    offset: int

    def add_key(self, key: str | int, typename: str | None = None) -> Path:
        """Return the path of an item."""
        return Path(self, key + self.offset if isinstance(key, int) else key, typename)


class CountingExecutor(CoercingExecutor):
    """graphql-core's executor, except that what it brings is bounded, and that it takes turns."""

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        self._objects = 0

    def build_per_event_executor(self, payload: Any) -> Any:
        """Return the executor of one event, which counts anew."""
        executor: Any = super().build_per_event_executor(payload)
        executor._objects = 0
        return executor

    def grow(self, objects: int) -> None:
        """Count objects. Raises GraphQLError when they are too many: whatever goes on after that is not shown."""
        self._objects += objects
        if self._objects > MAX_OBJECTS:
            raise grew_too_large()

    async def take_turn(self) -> None:
        """Wait for a turn with time left. Meanwhile loaders wait for what is still to be asked for."""
        with self._asking():
            await scheduler.take()

    def _asking(self) -> AbstractContextManager[Any]:
        loaders = getattr(self.context_value, "loaders", None)
        return nullcontext() if loaders is None else cast("DispatchHold", loaders.hold)

    def build_response(self, data: dict[str, Any] | None) -> Any:
        """Return the response; that of an operation that was ended tells why, and nothing else."""
        response = super().build_response(data)
        if self._objects <= MAX_OBJECTS:
            return response
        errors = getattr(response, "errors", None) or ()
        ended = next((error for error in errors if (error.extensions or {}).get("code") == TOO_LARGE), grew_too_large())
        return ExecutionResult(None, [ended])

    async def complete_awaitable_value(  # noqa: PLR0917
        self, return_type: Any, field_details_list: Any, info: Any, path: Path, result: Any, position_context: Any
    ) -> Any:
        """Return what is waited for, once there is a turn with time left."""
        try:
            if scheduler.over:
                await self.take_turn()
            resolved = await result
            if scheduler.over:
                await self.take_turn()
            completed: Any = self.complete_value(
                return_type, field_details_list, info, path, resolved, position_context
            )
            return await completed if self.is_awaitable(completed) else completed
        except asyncio.CancelledError:
            end((result,))
            raise
        except Exception as error:
            self.handle_field_error(error, return_type, field_details_list, path)
            return None

    def complete_iterable_value(  # noqa: PLR0917
        self,
        item_type: Any,
        field_details_list: Any,
        info: Any,
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> Any:
        """Return the items of a list, of a long one slice by slice."""
        if isinstance(items, Collection) and len(items) > SLICE:
            return self._in_slices(item_type, field_details_list, info, path, list(items), position_context)
        return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)

    async def _in_slices(  # noqa: PLR0917
        self, item_type: Any, details: Any, info: Any, path: Path, items: list[Any], position_context: Any
    ) -> list[Any]:
        """Complete items; what they ask loaders for is loaded once all of them have asked."""
        parts = list[Any]()
        try:
            with self._asking():
                await self._begun(parts, item_type, details, info, path, items, position_context)
        except asyncio.CancelledError:
            end(parts)
            raise
        except Exception:
            self.settle_in_background([part for part in parts if self.is_awaitable(part)])
            raise
        waited = await gathered(*(part for part in parts if self.is_awaitable(part)))
        rest = iter(waited)
        return [one for part in parts for one in (next(rest) if self.is_awaitable(part) else part)]

    async def _begun(  # noqa: PLR0917
        self, parts: list[Any], type_: Any, details: Any, info: Any, path: Path, items: list[Any], position: Any
    ) -> None:
        for begin in range(0, len(items), SLICE):
            if scheduler.over:
                await scheduler.take()
            shifted = _Shifted(*path)
            shifted.offset = begin
            few = items[begin : begin + SLICE]
            parts.append(super().complete_iterable_value(type_, details, info, shifted, few, position))
