"""Edits, compares and plans workflows of 2,000 tasks over HTTP, stored durably.

From the moment at which the request, put together before, is sent, to that at which its answer is there.
"""

import json
import time
from collections.abc import Callable

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
    """Return a layered graph: each task has three blockers and a command, and one task differs each time."""
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
            await asking.row("a deployment of {} tasks planned", lambda _: operation(PLAN, input=place)),
        ]


def operation(document: str, **variables: object) -> bytes:
    """Return the body of a request."""
    return json.dumps({"query": document, "variables": variables}).encode()


class _Asking:
    """A client with one connection, and the revision that the deployment is at."""

    def __init__(self, boreas: Boreas, http: httpx.AsyncClient, id_: str) -> None:
        self._url = f"{boreas.client.url}/graphql"
        self._http, self._id, self._revision = http, id_, 1
        self._api = serving(boreas.client.url)

    async def _ask(self, body: bytes) -> float:
        """Send an operation, which must do what it is for, and return how many seconds its answer took."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        begun = time.perf_counter()
        answer = await self._http.post(self._url, content=body, headers=headers)
        taken = time.perf_counter() - begun
        found: Data = answer.json()
        assert answer.status_code == 200 and "errors" not in found, found
        for payload in found["data"].values():
            assert not payload.get("errors"), payload["errors"]
            if "revision" in (payload.get("workflow") or {}):
                self._revision = payload["workflow"]["revision"]
        return taken

    def _edit(self, mutation: str, **fields: object) -> bytes:
        given = {"deploymentId": self._id, "expectedRevision": self._revision} | fields
        return operation(EDIT % (mutation[0].upper() + mutation[1:], mutation), input=given)

    def one(self, number: int) -> bytes:
        """Change one task."""
        return self._edit("updateTask", key=f"t{number}", name=f"Part {number}, changed")

    def all(self, number: int) -> bytes:
        """Save the whole graph."""
        return self._edit("updateWorkflow", tasks=graph(number))

    def compare(self, _: int) -> bytes:
        """Compare the first and the present revision."""
        return operation(DIFF, id=self._id, to=self._revision)

    async def row(self, what: str, work: Callable[[int], bytes]) -> Row:
        """Repeat a request; report the shortest time to the answer and the average CPU time of the API."""
        await self._ask(work(0))
        cpu = cpu_seconds(self._api)
        taken = [await self._ask(work(number)) for number in range(1, ROUNDS + 1)]
        cpu = (cpu_seconds(self._api) - cpu) / ROUNDS
        return Row(what.format(f"{TASKS:,}"), f"{1000 * min(taken):.0f} ms, {1000 * cpu:.0f} ms CPU", GOAL)
