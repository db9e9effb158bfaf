"""Operations beyond a limit are refused over every transport, with a number, a limit and a code."""

import asyncio
import json

import pytest

from app.api.documents.costs import HEAVY_OBJECTS, MAX_OBJECTS, grew_too_large
from app.api.execution import concurrency
from app.api.execution.limited_executor import ObjectLimit
from app.api.schema import schema
from tests.api.support.people import account
from tests.api.support.wire import answers, code, events, get, send
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import task, world

INNER = "deployment { tasks { deployment { tasks { deployment { tasks { id } } } } } }"
NESTED = f"{{ task(id: 1) {{ {INNER} }} }}"
PAGED = "query($n: Int!) { deployments(first: $n) { nodes { id events(first: $n) { nodes { at } } } } }"
LOGS = "subscription($id: ID!) { deploymentEvents(id: $id) { events { ... on TaskStatusChanged { task { %s } } } } }"


def check(result: Data) -> None:
    """Check that a result is an error with a number and the limit."""
    assert result.get("data") is None
    (error,) = result["errors"]
    assert error["extensions"]["code"] == "TOO_LARGE"
    assert error["extensions"]["limit"] == MAX_OBJECTS < error["extensions"]["objects"]
    assert str(MAX_OBJECTS) in error["message"] and str(error["extensions"]["objects"]) in error["message"]


async def test_nested_lists_are_refused_over_http_and_sockets(system: System) -> None:
    viewer = (await account(system.admin, {"role": "VIEWER"})).client
    check(await viewer.execute(NESTED))
    check((await get(viewer, NESTED)).json())
    check((await answers(viewer, NESTED))[0])
    check(await viewer.execute(f"mutation {{ startDeployment(input: {{id: 1}}) {{ {INNER} }} }}"))
    streamed = await send(viewer, json.dumps({"query": NESTED}).encode(), accept="text/event-stream")
    check(json.loads(streamed.text.partition("data: ")[2].partition("\n")[0]))


async def test_a_cached_query_is_refused_if_its_variables_ask_for_too_much(system: System) -> None:
    for _ in range(3):
        assert "errors" not in await system.admin.execute(PAGED, n=20)
    assert bool(schema.documents.get(PAGED).queries) is schema.shortcuts.prepared
    check(await system.admin.execute(PAGED, n=500))
    check(await system.admin.execute(PAGED, n=10**6))
    assert "errors" not in await system.admin.execute(PAGED, n=20)


@pytest.mark.parametrize("feed", ["shared", "own"])
async def test_a_feed_that_asks_for_too_much_with_each_event_is_refused(system: System, feed: str) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy(tasks=[task("a")], autoStart=False)
    document = LOGS % INNER if feed == "shared" else f"subscription {{ deploymentsChanged {{ tasks {{ {INNER} }} }} }}"
    variables = {"id": id_} if feed == "shared" else {}
    check((await answers(system.admin, document, **variables))[0])
    async for result in events(system.admin, document, **variables):
        check(result)
        break


@pytest.mark.parametrize("selection", ["plain", "others", "nested", "known"])
async def test_an_operation_that_exceeds_its_estimate_is_ended(
    system: System, monkeypatch: pytest.MonkeyPatch, selection: str
) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy(tasks=[task(f"t{number}") for number in range(130)], autoStart=False)
    selected = {
        "plain": "tasks { id key }",
        "known": "tasks { id key }",
        "others": "tasks { key duration }",
        "nested": "id applications { id } workflow { tasks { deployment { tasks { id } } } }",
    }[selection]
    document = f"query($id: ID!) {{ deployment(id: $id) {{ {selected} }} }}"
    if selection == "known":
        for _ in range(2):
            await system.admin.query(document, id=id_)
    monkeypatch.setattr(schema.execution_context_class, "object_limit", ObjectLimit(120, grew_too_large))
    result = await system.admin.execute(document, id=id_)
    assert (result["data"], code(result), len(result["errors"])) == (None, "TOO_LARGE", 1)
    monkeypatch.undo()
    assert "errors" not in await system.admin.execute(document, id=id_)


async def test_an_operation_within_the_limit_is_answered(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy(tasks=[task(f"t{number}") for number in range(600)], autoStart=False)
    document = """query($id: ID!) { deployment(id: $id) { tasks {
      key application { name } attempts { number } blockers { kind task { key } } viewerCan { skip { allowed } }
      logs(first: 20) { totalCount nodes { message } } } } }"""
    tasks = (await system.admin.query(document, id=id_))["deployment"]["tasks"]
    assert [item["key"] for item in tasks] == [f"t{number}" for number in range(600)]
    pages = "{ deployments(first: 500) { nodes { id version { name } applications { name } tasks { key status } } } }"
    assert len((await system.admin.query(pages))["deployments"]["nodes"]) == 1


async def test_an_error_in_a_long_list_has_its_path(system: System) -> None:
    environment = await world(system.admin)
    await environment.application("web")
    id_ = await environment.deploy(tasks=[task(f"t{number}") for number in range(60)], autoStart=False)
    document = "query($id: ID!) { deployment(id: $id) { tasks { key logs(first: -1) { totalCount } } } }"
    result = await system.admin.execute(document, id=id_)
    assert result["errors"][0]["path"][:2] == ["deployment", "tasks"]
    assert code(result) == "INVALID"


async def test_heavy_operations_of_one_actor_run_one_after_another() -> None:
    limit = concurrency.ConcurrencyLimit(per_actor=2, waiting=3)
    inside: list[str] = []
    leave = asyncio.Event()

    async def run(actor: str) -> None:
        async with limit.slot(actor):
            inside.append(actor)
            await leave.wait()

    running = [asyncio.create_task(run("a")) for _ in range(5)] + [asyncio.create_task(run("b"))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sorted(inside) == ["a", "a", "b"]
    with pytest.raises(concurrency.TooManyOperationsError):
        await run("a")
    running[4].cancel()
    leave.set()
    await asyncio.wait(running)
    assert sorted(inside) == ["a", "a", "a", "a", "b"]
    assert not limit._semaphores and not limit._entered


async def test_many_heavy_operations_at_once_are_all_answered(system: System) -> None:
    document = "{ deployments(first: 400) { nodes { tasks { id } } } }"
    assert schema.documents.get(document).count_objects(None, None) > HEAVY_OBJECTS
    results = await asyncio.gather(*(system.admin.execute(document) for _ in range(10)))
    assert all("errors" not in result for result in results)
