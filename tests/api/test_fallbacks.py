"""Fall-backs to graphql-core.

Each is counted by kind, the first of a kind is logged, and the answer stays the same.

In: values and variables that the short cuts do not take, and a prepared query that fails. Out: counts and log records.
"""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, execute, parse
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig

from app.api.execution import fallbacks
from app.api.execution.executor import Executor
from app.api.execution.variables import LONG_LIST
from app.api.inputs.workflows import WorkflowTaskInput
from app.api.scalars import SCALARS
from app.api.schema import schema
from app.api.schema_class import Schema
from tests.support.system import System


@strawberry.type
class Thing:
    name: str


class Failing:
    """An object with unreadable attributes."""

    @property
    def name(self) -> str:
        raise RuntimeError("secret")


@strawberry.type
class Query:
    @strawberry.field
    def thing(self, info: strawberry.Info) -> Thing:
        thing: Thing = info.context
        return thing

    @strawberry.field
    def tasks(self, tasks: list[WorkflowTaskInput]) -> int:
        return len(tasks)


SMALL = strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS))


@pytest.fixture(autouse=True)
def counted() -> Iterator[None]:
    """Count from zero."""
    fallbacks.reset()
    yield
    fallbacks.reset()


def run(document: str, context: Any = None, **variables: Any) -> ExecutionResult:
    result: Any = execute(
        SMALL._schema,
        parse(document),
        context_value=context,
        variable_values=variables,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
        executor_class=Executor,
        operation_extensions=None,
    )
    assert isinstance(result, ExecutionResult)
    return result


TASKS = "query($tasks: [WorkflowTaskInput!]!) { tasks(tasks: $tasks) }"
TASK = {"key": "k", "name": "n", "type": "BUILD"}


@pytest.mark.parametrize(
    ("kind", "document", "context", "variables"),
    [
        ("attribute", "{ thing { name } }", Failing(), {}),
        ("value", "{ thing { name } }", Thing(name=7), {}),  # type: ignore[arg-type]
        ("variables", TASKS, None, {"tasks": [TASK | {"type": "GONE"}] * LONG_LIST}),
    ],
)
def test_a_fall_back_is_counted_and_logged_once(
    kind: str, document: str, context: Any, variables: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "app.api.execution")
    for _ in range(2):
        run(document, context, **variables)
    assert fallbacks.counts() == {kind: 2}
    (record,) = caplog.records
    assert kind in record.getMessage() and "secret" not in record.getMessage()


def test_valid_documents_count_no_fallback() -> None:
    assert run("{ thing { name } }", Thing(name="n")).errors is None
    assert run(TASKS, None, tasks=[TASK] * LONG_LIST).data == {"tasks": LONG_LIST}
    assert fallbacks.counts() == {}


async def test_a_prepared_query_that_fails_is_answered_the_ordinary_way(
    system: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    document = "{ viewer { id name } }"
    answer = await system.admin.query(document)
    text_document = schema.documents.cached(document)
    assert text_document is not None and text_document.queries

    async def fail(*_: Any) -> Any:
        raise RuntimeError("secret")

    monkeypatch.setattr(Schema, "_execute_prepared", fail)
    for _ in range(2):
        assert await system.admin.query(document) == answer
    assert fallbacks.counts() == {"prepared": 2}
    (record,) = [record for record in caplog.records if record.name == fallbacks.__name__]
    assert record.levelno == logging.WARNING
    assert "RuntimeError in fail" in record.getMessage() and "secret" not in record.getMessage()
