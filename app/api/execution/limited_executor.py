"""graphql-core's executor within the limits of a server.

It counts objects, and lets other operations have their turn.

This is the plain executor: graphql-core completes every value.
"""

import asyncio
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

from graphql import ExecutionResult, GraphQLError, GraphQLObjectType
from graphql.pyutils import Path
from graphql.type import GraphQLResolveInfoHelpers
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.api.execution.concurrency import scheduler
from app.api.execution.dataloader import DispatchPause
from app.api.execution.unfinished import close_unstarted, gather_fields

SLICE = 25
"""Items of a list that are completed before it is checked whether the turn is over."""


@dataclass(frozen=True, slots=True)
class ObjectLimit:
    """How many objects an operation may bring, and the error of one that brings more."""

    objects: int
    error: Callable[[], GraphQLError]


UNLIMITED = ObjectLimit(sys.maxsize, lambda: GraphQLError("The operation brings too many objects."))


class _Shifted(Path):
    """The path of a list, for those of its items that stand behind `offset` others."""

    offset: int

    def add_key(self, key: str | int, typename: str | None = None) -> Path:
        """Return the path of an item."""
        return Path(self, key + self.offset if isinstance(key, int) else key, typename)


class LimitedExecutor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, with a limit on the objects it brings, and with turns."""

    object_limit: ClassVar[ObjectLimit] = UNLIMITED

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        self._objects = 0

    @classmethod
    def build(cls, *args: Any, **others: Any) -> Any:
        """Build an executor, or return errors, which suggest no names: finding them takes quadratic time."""
        others["hide_suggestions"] = True
        return super().build(*args, **others)

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        """The functions that resolvers get from the executor.

        If the executor kept them, it would be part of a reference cycle, and stay with its operation's data until the
        next garbage collection.
        """
        return GraphQLResolveInfoHelpers(gather=self.gather_async_work, track=self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, _: GraphQLResolveInfoHelpers) -> None:
        pass

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Return an object with the given fields, and count it."""
        if path is not None:
            self.count_objects(1)
        return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)

    def build_per_event_executor(self, payload: Any) -> Any:
        """Return the executor of one event, which counts anew."""
        executor: Any = super().build_per_event_executor(payload)
        executor._objects = 0
        return executor

    def count_objects(self, objects: int) -> None:
        """Count objects. Raises GraphQLError beyond the limit: the response then has no data."""
        self._objects += objects
        if self._objects > self.object_limit.objects:
            raise self.object_limit.error()

    async def wait_for_turn(self) -> None:
        """Wait for a turn with time left. Meanwhile loaders collect keys that are still to be asked for."""
        with self._dispatch_paused():
            await scheduler.wait_for_turn()

    def _dispatch_paused(self) -> AbstractContextManager[Any]:
        pause: DispatchPause | None = getattr(getattr(self.context_value, "loaders", None), "dispatch_pause", None)
        return nullcontext() if pause is None else pause

    def build_response(self, data: dict[str, Any] | None) -> Any:
        """Return the response; that of an operation beyond the limit has this error alone."""
        response = super().build_response(data)
        if self._objects <= self.object_limit.objects:
            return response
        limit_error = self.object_limit.error()
        errors = getattr(response, "errors", None) or ()
        return ExecutionResult(None, [next((e for e in errors if e.message == limit_error.message), limit_error)])

    async def complete_awaitable_value(  # noqa: PLR0917
        self, return_type: Any, field_details_list: Any, info: Any, path: Path, result: Any, position_context: Any
    ) -> Any:
        """Await a value and complete it, in a turn with time left."""
        try:
            if scheduler.is_turn_over:
                await self.wait_for_turn()
            resolved = await result
            if scheduler.is_turn_over:
                await self.wait_for_turn()
            completed: Any = self.complete_value(
                return_type, field_details_list, info, path, resolved, position_context
            )
            return await completed if self.is_awaitable(completed) else completed
        except asyncio.CancelledError:
            close_unstarted((result,))
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
            return self._complete_slices(item_type, field_details_list, info, path, list(items), position_context)
        return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)

    async def _complete_slices(  # noqa: PLR0917
        self, item_type: Any, details: Any, info: Any, path: Path, items: list[Any], position_context: Any
    ) -> list[Any]:
        """Complete items; what they ask loaders for is loaded once all of them have asked."""
        completed = list[Any]()
        try:
            with self._dispatch_paused():
                await self._start_slices(completed, item_type, details, info, path, items, position_context)
        except asyncio.CancelledError:
            close_unstarted(completed)
            raise
        except Exception:
            self.settle_in_background([part for part in completed if self.is_awaitable(part)])
            raise
        parts = iter(await gather_fields(*(part for part in completed if self.is_awaitable(part))))
        return [item for part in completed for item in (next(parts) if self.is_awaitable(part) else part)]

    async def _start_slices(  # noqa: PLR0917
        self, completed: list[Any], type_: Any, details: Any, info: Any, path: Path, items: list[Any], position: Any
    ) -> None:
        for start in range(0, len(items), SLICE):
            if scheduler.is_turn_over:
                await scheduler.wait_for_turn()
            shifted = _Shifted(*path)
            shifted.offset = start
            part = items[start : start + SLICE]
            completed.append(super().complete_iterable_value(type_, details, info, shifted, part, position))
