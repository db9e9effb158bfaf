"""The logs of all tasks of a deployment as one feed."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from app.core import logs as core
from tests.api.support.feeds import LINES, WAYS, Feed, Follow, collect, over_socket, start, stored
from tests.api.support.people import account
from tests.api.support.rows import database
from tests.api.support.wire import answers, code
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import task, world

ALL = Feed(
    "deploymentLogs",
    """subscription($id: ID!, $after: Cursor, $levels: [LogLevel!], $contains: String) {
      deploymentLogs(deploymentId: $id, after: $after, levels: $levels, contains: $contains) {
        cursor caughtUp lines { task { id key } line { cursor timestamp level message attempt } } } }""",
    "lines",
    "",
)
TASKS = [f"t{n}" for n in range(4)]


@pytest.fixture(scope="module")
async def live(shared: System) -> System:
    """The running API, with a worker."""
    await shared.start_worker()
    return shared


async def parallel_deployment(system: System, lines: int = 120, seconds: float = 0.6) -> str:
    """Return a deployment of parallel tasks that is not started."""
    environment = await world(system.admin)
    await environment.application("shop")
    graph = [task(key, payload={"seconds": seconds, "lines": lines}) for key in TASKS]
    return await environment.deploy(autoStart=False, tasks=graph)


async def logs_of(client: Client, deployment: str) -> dict[str, list[Data]]:
    """Return the stored log of each task, by its key."""
    result = await client.query("query($id: ID!) { deployment(id: $id) { tasks { id key } } }", id=deployment)
    return {task_["key"]: await stored(client, LINES, task_["id"]) for task_ in result["deployment"]["tasks"]}


def by_task(items: list[Data]) -> dict[str, list[Data]]:
    lines_by_key: dict[str, list[Data]] = {key: [] for key in TASKS}
    for item in items:
        lines_by_key[item["task"]["key"]].append(item["line"])
    return lines_by_key


@pytest.mark.parametrize("follow", WAYS)
async def test_all_subscribers_get_every_line_in_the_same_order(live: System, follow: Follow) -> None:
    deployment = await parallel_deployment(live)
    followers = [asyncio.create_task(collect(follow(live.admin, ALL, deployment))) for _ in range(3)]
    await start(live.admin, deployment)
    first_lines, *other_lines = [await follower for follower in followers]
    assert other_lines == [first_lines, first_lines]
    assert by_task(first_lines) == await logs_of(live.admin, deployment)
    assert await collect(follow(live.admin, ALL, deployment)) == first_lines


@pytest.mark.parametrize("follow", WAYS)
async def test_a_subscriber_that_disconnects_after_every_page_misses_nothing(live: System, follow: Follow) -> None:
    deployment = await parallel_deployment(live, seconds=1.5)
    await start(live.admin, deployment)
    items: list[Data] = []
    cursor, completed, connections = None, False, 0
    while not completed:
        completed, connections = True, connections + 1
        async with aclosing(follow(live.admin, ALL, deployment, after=cursor)) as batches:
            async for batch in batches:
                items, cursor = items + batch.items, batch.cursor
                if batch.items:
                    completed = False
                    break
    assert items == await collect(follow(live.admin, ALL, deployment))
    assert connections > 3


async def test_lines_are_filtered_by_level_and_text(live: System) -> None:
    deployment = await parallel_deployment(live, lines=30, seconds=0.1)
    await start(live.admin, deployment)
    all_lines = await collect(over_socket(live.admin, ALL, deployment))
    cases: list[tuple[Data, Callable[[Data], bool]]] = [
        ({"contains": "LINE 7 "}, lambda line: "line 7 " in line["message"]),
        ({"levels": ["ERROR"]}, lambda line: line["level"] == "ERROR"),
        ({"levels": ["INFO"], "contains": "2"}, lambda line: line["level"] == "INFO" and "2" in line["message"]),
    ]
    for filter_, passes in cases:
        items = await collect(over_socket(live.admin, ALL, deployment, **filter_))
        assert items == [item for item in all_lines if passes(item["line"])], filter_


async def test_hidden_and_unknown_deployments_and_invalid_cursors_are_refused(live: System) -> None:
    deployment = await parallel_deployment(live)
    nobody = await account(live.admin, {"role": "VIEWER", "environmentId": (await world(live.admin)).environment_id})
    results = await answers(nobody.client, ALL.document, id=deployment)
    results += await answers(live.admin, ALL.document, id="dep_none")
    results += await answers(live.admin, ALL.document, id=deployment, after="zzz")
    assert [code(result) for result in results] == ["NOT_FOUND", "NOT_FOUND", "INVALID"]


PAGE = """query($id: ID!, $first: Int, $after: Cursor, $last: Int, $before: Cursor, $contains: String) { task(id: $id) {
  logsTruncated logs(first: $first, after: $after, last: $last, before: $before, contains: $contains) {
    nodes { message } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""


@pytest.mark.parametrize("forward", [True, False])
async def test_pages_of_a_long_log_have_cursors_to_go_on(
    live: System, forward: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "TEXT_REACH", 16)
    deployment = await parallel_deployment(live)
    result = await live.admin.query("query($id: ID!) { deployment(id: $id) { tasks { id } } }", id=deployment)
    id_ = result["deployment"]["tasks"][0]["id"]
    async with database(live) as connection:
        await connection.execute(
            "INSERT INTO task_logs (task_id, number, at, level, message, attempt)"
            " SELECT $1, n, now(), 'INFO', 'line ' || n || '.', 1 FROM generate_series(1, 100) n",
            id_,
        )
        await connection.execute("UPDATE tasks SET last_log = 100 WHERE id = $1", id_)
    pages: list[Any] = []
    cursor, more = None, True
    while more:
        page_arguments = {"first": 2, "after": cursor} if forward else {"last": 2, "before": cursor}
        log = (await live.admin.query(PAGE, id=id_, contains="9.", **page_arguments))["task"]["logs"]
        pages.append([node["message"] for node in log["nodes"]])
        info = log["pageInfo"]
        more, cursor = (
            (info["hasNextPage"], info["endCursor"]) if forward else (info["hasPreviousPage"], info["startCursor"])
        )
    messages = [message for page in (pages if forward else pages[::-1]) for message in page]
    assert messages == [f"line {n}." for n in range(9, 100, 10)]
    assert len(pages) >= 7 and max(map(len, pages)) <= 2
    assert log["totalCount"] == sum(str(n).endswith("9") for n in range(85, 101))
