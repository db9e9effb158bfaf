"""The number of statements of a query depends on its fields, never on the number of rows."""

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.api.support.people import account
from tests.api.support.wire import operate
from tests.support.client import Data
from tests.support.servers import Servers
from tests.support.system import System, running
from tests.support.world import World, world

FEW, MANY, TRIES = 2, 9, 3
SPLIT = 2
"""Statements that late answers may add; one for each row would add MANY - FEW, which is 7."""
DEPLOYMENTS = """query($n: Int!) { list: deployments(first: $n) { totalCount nodes {
  id status duration cursor
  version { name createdBy { name } deployments(first: 3) { totalCount nodes { id } } }
  approvalsConnection(last: 3) { totalCount nodes { status } }
  environment { deployments(first: 2) { totalCount nodes { status } } }
  environment { freezeWindows { name } freeze { frozen nextStart window { reason } } }
  environment { name releases { since application { name } version { name } deployment { id status } } }
  applications { versions(first: 2) { totalCount nodes { name } } }
  applications { name releases { environment { name } deployment { id } version { artifacts { application { id } } } } }
  createdBy { ... on ServiceAccount { tokensConnection { totalCount nodes { name } } } }
  createdBy { ... on ServiceAccount { name tokens { name } grants { role environment { name } application { name } } } }
  rollbackOf { id } rollback { requestedBy { name } }
  viewerCan { start { allowed reason } retry { allowed } }
  gate { canProceed blockers { kind message task { key } deployment { id } } }
  rollouts { total task { key } application { name } strategy { kind } previousVersion { name } }
  workflow { revisionsConnection(first: 2) { totalCount nodes { number } } }
  workflow { levels criticalPath edges { from to } tasks { id } }
  events(first: 5) { totalCount nodes { at actor { name }
    ... on DeploymentStatusChanged { deploymentTo: to deployment { status } }
    ... on TaskStatusChanged { to task { key deployment { id } } }
    ... on RolloutProgressed { rollout { updated task { key } application { name } } } } }
  tasks {
    key duration application { name } deployment { id }
    attempts { number worker } blockers { kind task { key } deployment { id } }
    logs(last: 2) { totalCount nodes { message } } errors: logs(levels: [ERROR]) { totalCount }
    viewerCan { retry { allowed } }
  }
} } }"""
VERSIONS = """query($n: Int!) { list: versions(first: $n) { totalCount nodes {
  name createdBy { name } artifacts { application { name releases { since } } }
  deployments(first: 2) { totalCount nodes { status tasks { key } } }
} } }"""
APPLICATIONS = """query($n: Int!) { list: applications(first: $n) { totalCount nodes {
  deployments(last: 2) { totalCount nodes { status } } versions(first: 2) { totalCount nodes { name } }
  name releases { environment { name } version { name } deployment { tasks { attempts { number } } } }
} } }"""
QUERIES = {"deployments": DEPLOYMENTS, "versions": VERSIONS, "applications": APPLICATIONS}


class Statements(logging.Handler):
    """Records every statement that is sent to the database."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.sent.append(str(record.args[0] if isinstance(record.args, tuple) and record.args else record.msg))


@contextmanager
def statements() -> Iterator[Statements]:
    """Record statements from the log of the database client."""
    log, handler = logging.getLogger("tortoise.db_client"), Statements()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


async def fill(system: System) -> None:
    """Create ended, running and waiting deployments in several environments, by several people."""
    await system.start_worker()
    environment = await world(system.admin)
    for name in range(MANY):
        await environment.application(f"app-{name}", build={"command": ["true"]})
    versions = [await environment.version(f"v{number}") for number in range(MANY)]
    places = [environment, await world(system.admin), await world(system.admin, workerPool="nobody")]
    makers = [(await account(system.admin, {"role": "DEPLOYER"})).client for _ in range(4)]
    for number, version in enumerate(versions):
        place = places[number % 3]
        application_ids = list(environment.applications.values())[number % 4 :: 4]
        id_ = await World(makers[number % 4], place.environment_id).deploy(version, applicationIds=application_ids)
        if place is not places[2]:
            await system.admin.until(id_, "SUCCESS")


@pytest.fixture(scope="module")
async def filled(cleared: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A running API over the data of `fill`, without a worker, because its statements would be counted."""
    async with running(cleared, tmp_path_factory.mktemp("filling")) as system:
        await fill(system)
    async with running(cleared, tmp_path_factory.mktemp("filled")) as system:
        yield system


async def run_query(system: System, document: str, number: int) -> tuple[list[str], Data]:
    """Send a query over HTTP, and return its statements."""
    with statements() as counted:
        return counted.sent, await system.admin.query(document, n=number)


async def asked_over_a_socket(system: System, document: str, number: int) -> tuple[list[str], Data]:
    """Send a query over a socket, which reuses nothing that was loaded before."""
    async with system.admin.socket() as socket:
        with statements() as counted:
            (result,) = await operate(socket, document, n=number)
    assert "errors" not in result
    return counted.sent, result["data"]


async def repeat(ask: Any, system: System, document: str, number: int) -> list[Counter[str]]:
    """Send a query several times, and return how often each statement was sent each time.

    Loads at about the same moment are sent together; a late one may split them into one more statement.
    """
    counts = []
    for _ in range(TRIES):
        queries, result = await ask(system, document, number)
        assert len(result["list"]["nodes"]) == number
        counts.append(Counter(queries))
    return counts


@pytest.mark.parametrize("ask", [run_query, asked_over_a_socket])
@pytest.mark.parametrize("query", QUERIES)
async def test_more_rows_take_no_more_statements(filled: System, query: str, ask: Any) -> None:
    few_statements = await repeat(ask, filled, QUERIES[query], FEW)
    many_statements = await repeat(ask, filled, QUERIES[query], MANY)
    assert all(len(counted) > 5 for counted in few_statements)
    for statement in set().union(*many_statements):
        least = min(counted[statement] for counted in many_statements)
        assert least <= max(counted[statement] for counted in few_statements) + SPLIT, statement


async def test_at_most_one_statement_authenticates_and_one_reads(filled: System) -> None:
    await run_query(filled, "query($n: Int!) { list: environments { id } deployments(first: $n) { nodes { id } } }", 1)
    queries, _ = await run_query(filled, "query($n: Int!) { deployments(first: $n) { nodes { id status } } }", MANY)
    assert len(queries) <= 2, queries


async def test_a_large_graph_is_read_and_created_in_few_statements(filled: System) -> None:
    counts = []
    environment = await world(filled.admin)
    await environment.application("shop")
    version = await environment.version()
    for size in (10, 400):
        tasks = [
            {"key": f"t{n}", "name": "t", "type": "CUSTOM", "blockBy": [f"t{n - 1}"][: n or 0]} for n in range(size)
        ]
        with statements() as recorded:
            deployment = await environment.deploy(version, tasks=tasks, autoStart=False)
        document = "query($id: ID!) { deployment(id: $id) { tasks { blockers { task { key } } attempts { number } } } }"
        with statements() as read_statements:
            assert len((await filled.admin.query(document, id=deployment))["deployment"]["tasks"]) == size
        counts.append((len(recorded.sent), len(read_statements.sent)))
    assert counts[0] == counts[1]
