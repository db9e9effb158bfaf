"""The commands of a server beside `boreas up`, as real processes against a database of their own."""

import asyncio
import os
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from app.wiring import migrations_folder
from tests.support.servers import Servers

ROOT = Path(__file__).parents[2]
FILES = (migrations_folder() / "models").glob("[0-9]*_*.py")
MIGRATIONS = sorted((path.stem for path in FILES), key=lambda name: int(name.partition("_")[0]))
FIRST_TOKEN = "bor_a-first-token-of-tests"


@pytest.fixture
async def environ(servers: Servers, postgres_folder: str) -> AsyncIterator[dict[str, str]]:
    """The environment of processes with an empty database of their own."""
    name = f"commands_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(user="postgres", database="postgres", host=postgres_folder)
    await admin.execute(f'CREATE DATABASE "{name}"')
    variables = {name: value for name, value in os.environ.items() if not name.startswith("BOREAS_")}
    url = f"postgres://postgres@/{name}?host={quote(postgres_folder)}"
    yield variables | {"BOREAS_DATABASE_URL": url, "BOREAS_REDIS_URL": servers.redis_url}
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def start(environ: Mapping[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", *arguments),
        cwd=ROOT,
        env=dict(environ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(environ: Mapping[str, str], *arguments: str) -> tuple[int | None, str, str]:
    process = await start(environ, *arguments)
    output, error_output = await process.communicate()
    return process.returncode, output.decode().strip(), error_output.decode().strip()


async def test_migrations_run_forward_and_backward(environ: dict[str, str]) -> None:
    for word, arguments in (("pending", ("--status",)), ("applied", ()), ("applied", ("--status",))):
        code, output, _ = await run(environ, "migrate", *arguments)
        assert (code, [line.split() for line in output.splitlines()]) == (0, [[word, name] for name in MIGRATIONS])
    assert (await run(environ, "migrate"))[:2] == (0, "Nothing to do: the database is up to date.")

    code, _, complained = await run(environ, "migrate", "--down")
    assert code == 1, "without an answer no step is undone"
    assert complained == "Aborted!"
    assert (await run(environ, "migrate", "--down", "--yes"))[:2] == (0, f"undone  {MIGRATIONS[-1]}")


@pytest.mark.parametrize("command", ["api", "worker"])
async def test_servers_refuse_a_database_that_is_not_migrated(environ: dict[str, str], command: str) -> None:
    code, output, error_output = await run(environ, command)
    assert (code, output) == (2, "")
    lacks = f"lacks {len(MIGRATIONS)} of this release's migrations"
    assert error_output == f"Error: The database {lacks}. Run boreas migrate first."


@pytest.mark.parametrize(
    ("command", "settings", "message"),
    [
        ("api", {"BOREAS_DATABASE_URL": ""}, "Set BOREAS_DATABASE_URL and BOREAS_REDIS_URL"),
        ("worker", {"BOREAS_REDIS_URL": ""}, "Set BOREAS_DATABASE_URL and BOREAS_REDIS_URL"),
        ("worker", {"BOREAS_REDIS_URL": "redis:6379"}, "BOREAS_REDIS_URL is invalid"),
        ("migrate", {"BOREAS_DATABASE_URL": ""}, "Set BOREAS_DATABASE_URL"),
        ("migrate", {"BOREAS_DATABASE_URL": "mysql://a:secret@b/c"}, "not one of PostgreSQL"),
        ("api", {"BOREAS_PORT": "eight"}, "BOREAS_PORT"),
        ("worker", {"BOREAS_KUBECONFIGS": "/nowhere"}, "BOREAS_KUBECONFIGS is “/nowhere”, which is not a folder"),
        (
            "worker",
            {"BOREAS_TRUST_KUBECONFIGS": "yes"},
            "BOREAS_TRUST_KUBECONFIGS is “yes”, which is neither on nor off.",
        ),
    ],
)
async def test_invalid_settings_are_refused_in_one_line(
    environ: dict[str, str], command: str, settings: dict[str, str], message: str
) -> None:
    code, output, error_output = await run(environ | settings, command)
    assert (code, output) == (2, "")
    assert message in error_output
    assert "secret" not in error_output
    assert len(error_output.splitlines()) == 1


async def test_a_worker_refuses_a_missing_folder_of_kubeconfigs(environ: dict[str, str]) -> None:
    await run(environ, "migrate")
    code, output, error_output = await run(environ, "worker", "--kubeconfigs", "/nowhere")
    assert (code, output) == (2, "")
    assert (
        error_output
        == "Error: --kubeconfigs is “/nowhere”, which is not a folder. Name an existing folder, or leave it out."
    )


async def test_many_apis_start_together_and_make_one_first_token(environ: dict[str, str]) -> None:
    """And each ends with 0 when it is stopped."""
    await run(environ, "migrate")
    ports = free_ports(3)
    started = [
        await start(environ | {"BOREAS_PORT": str(port), "BOREAS_ADMIN_TOKEN": FIRST_TOKEN}, "api") for port in ports
    ]
    try:
        names = {await viewer(port) for port in ports}
        assert len(names) == 1
    finally:
        for process, number in zip(started, (signal.SIGTERM, signal.SIGINT, signal.SIGTERM), strict=True):
            process.send_signal(number)
        results = [(await process.communicate(), process.returncode) for process in started]
    for (_, complained), code in results:
        assert code == 0, complained.decode()
        assert b"Traceback" not in complained


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


async def viewer(port: int) -> str:
    """Return the actor of the first token, as soon as the API serves."""
    headers = {"Authorization": f"Bearer {FIRST_TOKEN}"}
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(40):
        while True:
            try:
                answer = await http.post(
                    f"http://127.0.0.1:{port}/graphql", json={"query": "{ viewer { id } }"}, headers=headers
                )
                return str(answer.json()["data"]["viewer"]["id"])
            except httpx.TransportError:
                await asyncio.sleep(0.1)


async def test_schema_is_the_file(environ: dict[str, str]) -> None:
    code, output, _ = await run(environ, "schema")
    assert code == 0
    assert output == (ROOT / "schema.graphql").read_text(encoding="utf-8").strip()
