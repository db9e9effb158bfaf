"""The price of each short cut of the executor.

The API's CPU for a request, with all of them and without one.

All variants share a PostgreSQL. Each is an API process; BOREAS_EXECUTOR_WITHOUT names the short cut that it leaves out,
and `plain` has none. They take turns. CPU tells more than time here: clients and servers share the machine.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

import httpx

from app.api.execution.shortcuts import FAST
from bench.boreas import TOKEN, Boreas, ready, started
from bench.editing import EDIT, graph, operation
from bench.load import load
from bench.processes import cpu_seconds, serving
from bench.query import DOCUMENT, TASKS, WARM_SECONDS, rotated, seed
from bench.table import Beside, Row
from tests.support.system import free_port
from tests.support.world import World, world

ROOT = Path(__file__).parent.parent
ROUNDS = 4
SECONDS = 1.5
SAVES = 6
WARM_SAVES = 2
CONNECTIONS = 10
LIST_CONNECTIONS = 2
ALL = "all"
PLAIN = "plain"
NAMES = tuple(field.name for field in fields(FAST))
LIST = """{ deployments(first: 5) { nodes { id status progress version { id name } environment { id name }
  createdBy { name } tasks { id key status application { id name } attempts { number status } } } } }"""


@dataclass(frozen=True, slots=True)
class Api:
    """An API process of one variant, and the deployment whose graph it saves."""

    url: str
    pid: int
    deployment_id: str


async def measure(names: Sequence[str]) -> list[Row]:
    """Measure every variant by turns, after a round that does not count, and report medians."""
    async with started() as boreas, AsyncExitStack() as stack:
        here = await world(boreas.client)
        ids = await seed(boreas, here)
        apis = {name: await stack.enter_async_context(_api(boreas, here, name)) for name in (ALL, *names)}
        own = [_body(DOCUMENT, id=id_) for id_ in ids]
        shapes = {
            f"a deployment with {TASKS} tasks, each client its own": (CONNECTIONS, own),
            f"a deployment with {TASKS} tasks, the same for all": (CONNECTIONS, own[:1]),
            f"a list of 5 deployments with {TASKS} tasks and their objects": (LIST_CONNECTIONS, [_body(LIST)]),
        }
        rows = [_row(what, await _queries(apis, *shape)) for what, shape in shapes.items()]
        return [*rows, _row("all of 2,000 tasks saved, one changed", await _saves(apis))]


@asynccontextmanager
async def _api(boreas: Boreas, here: World, name: str) -> AsyncIterator[Api]:
    """Start an API process beside the one that runs, over the same servers."""
    secrets, port = boreas.data / "secrets", free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("BOREAS_")} | {
        "BOREAS_DATABASE_URL_FILE": str(secrets / "api-database-url"),
        "BOREAS_REDIS_URL_FILE": str(secrets / "redis-url"),
        "BOREAS_PORT": str(port),
        "BOREAS_LOG_LEVEL": "WARNING",
        "BOREAS_EXECUTOR": "plain" if name == PLAIN else "fast",
        "BOREAS_EXECUTOR_WITHOUT": "" if name in (ALL, PLAIN) else name,
        "PYTHONPATH": str(ROOT),
    }
    deployment_id = await here.deploy(tasks=graph(0), autoStart=False)
    process = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", "app.cli", "api", env=env)
    try:
        url = f"http://127.0.0.1:{port}"
        await ready(url)
        yield Api(f"{url}/graphql", serving(url), deployment_id)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _queries(apis: Mapping[str, Api], connections: int, bodies: Sequence[bytes]) -> dict[str, float]:
    """Return the CPU seconds that a query takes, by variant."""
    taken: dict[str, list[float]] = {name: [] for name in apis}
    for api in apis.values():
        await _load(api, connections, bodies, WARM_SECONDS)
    answers = set()
    for turn in range(ROUNDS):
        for name in rotated(list(apis), turn):
            seconds, answer = await _load(apis[name], connections, bodies, SECONDS)
            taken[name].append(seconds)
            answers.add(answer)
    assert len(answers) == 1, "the variants do not answer the same"
    return {name: median(seconds) for name, seconds in taken.items()}


async def _load(api: Api, connections: int, bodies: Sequence[bytes], seconds: float) -> tuple[float, bytes]:
    """Return the CPU seconds of a query, and the answer to the first."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    cpu = cpu_seconds(api.pid)
    found = await load(api.url, bodies, headers, connections=connections, seconds=seconds)
    return (cpu_seconds(api.pid) - cpu) / len(found.seconds), found.answers[bodies[0]]


async def _saves(apis: Mapping[str, Api]) -> dict[str, float]:
    """Return the CPU seconds that saving a graph takes, by variant."""
    taken: dict[str, list[float]] = {name: [] for name in apis}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(trust_env=False, timeout=60, headers=headers) as http:
        for number in range(1, 1 + WARM_SAVES + SAVES):
            for name, api in apis.items():
                given = {"deploymentId": api.deployment_id, "expectedRevision": number, "tasks": graph(number)}
                body, cpu = operation(EDIT % ("UpdateWorkflow", "updateWorkflow"), input=given), cpu_seconds(api.pid)
                answer = (await http.post(api.url, content=body)).json()
                assert answer["data"]["updateWorkflow"]["errors"] == [], answer
                taken[name].append(cpu_seconds(api.pid) - cpu)
    return {name: sum(seconds[WARM_SAVES:]) / SAVES for name, seconds in taken.items()}


def _row(what: str, seconds: Mapping[str, float]) -> Row:
    beside = tuple(
        Beside(f"without {name}" if name != PLAIN else PLAIN, _shown(taken), taken / seconds[ALL])
        for name, taken in seconds.items()
        if name != ALL
    )
    return Row(f"{what}: CPU of the API", _shown(seconds[ALL]), "-", beside)


def _shown(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"


def _body(document: str, **variables: object) -> bytes:
    return json.dumps({"query": document, "variables": variables}).encode()
