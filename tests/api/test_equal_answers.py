"""The API's answers equal those of plain graphql-core, byte by byte.

Tested over random selections and callers.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from graphql import DocumentNode, ExecutionResult, GraphQLError, execute, parse, validate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.api.context import Context
from app.api.documents.costs import TOO_LARGE
from app.api.encoding import result_body
from app.api.errors import TranslateErrors
from app.api.schema import schema
from app.core.access import Principal
from app.services.access import authenticate
from app.services.runtime import Runtime
from tests.api.support.generated_queries import queries
from tests.api.support.people import account
from tests.api.support.rows import database
from tests.support.servers import Servers
from tests.support.system import ADMIN, System, running
from tests.support.world import World, task, world

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
pytestmark = pytest.mark.filterwarnings(
    # Where a field that must not be null fails, graphql-core lets go of what its siblings would have waited for.
    "ignore:coroutine .* was never awaited:RuntimeWarning"
)
CALM = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


class StoppedClock:
    """A clock that stands still, so that the durations of running tasks do not change."""

    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, slots=True)
class Scene:
    """Objects, their ids, and two readers: an ADMIN of everything and a VIEWER of one environment."""

    runtime: Runtime
    ids: list[str]
    readers: list[Principal]

    def context(self, reader: int) -> Context:
        return Context(self.runtime, self.readers[reader], None)


async def deployments(environment: World) -> None:
    """Create deployments that end in several ways, and one that has not started."""
    await environment.application(
        "shop", build={"command": ["true"], "env": {"A": "1"}}, healthCheck={"command": ["true"]}
    )
    await environment.application("cart")
    deployment_ids = [
        await environment.deploy(),
        await environment.deploy(tasks=[task("a", payload={"outcome": "failure"}), task("b", "a")]),
    ]
    for id_ in deployment_ids:
        await environment.client.until(id_, "SUCCESS", "FAILED")
    await environment.deploy(tasks=[task("a", position={"x": 1.5, "y": 2}), task("b", "a")], autoStart=False)


@pytest.fixture(scope="module")
async def scene(cleared: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with running(cleared, tmp_path_factory.mktemp("scene")) as system:
        await system.start_worker()
        environment, other_environment = await world(system.admin), await world(system.admin)
        await deployments(environment)
        await deployments(other_environment)
        grant = {"role": "VIEWER", "environmentId": environment.environment_id}
        narrow = (await account(system.admin, grant)).client.token
    async with running(cleared, tmp_path_factory.mktemp("read")) as system:
        principals = [await authenticate(system.runtime, secret) for secret in (ADMIN, narrow)]
        readers = [principal for principal in principals if principal]
        yield Scene(replace(system.runtime, clock=StoppedClock()), await _ids(system), readers)


async def _ids(system: System) -> list[str]:
    tables = ("deployments", "tasks", "applications", "environments", "versions", "actors", "api_tokens")
    async with database(system) as connection:
        return [row["id"] for table in tables for row in await connection.fetch(f"SELECT id FROM {table} LIMIT 2")]


async def execute_by_graphql_core(
    document: DocumentNode, variables: dict[str, Any], context: Context
) -> ExecutionResult:
    """Execute a document with plain graphql-core."""
    result: Any = execute(
        schema._schema,
        document,
        variable_values=variables,
        context_value=context,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
        executor_class=StrawberryGraphQLCoreExecutionContext,
        operation_extensions=None,
    )
    answer: ExecutionResult = result if isinstance(result, ExecutionResult) else await result
    if answer.errors:
        answer.errors = TranslateErrors().process(answer.errors)
    return answer


def encode(result: Any) -> bytes:
    """Return a result as it is sent."""
    return msgspec.json.encode(result_body(result))


@CALM
@given(data=st.data())
async def test_any_query_is_answered_as_graphql_core_would(scene: Scene, data: st.DataObject) -> None:
    text, variables = data.draw(queries(scene.ids))
    document = parse(text)
    assume(not validate(schema._schema, document))
    reader = data.draw(st.sampled_from([0, 1]))
    expected = encode(await execute_by_graphql_core(document, variables, scene.context(reader)))
    result = await schema.execute(text, variables, scene.context(reader))
    assume(not _limited(result.errors or []))
    assert encode(result) == expected
    for _ in range(2):
        prepared = await schema.execute_prepared((text, None), variables, scene.context(reader), None)
        assert prepared is not None or result.errors
        assert prepared is None or encode(prepared) == expected
    gc.collect()


def _limited(errors: list[GraphQLError]) -> bool:
    return any((error.extensions or {}).get("code") == TOO_LARGE for error in errors)


TASKS = "query($id: ID!) { deployment(id: $id) { status tasks { id key status attempt startedAt } } }"


async def test_a_repeated_query_shows_changes(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("shop")
    id_ = await environment.deploy(tasks=[task("a"), task("b", "a")], autoStart=False)
    answers = [(await system.admin.query(TASKS, id=id_))["deployment"] for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    async with database(system) as connection:
        await connection.execute(
            "WITH marked AS (UPDATE deployments SET updated_at = now() WHERE id = $1)"
            " UPDATE tasks SET status = 'SKIPPED' WHERE deployment_id = $1 AND key = 'a'",
            id_,
        )
    assert (await system.admin.query(TASKS, id=id_))["deployment"]["tasks"][0]["status"] == "SKIPPED"
    await system.admin.change("cancelDeployment", "deployment { id }", id=id_, reason="over")
    deployment = (await system.admin.query(TASKS, id=id_))["deployment"]
    assert deployment["status"] == "CANCELLED"
    assert [item["status"] for item in deployment["tasks"]] == ["SKIPPED", "CANCELLED"]


async def test_concurrent_callers_see_only_their_own_deployments(system: System) -> None:
    environment, other_environment = await world(system.admin), await world(system.admin)
    for place in (environment, other_environment):
        await place.application("shop")
    ids = [await place.deploy(tasks=[task("a")], autoStart=False) for place in (environment, other_environment)]
    viewer = (await account(system.admin, {"role": "VIEWER", "environmentId": environment.environment_id})).client
    calls = [client.query(TASKS, id=id_) for _ in range(10) for client in (system.admin, viewer) for id_ in ids]
    visible = [bool(answer["deployment"]) for answer in await asyncio.gather(*calls)]
    assert visible == [True, True, True, False] * 10
