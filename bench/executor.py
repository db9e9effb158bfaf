"""The executor by itself, in this process, without a database.

Its CPU with all short cuts and without some.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

import strawberry
from graphql import ExecutionResult, execute, parse
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig

from app.api.execution.executor import executor_class
from app.api.execution.limited_executor import UNLIMITED
from app.api.execution.shortcuts import FAST, PLAIN, Shortcuts
from app.api.inputs.workflows import UpdateWorkflowInput
from app.api.scalars import SCALARS
from bench.editing import TASKS, graph
from bench.table import Beside, Row

ROUNDS = 15
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@strawberry.type
class Owner:
    """An object that a resolver returns."""

    id: strawberry.ID
    name: str
    email: str | None
    kind: str


@strawberry.type
class Item:
    """An object with nine plain fields."""

    id: strawberry.ID
    key: str
    name: str
    kind: str
    status: str
    order: int
    attempt: int
    started_at: datetime | None
    completed_at: datetime | None

    @strawberry.field
    async def owner(self) -> Owner:
        return Owner(id=strawberry.ID("o"), name="n", email=None, kind="k")


ITEM = Item(
    id=strawberry.ID("i"),
    key="k",
    name="n",
    kind="BUILD",
    status="SUCCESS",
    order=1,
    attempt=1,
    started_at=NOW,
    completed_at=None,
)
ITEMS = [replace(ITEM, order=number) for number in range(100)]


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    def items(self) -> list[Item]:
        return ITEMS

    @strawberry.field
    def save(self, input: UpdateWorkflowInput) -> int:
        return len(input.tasks)


SCHEMA = strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS))
PLAIN_FIELDS = "id key name kind status order attempt startedAt completedAt"
SAVE = "query($input: UpdateWorkflowInput!) { save(input: $input) }"


async def measure() -> list[Row]:
    """Execute each operation some times, and report medians."""
    sent = {"input": {"deploymentId": "d", "expectedRevision": 1, "tasks": graph(0)}}
    return [
        await _row("100 objects, nine plain fields", f"{{ items {{ {PLAIN_FIELDS} }} }}", {}, "leaves"),
        await _row(
            "100 objects, nine plain fields and an object",
            f"{{ items {{ {PLAIN_FIELDS} owner {{ id name email kind }} }} }}",
            {},
            "objects",
        ),
        await _row(f"a graph of {TASKS:,} tasks in a variable", SAVE, sent, "variables"),
    ]


async def _row(title: str, document: str, variables: Mapping[str, Any], shortcut: str) -> Row:
    ours = await _cpu_seconds(document, variables, FAST)
    others = {f"without {shortcut}": FAST.without({shortcut}), "plain": PLAIN}
    beside = list[Beside]()
    for name, shortcuts in others.items():
        seconds = await _cpu_seconds(document, variables, shortcuts)
        beside.append(Beside(name, _shown(seconds), seconds / ours))
    return Row(f"{title}: CPU of the executor", _shown(ours), "-", tuple(beside))


async def _cpu_seconds(text: str, variables: Mapping[str, Any], shortcuts: Shortcuts) -> float:
    """Return the CPU seconds of an execution."""
    document, executor, taken = parse(text), executor_class(shortcuts, UNLIMITED), list[float]()
    for _ in range(ROUNDS):
        begun = time.process_time()
        result: Any = execute(
            SCHEMA._schema,
            document,
            variable_values=dict(variables),
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            executor_class=executor,
            operation_extensions=None,
        )
        result = result if isinstance(result, ExecutionResult) else await result
        taken.append(time.process_time() - begun)
        assert not result.errors, result.errors
    return median(taken)


def _shown(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"
