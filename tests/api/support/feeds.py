"""Following feeds as a client, over either transport, and reading their stored items to compare."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from tests.api.support.wire import events
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import task, world


@dataclass(frozen=True, slots=True)
class Feed:
    """A subscription, the list that its batches hold, and the query for the same list."""

    field: str
    document: str
    items: str
    stored: str


EVENT = """__typename cursor at deploymentId actor { id }
  ... on DeploymentStatusChanged { wasDeployment: from toDeployment: to reason }
  ... on TaskStatusChanged { taskId was: from to reason }
  ... on RolloutProgressed { taskId rollout { updated healthy weight } }"""
EVENTS = Feed(
    "deploymentEvents",
    f"""subscription($id: ID!, $after: Cursor) {{
      deploymentEvents(id: $id, after: $after) {{ cursor caughtUp events {{ {EVENT} }} }} }}""",
    "events",
    f"""query($id: ID!, $after: Cursor) {{ of: deployment(id: $id) {{ list: events(first: 500, after: $after) {{
      nodes {{ {EVENT} }} pageInfo {{ hasNextPage endCursor }} }} }} }}""",
)
LINES = Feed(
    "taskLogs",
    """subscription($id: ID!, $after: Cursor, $levels: [LogLevel!], $contains: String) {
      taskLogs(taskId: $id, after: $after, levels: $levels, contains: $contains) {
        cursor caughtUp lines { cursor timestamp level message attempt } } }""",
    "lines",
    """query($id: ID!, $after: Cursor, $levels: [LogLevel!], $contains: String) { of: task(id: $id) {
      list: logs(first: 500, after: $after, levels: $levels, contains: $contains) {
        nodes { cursor timestamp level message attempt } pageInfo { hasNextPage endCursor } } } }""",
)


@dataclass(frozen=True, slots=True)
class Batch:
    """One result of a feed."""

    items: list[Data]
    cursor: str
    caught_up: bool


Follow = Callable[..., AsyncGenerator[Batch, None]]


async def over_socket(client: Client, feed: Feed, id_: str, **variables: Any) -> AsyncGenerator[Batch, None]:
    """Follow a feed over a socket until it completes."""
    async with aclosing(client.subscribe(feed.document, id=id_, **variables)) as batches:  # type: ignore[type-var]
        async for data in batches:
            yield batch(feed, data)


async def over_sse(client: Client, feed: Feed, id_: str, **variables: Any) -> AsyncGenerator[Batch, None]:
    """Follow a feed over server-sent events until it completes."""
    async with aclosing(events(client, feed.document, id=id_, **variables)) as results:
        async for result in results:
            assert "errors" not in result, result["errors"]
            yield batch(feed, result["data"])


WAYS = (over_socket, over_sse)


def batch(feed: Feed, data: Data) -> Batch:
    """Return the result of a message."""
    payload = data[feed.field]
    return Batch(payload[feed.items], payload["cursor"], payload["caughtUp"])


async def collect(batches: AsyncIterator[Batch]) -> list[Data]:
    """Return every item, up to the end of the feed."""
    return [item async for page in batches for item in page.items]


async def stored(client: Client, feed: Feed, id_: str, **variables: Any) -> list[Data]:
    """Return every stored item."""
    items: list[Data] = []
    page: Data = {"pageInfo": {"hasNextPage": True, "endCursor": None}}
    while page["pageInfo"]["hasNextPage"]:
        after = page["pageInfo"]["endCursor"]
        page = (await client.query(feed.stored, id=id_, after=after, **variables))["of"]["list"]
        items += page["nodes"]
    return items


async def chain(system: System, length: int = 6, **payload: Any) -> str:
    """Return a deployment that is not started: a chain of tasks of a twentieth of a second each."""
    environment = await world(system.admin)
    await environment.application("shop")
    full_payload = {"seconds": 0.05, "lines": 10} | payload
    tasks = [task(f"t{n}", *([f"t{n - 1}"] if n else []), payload=full_payload) for n in range(length)]
    return await environment.deploy(autoStart=False, tasks=tasks)


async def task_of(client: Client, deployment: str, key: str = "t0") -> str:
    """Return the id of a task."""
    result = await client.query("query($id: ID!) { deployment(id: $id) { tasks { id key } } }", id=deployment)
    return str(next(task_["id"] for task_ in result["deployment"]["tasks"] if task_["key"] == key))


async def start(client: Client, deployment: str) -> None:
    """Start a deployment."""
    await client.change("startDeployment", "__typename", id=deployment)
