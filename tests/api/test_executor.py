"""Plain fields are completed together, also where values do not match the type."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
import pytest
import strawberry
from graphql import ExecutionResult, execute, parse
from hypothesis import given
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.api.encoding import result_body
from app.api.execution.executor import Executor
from app.api.schema import schema


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


class Other(StrEnum):
    RED = "RED"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Part(Named):
    size: int


@strawberry.type
class Thing(Named):
    id: strawberry.ID
    count: int
    ratio: float | None
    good: bool | None
    colour: strawberry.enum(Colour) | None  # type: ignore[valid-type]
    at: datetime | None
    tags: list[str | None] | None
    grid: list[list[int]]
    part: Part | None
    parts: list[Part | None]
    named: Named | None

    @strawberry.field
    async def later(self) -> int:
        return self.count


@strawberry.type
class Query:
    @strawberry.field
    def things(self, info: strawberry.Info) -> list[Thing | None]:
        things: list[Thing | None] = info.context
        return things

    @strawberry.field
    async def thing(self, info: strawberry.Info) -> Thing | None:
        thing: Thing | None = info.context[0]
        return thing


class Failing:
    """An object with unreadable attributes."""

    @property
    def name(self) -> str:
        raise RuntimeError("no name")

    @property
    def id(self) -> str:
        raise RuntimeError("no id")


GOOD: dict[str, st.SearchStrategy[Any]] = {
    "name": st.just("n"),
    "id": st.just("i"),
    "count": st.integers(-(2**31), 2**31 - 1),
    "ratio": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "good": st.none() | st.booleans(),
    "colour": st.none() | st.sampled_from(Colour),
    "at": st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    "tags": st.none() | st.lists(st.none() | st.just("t"), max_size=3),
    "grid": st.lists(st.lists(st.integers(0, 9), max_size=2), max_size=2),
    "part": st.none() | st.just(Part(name="p", size=1)),
    "parts": st.lists(st.none() | st.just(Part(name="p", size=1)), max_size=2),
    "named": st.none() | st.just(Part(name="p", size=1)),
}
NUMBERS: list[Any] = [1, 1.0, 1.5, True, 2**31, float("nan"), float("inf")]
TEXTS: list[Any] = ["", "RED", Colour.RED, Other.RED]
LISTS: list[Any] = [(), [1], [None], ["t"], [[None]]]
OBJECTS: list[Any] = [None, {}, {"a": 1}, Part(name="", size=0), Failing(), ValueError("odd"), object]
ODD = st.sampled_from(NUMBERS + TEXTS + LISTS + OBJECTS)
THINGS = st.builds(
    lambda good, odd: Thing(**(good | odd)),
    st.fixed_dictionaries(GOOD),
    st.dictionaries(st.sampled_from(sorted(GOOD)), ODD, max_size=2),
)
items = st.lists(st.none() | THINGS | st.just(Failing()), min_size=1, max_size=4)
LEAVES = ("name", "id", "count", "ratio", "good", "colour", "at", "tags", "grid", "__typename")
FIELDS = (*LEAVES, "part { name size }", "parts { size }", "named { name ... on Part { size } }", "x: count", "later")
SMALL = strawberry.Schema(query=Query, types=[Part], execution_context_class=Executor)


async def run(executor: Any, document: str, value: Any) -> bytes:
    result: Any = execute(
        SMALL._schema,
        parse(document),
        context_value=value,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
        executor_class=executor,
        operation_extensions=None,
    )
    return msgspec.json.encode(result_body(result if isinstance(result, ExecutionResult) else await result))


@given(items, st.lists(st.sampled_from(FIELDS), min_size=1, max_size=6))
async def test_any_field_value_has_the_same_answer_as_in_graphql_core(value: Any, fields: list[str]) -> None:
    for root in ("things", "thing"):
        document = f"{{ {root} {{ {' '.join(fields)} }} }}"
        assert await run(Executor, document, value) == await run(StrawberryGraphQLCoreExecutionContext, document, value)


@dataclass
class Counted:
    fields: int = 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """Count the fields that graphql-core executes one by one."""
    counts, original = Counted(), StrawberryGraphQLCoreExecutionContext.execute_field

    def execute_field(*args: Any) -> Any:
        counts.fields += 1
        return original(*args)

    monkeypatch.setattr(StrawberryGraphQLCoreExecutionContext, "execute_field", execute_field)
    yield counts


async def test_plain_fields_are_not_executed_one_by_one(counted: Counted) -> None:
    part = Part(name="p", size=1)
    good: dict[str, Any] = {"name": "n", "id": "i", "count": 1, "ratio": None, "good": True, "colour": Colour.RED}
    more: dict[str, Any] = {"at": datetime.now(UTC), "tags": ["t"], "grid": [[1]], "part": part, "parts": [part, None]}
    parts_of_all = [Thing(**good, **more, named=None) for _ in range(50)]
    await run(Executor, f"{{ things {{ {' '.join(LEAVES)} part {{ name size }} parts {{ size }} }} }}", parts_of_all)
    assert counted.fields == 1
    await run(Executor, "{ things { id count later } }", parts_of_all)
    assert counted.fields == 1 + 1 + len(parts_of_all)


def test_the_extensions_that_prepared_queries_skip_are_known() -> None:
    """Prepared queries skip these extensions: their work is done once, done elsewhere, or not for HTTP."""
    assert [type(extension).__name__ for extension in schema.get_extensions()] == [
        "ContextPerOperation",
        "UseCachedDocument",
        "CheckOperation",
        "PrepareQueries",
    ]
    assert not any(extension._implements_resolve() for extension in schema.get_extensions())
