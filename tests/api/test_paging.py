"""Lists, page by page.

Each object once, in order, with the right cursors, also while new objects are created.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from app.api.schema import schema
from tests.api.support.people import account
from tests.api.support.rows import database
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import World, task, world

DEPLOYMENTS = """query($first: Int, $after: Cursor, $last: Int, $before: Cursor, $filter: DeploymentFilter) {
  list: deployments(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    totalCount nodes { id } edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


async def forward(system: System, document: str, size: int, **variables: Any) -> AsyncIterator[Data]:
    """Yield the pages of a list from its start, and check the PageInfo of each."""
    cursor, count = None, 0
    while True:
        data = await system.admin.query(document, first=size, after=cursor, **variables)
        page: Data = data["list"] if "list" in data else data["parent"]["list"]
        check(page)
        count += len(page["nodes"])
        yield page
        assert page["pageInfo"]["hasPreviousPage"] is (cursor is not None)
        if not page["pageInfo"]["hasNextPage"]:
            return
        assert len(page["nodes"]) == size
        cursor = page["pageInfo"]["endCursor"]


async def backward(system: System, document: str, size: int, **variables: Any) -> AsyncIterator[Data]:
    """Yield the pages of a list from its end."""
    cursor = None
    while True:
        data = await system.admin.query(document, last=size, before=cursor, **variables)
        page: Data = data["list"] if "list" in data else data["parent"]["list"]
        check(page)
        yield page
        assert page["pageInfo"]["hasNextPage"] is (cursor is not None)
        if not page["pageInfo"]["hasPreviousPage"]:
            return
        cursor = page["pageInfo"]["startCursor"]


def check(page: Data) -> None:
    """Check that the nodes, edges and cursors of a page agree."""
    assert [edge["node"] for edge in page["edges"]] == page["nodes"]
    cursors = [edge["cursor"] for edge in page["edges"]]
    ends = (page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"])
    assert ends == ((cursors[0], cursors[-1]) if cursors else (None, None))


async def listed(pages: AsyncIterator[Data], total: int, field: str = "id") -> list[list[Any]]:
    """Return a field of every node, page by page."""
    nodes = []
    async for page in pages:
        assert page["totalCount"] == total
        nodes.append([node[field] for node in page["nodes"]])
    return nodes


def flat(pages: list[list[Any]]) -> list[Any]:
    return [item for page in pages for item in page]


# Deployments


@dataclass(frozen=True, slots=True)
class ListedDeployments:
    """45 deployments that have not started, newest first."""

    environment: World
    version: str
    newest_first: list[str]


@pytest.fixture(scope="module")
async def listed_deployments(shared: System) -> ListedDeployments:
    environment = await world(shared.admin)
    await environment.application("shop")
    version = await environment.version()
    ids = [await environment.deploy(version, autoStart=False) for _ in range(45)]
    async with database(shared) as connection:
        newest_first = "SELECT id FROM deployments WHERE environment_id = $1 ORDER BY created_at DESC, id DESC"
        rows = await connection.fetch(newest_first, environment.environment_id)
    assert sorted(ids) == sorted(row["id"] for row in rows)
    return ListedDeployments(environment, version, [row["id"] for row in rows])


@pytest.mark.parametrize("size", [8, 15, 45, 100])
async def test_paging_forward_returns_each_deployment_once(
    shared: System, listed_deployments: ListedDeployments, size: int
) -> None:
    filter_ = {"environmentIds": [listed_deployments.environment.environment_id]}
    pages = await listed(forward(shared, DEPLOYMENTS, size, filter=filter_), 45)
    assert flat(pages) == listed_deployments.newest_first
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)


@pytest.mark.parametrize("size", [8, 15, 45, 100])
async def test_paging_backward_returns_each_deployment_once(
    shared: System, listed_deployments: ListedDeployments, size: int
) -> None:
    filter_ = {"environmentIds": [listed_deployments.environment.environment_id]}
    pages = await listed(backward(shared, DEPLOYMENTS, size, filter=filter_), 45)
    assert flat(pages[::-1]) == listed_deployments.newest_first


async def test_an_empty_page_reports_whether_more_pages_exist(
    shared: System, listed_deployments: ListedDeployments
) -> None:
    filter_ = {"environmentIds": [listed_deployments.environment.environment_id]}
    for variables, more in (({"first": 0}, (True, False)), ({"last": 0}, (False, True))):
        page = (await shared.admin.query(DEPLOYMENTS, filter=filter_, **variables))["list"]
        assert (page["nodes"], page["totalCount"]) == ([], 45)
        assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]) == more


