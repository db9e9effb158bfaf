"""Workflows of 2,000 tasks, edited, compared and planned through the API, as a client sees it: over HTTP, stored."""

import time
from collections.abc import Awaitable, Callable

import httpx

from bench.boreas import TOKEN, Boreas, started
from bench.processes import cpu_seconds, serving
from bench.table import Row
from tests.support.client import Data
from tests.support.world import task, world

TASKS = 2000
ROUNDS = 15
GOAL = "100 ms"
EDIT = """mutation($input: %sInput!) { %s(input: $input) { workflow { revision } errors { message } } }"""
DIFF = """query($id: ID!, $to: Int!) { deployment(id: $id) { workflow { diff(from: 1, to: $to) {
  added { key } removed { key } changed { key fields } } } } }"""
PLAN = """query($input: CreateDeploymentInput!) { deploymentPlan(input: $input) {
  levels criticalPath faults { kind } gate { canProceed } } }"""


def graph(number: int) -> list[Data]:
    """Return a layered graph, each task with three blockers and a command, one of them another one each time."""
    return [
        task(
            f"t{index}",
            *(f"t{before}" for before in range(index - 3, index) if before >= 0),
            command={"command": ["make", "-C", f"part-{index}"], "env": {"PART": str(index)}},
            name=f"Part {index} in form {number}" if index == number else f"Part {index}",
        )
        for index in range(TASKS)
    ]


async def measure() -> list[Row]:
    """Edit, compare and plan, and report the fastest of some rounds of each."""
    async with started() as boreas, httpx.AsyncClient(trust_env=False, timeout=60) as http:
        here = await world(boreas.client)
        await here.application("bench")
        version = await here.version()
        id_ = await here.deploy(version, tasks=graph(0), autoStart=False)
        place = {"versionId": version, "environmentIds": [here.environment_id], "tasks": graph(1)}
        asking = _Asking(boreas, http, id_)
        return [
            await asking.row("one task of {} changed", asking.one),
            await asking.row("all of {} tasks saved, one changed", asking.all),
            await asking.row("two revisions of {} tasks compared", asking.compare),
            await asking.row("a deployment of {} tasks planned", lambda _: asking.ask(PLAN, input=place)),
        ]


class _Asking:
    """A client with one connection, and the revision that the deployment is at."""

    def __init__(self, boreas: Boreas, http: httpx.AsyncClient, id_: str) -> None:
        self._url = f"{boreas.client.url}/graphql"
        self._http, self._id, self._revision = http, id_, 1
        self._api = serving(boreas.client.url)

    async def ask(self, document: str, **variables: object) -> Data:
        """Send an operation and return its data, which must hold no errors."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await self._http.post(self._url, json={"query": document, "variables": variables}, headers=headers)
        found: Data = answer.json()
        assert answer.status_code == 200 and "errors" not in found, found
        return dict(found["data"])

    async def _edit(self, mutation: str, **fields: object) -> None:
        given = {"deploymentId": self._id, "expectedRevision": self._revision} | fields
        kind = mutation[0].upper() + mutation[1:]
        answer = (await self.ask(EDIT % (kind, mutation), input=given))[mutation]
        assert not answer["errors"], answer["errors"]
        self._revision = answer["workflow"]["revision"]

    async def one(self, number: int) -> None:
        """Change one task."""
        await self._edit("updateTask", key=f"t{number}", name=f"Part {number}, changed")

    async def all(self, number: int) -> None:
        """Save the whole graph."""
        await self._edit("updateWorkflow", tasks=graph(number))

    async def compare(self, _: int) -> None:
        """Compare the first and the present revision."""
        await self.ask(DIFF, id=self._id, to=self._revision)

    async def row(self, what: str, work: Callable[[int], Awaitable[object]]) -> Row:
        """Do something over and over; report the least time that it took, and the API's own CPU for it on average."""
        await work(0)
        taken, cpu = [], cpu_seconds(self._api)
        for number in range(1, ROUNDS + 1):
            begun = time.perf_counter()
            await work(number)
            taken.append(time.perf_counter() - begun)
        cpu = (cpu_seconds(self._api) - cpu) / ROUNDS
        return Row(what.format(f"{TASKS:,}"), f"{1000 * min(taken):.0f} ms, {1000 * cpu:.0f} ms CPU", GOAL)