async def test_an_empty_list_is_an_empty_page(shared: System, listed_deployments: ListedDeployments) -> None:
    for variables in ({"first": 5}, {"last": 5}):
        page = (await shared.admin.query(DEPLOYMENTS, filter={"statuses": ["FAILED"]}, **variables))["list"]
        check(page)
        info = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
        assert (page["nodes"], page["totalCount"], page["pageInfo"]) == ([], 0, info)


async def test_new_deployments_do_not_shift_later_pages(shared: System, listed_deployments: ListedDeployments) -> None:
    environment = await world(shared.admin)
    await environment.application("shop")
    version = await environment.version()
    old = [await environment.deploy(version, autoStart=False) for _ in range(6)]
    ids: list[str] = []
    filter_ = {"environmentIds": [environment.environment_id]}
    async for page in forward(shared, DEPLOYMENTS, 2, filter=filter_):
        ids += [node["id"] for node in page["nodes"]]
        await environment.deploy(version, autoStart=False)
    assert (sorted(ids), len(ids)) == (sorted(old), 6)


async def test_the_deployments_of_a_version_are_paged(shared: System, listed_deployments: ListedDeployments) -> None:
    document = """query($id: ID!, $first: Int, $after: Cursor) { parent: version(id: $id) {
      list: deployments(first: $first, after: $after) {
        totalCount nodes { id } edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
    pages = await listed(forward(shared, document, 20, id=listed_deployments.version), 45)
    assert ([len(page) for page in pages], flat(pages)) == ([20, 20, 5], listed_deployments.newest_first)
    page = (await shared.admin.query(document, id=listed_deployments.version))["parent"]["list"]
    assert len(page["nodes"]) == 20


async def test_each_filter_returns_only_matching_deployments(
    shared: System, listed_deployments: ListedDeployments
) -> None:
    environment, other_environment = await world(shared.admin), await world(shared.admin)
    users, orders = await environment.application("users"), await environment.application("orders")
    first_version, second_version = await environment.version("first"), await environment.version("second")
    deployer = await account(shared.admin, {"role": "DEPLOYER"})
    ids = {
        "a": await environment.deploy(first_version, applicationIds=[users], autoStart=False),
        "b": await environment.deploy(second_version, autoStart=False),
        "c": await environment.deploy(
            second_version, environmentIds=[other_environment.environment_id], applicationIds=[orders], autoStart=False
        ),
        "d": await World(deployer.client, other_environment.environment_id).deploy(
            first_version, applicationIds=[users], autoStart=False
        ),
    }
    await shared.admin.change("cancelDeployment", "__typename", id=ids["c"], reason="a test")
    ours = {"environmentIds": [environment.environment_id, other_environment.environment_id]}
    times = await shared.admin.query(
        "query($id: ID!) { node(id: $id) { ... on Deployment { createdAt } } }", id=ids["c"]
    )
    moment = times["node"]["createdAt"]
    table: list[tuple[Data, str]] = [
        (ours, "d c b a"),
        (ours | {"statuses": ["CANCELLED"]}, "c"),
        (ours | {"statuses": ["PENDING", "CANCELLED"]}, "d c b a"),
        (ours | {"statuses": []}, ""),
        ({"environmentIds": [other_environment.environment_id]}, "d c"),
        ({"environmentIds": ["nobody"]}, ""),
        ({"applicationIds": [users]}, "d b a"),
        ({"applicationIds": [orders]}, "c b"),
        ({"applicationIds": [users, orders]}, "d c b a"),
        ({"versionId": first_version}, "d a"),
        ({"versionId": "nobody"}, ""),
        ({"createdById": deployer.id}, "d"),
        (ours | {"createdAfter": moment}, "d c"),
        (ours | {"createdBefore": moment}, "b a"),
        (ours | {"createdAfter": moment, "createdBefore": moment}, ""),
        ({"versionId": second_version, "applicationIds": [orders], "statuses": ["PENDING"]}, "b"),
        (dict.fromkeys(("statuses", "versionId", "createdAfter")) | ours, "d c b a"),
    ]
    names = {id_: name for name, id_ in ids.items()}
    for filter_, expected in table:
        pages = await listed(forward(shared, DEPLOYMENTS, 3, filter=filter_), len(expected.split()))
        back = await listed(backward(shared, DEPLOYMENTS, 3, filter=filter_), len(expected.split()))
        assert [names[id_] for id_ in flat(pages)] == expected.split(), filter_
        assert flat(back[::-1]) == flat(pages), filter_


# Applications and versions

BY_NAME = """query($first: Int, $after: Cursor, $contains: String) {
  list: %s(first: $first, after: $after, contains: $contains) {
    totalCount nodes { id name } edges { cursor node { id name } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


async def test_applications_are_ordered_by_name_without_archived_ones(shared: System) -> None:
    environment = await world(shared.admin)
    for name in ("zeta", "alpha", "a-b", "ab", "a1", "beta"):
        await environment.application(f"page-{name}")
    await shared.admin.change("archiveApplication", "__typename", id=await environment.application("page-old"))
    document = BY_NAME % "applications"
    listed_names = flat(await listed(forward(shared, document, 2, contains="PAGE-"), 6, "name"))
    names = [name.removeprefix("page-").rpartition("-")[0] for name in listed_names]
    assert sorted(names) == ["a-b", "a1", "ab", "alpha", "beta", "zeta"]
    assert names[-2:] == ["beta", "zeta"]
    nodes = (await shared.admin.query(document, contains="page-"))["list"]["nodes"]
    assert [node["name"] for node in nodes] == listed_names


async def test_versions_are_listed_newest_first(shared: System) -> None:
    environment = await world(shared.admin)
    await environment.application("shop")
    for number in range(7):
        await environment.version(f"Release {number} 版本%_")
    document = BY_NAME % "versions"
    names = flat(await listed(forward(shared, document, 3, contains="release"), 7, "name"))
    assert names == [f"Release {number} 版本%_" for number in reversed(range(7))]
    for contains, total in (("版本%_", 7), ("release 3", 1), ("release 3 版本%_", 1), ("x%", 0)):
        page = (await shared.admin.query(document, contains=contains))["list"]
        assert (page["totalCount"], len(page["nodes"])) == (total, total), contains


# Feeds

EVENTS = """query($id: ID!, $first: Int, $after: Cursor) { parent: deployment(id: $id) {
  list: events(first: $first, after: $after) {
    totalCount nodes { cursor } edges { cursor node { cursor } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
LOGS = """query($id: ID!, $first: Int, $after: Cursor, $last: Int, $before: Cursor, $levels: [LogLevel!],
    $contains: String, $attempt: Int) { parent: task(id: $id) {
  list: logs(first: $first, after: $after, last: $last, before: $before, levels: $levels, contains: $contains,
      attempt: $attempt) {
    totalCount nodes { cursor message level attempt } edges { cursor node { cursor message level attempt } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""


async def test_events_are_listed_oldest_first(shared: System) -> None:
    deployment = await of_tasks(shared, *(f"t{number}" for number in range(20)))
    await shared.admin.change("cancelDeployment", "__typename", id=deployment, reason="a test")
    all_events = (await shared.admin.query(EVENTS, id=deployment, first=100))["parent"]["list"]["nodes"]
    for size in (4, 22, 500):
        pages = await listed(forward(shared, EVENTS, size, id=deployment), 22, "cursor")
        assert flat(pages) == [node["cursor"] for node in all_events]
    assert len(all_events) == len({node["cursor"] for node in all_events}) == 22


async def of_tasks(system: System, *keys: str) -> str:
    """Create a deployment of these tasks without starting it."""
    environment = await world(system.admin)
    await environment.application("shop")
    return await environment.deploy(autoStart=False, tasks=[task(key) for key in keys])


@pytest.fixture(scope="module")
async def logged(shared: System) -> str:
    """A task with 25 lines: 10 of a first attempt, 15 of a second, with each level in turn."""
    document = "query($id: ID!) { deployment(id: $id) { tasks { id } } }"
    data = await shared.admin.query(document, id=await of_tasks(shared, "t"))
    id_ = str(data["deployment"]["tasks"][0]["id"])
    async with database(shared) as connection:
        lines = [
            (id_, n, datetime.now(UTC), ("DEBUG", "INFO", "WARN", "ERROR")[n % 4], message_of(n), 1 if n <= 10 else 2)
            for n in range(1, 26)
        ]
        columns = ["task_id", "number", "at", "level", "message", "attempt"]
        await connection.copy_records_to_table("task_logs", records=lines, columns=columns)
        async with connection.transaction():
            statement = "UPDATE tasks SET last_log = 25, attempt = 2 WHERE id = $1 RETURNING deployment_id"
            owner = await connection.fetchval(statement, id_)
            await connection.execute("UPDATE deployments SET updated_at = now() WHERE id = $1", owner)
    return id_


def message_of(number: int) -> str:
    return f"Line {number}: 50%_ 日志"


FILTERS: list[tuple[Data, list[int]]] = [
    ({}, list(range(1, 26))),
    ({"levels": ["ERROR"]}, [n for n in range(1, 26) if n % 4 == 3]),
    ({"levels": ["ERROR", "DEBUG"]}, [n for n in range(1, 26) if n % 4 in (0, 3)]),
    ({"contains": "LINE 2"}, [2, 20, 21, 22, 23, 24, 25]),
    ({"contains": "%_ 日"}, list(range(1, 26))),
    ({"contains": "nothing"}, []),
    ({"levels": []}, []),
    ({"levels": None, "contains": ""}, list(range(1, 26))),
    ({"attempt": 1}, list(range(1, 11))),
    ({"attempt": 2}, list(range(11, 26))),
    ({"attempt": 3}, []),
    ({"attempt": 2, "levels": ["WARN"], "contains": "line 2"}, [22]),
]


async def test_log_lines_are_listed_oldest_first_in_both_directions(shared: System, logged: str) -> None:
    for filter_, numbers in FILTERS:
        pages = await listed(forward(shared, LOGS, 10, id=logged, **filter_), len(numbers), "message")
        assert flat(pages) == [message_of(n) for n in numbers], filter_
        pages = await listed(backward(shared, LOGS, 10, id=logged, **filter_), len(numbers), "message")
        assert flat(pages[::-1]) == [message_of(n) for n in numbers], filter_


NOT_BOTH = ("first: 1, last: 1", "first: 0, last: 0", "first: $given, last: 1", "first: $usual, last: 1")
ALONE = ("first: null, last: 1", "first: 1, last: null", "first: $left, last: 1", "last: 1", "")


async def test_first_together_with_last_is_refused(shared: System, logged: str) -> None:
    head = "query($given: Int!, $usual: Int = 3, $left: Int)"
    for arguments in (*NOT_BOTH, *ALONE):
        inner = f"({arguments})" if arguments else ""
        for place, path in (("deployments%s", "deployments"), (f'task(id: "{logged}") {{ logs%s', "logs")):
            document = f"{head} {{ {place % inner} {{ totalCount }} {'}' if path == 'logs' else ''} ...V }}"
            document += " fragment V on Query { a: versions(first: $given) { totalCount }"
            document += " b: versions(first: $usual) { totalCount } c: versions(first: $left) { totalCount } }"
            errors = (await shared.admin.execute(document, given=2)).get("errors", [])
            reported = [(error["extensions"]["code"], error["extensions"]["path"]) for error in errors]
            assert reported == ([("INVALID", ["last"])] if arguments in NOT_BOTH else []), (arguments, path, errors)


FILTERED = {"DeploymentFilter": "deployments", "AuditFilter": "auditLog"}


@pytest.mark.parametrize("name", FILTERED)
async def test_an_empty_filter_list_matches_none_and_null_matches_all(
    shared: System, listed_deployments: ListedDeployments, name: str
) -> None:
    fields = cast("Any", schema._schema.type_map[name]).fields.items()
    lists = [field for field, of in fields if str(of.type).startswith("[")]
    assert len(lists) >= 1
    for field in lists:
        for value, has_matches in (([], False), (None, True)):
            document = f"query($filter: {name}) {{ list: {FILTERED[name]}(filter: $filter) {{ totalCount }} }}"
            data = await shared.admin.query(document, filter={field: value})
            assert (data["list"]["totalCount"] > 0) is has_matches, (field, value)


async def test_an_empty_search_text_matches_every_name(shared: System, listed_deployments: ListedDeployments) -> None:
    for name in ("applications", "versions", "workflowTemplates"):
        document = f"query($text: String) {{ {name}(contains: $text) {{ totalCount }} }}"
        assert await shared.admin.query(document, text="") == await shared.admin.query(document, text=None)


async def test_the_last_lines_are_loaded_without_reading_the_whole_log(shared: System, logged: str) -> None:
    page = (await shared.admin.query(LOGS, id=logged, last=3))["parent"]["list"]
    assert [node["message"][:7] for node in page["nodes"]] == ["Line 23", "Line 24", "Line 25"]
    assert page["pageInfo"]["hasPreviousPage"] and not page["pageInfo"]["hasNextPage"]
