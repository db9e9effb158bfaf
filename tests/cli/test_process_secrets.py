"""Processes of Boreas show no secret to other processes, however they were started."""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.test_server_commands import FIRST_TOKEN, environ, free_ports, run, start

__all__ = ["environ"]
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows it in files")
WAIT = """
import os, sys, time
from app.cli.process_secrets import environ_with_secrets, protect_memory, take_secrets
protect_memory()
take_secrets()
url = "BOREAS_DATABASE_URL"
print(environ_with_secrets()[url], os.environ.get(url), os.environ["BOREAS_TOKEN"], flush=True)
sys.stdin.read()
"""
GIVEN = {"BOREAS_DATABASE_URL": "postgres://secret-1", "BOREAS_TOKEN": "bor_secret-2", "OTHER": "shown"}


@contextlib.asynccontextmanager
async def waiting_process(*prefix: str) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        *(*prefix, sys.executable, "-c", WAIT),
        cwd=Path(__file__).parents[2],
        env=GIVEN | {"PATH": os.environ["PATH"]},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    assert await process.stdout.readline() == b"postgres://secret-1 None bor_secret-2\n"
    yield process.pid
    await process.communicate(b"")


def variables(number: int) -> bytes:
    return Path(f"/proc/{number}/environ").read_bytes()


@linux
async def test_proc_shows_no_secrets() -> None:
    async with waiting_process() as number:
        content = variables(number) if os.geteuid() == 0 else b"shown"
        assert b"shown" in content and b"secret-" not in content


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become two processes of one other user")
async def test_other_processes_of_the_same_user_cannot_read_the_memory() -> None:
    capability = "-all,+dac_read_search"
    identity = ("--reuid", "65534", "--regid", "65534", "--clear-groups")
    nobody = (shutil.which("setpriv") or "setpriv", *identity, "--inh-caps", capability, "--ambient-caps", capability)
    async with waiting_process(*nobody) as number:
        for name in ("environ", "mem", "maps", "fd/0"):
            script = f"head -c 1 /proc/{number}/{name} || readlink /proc/{number}/{name}"
            process = await asyncio.create_subprocess_exec(*nobody, "sh", "-c", script, stdout=-1, stderr=-1)
            output, error_output = await process.communicate()
            assert (output, b"denied" in error_output) == (b"", True), name


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look")
@pytest.mark.parametrize("command", ["api", "worker"])
async def test_servers_show_no_secret(environ: dict[str, str], command: str, tmp_path: Path) -> None:
    await run(environ, "migrate")
    (port,) = free_ports(1)
    secrets = {name: environ[name] for name in ("BOREAS_DATABASE_URL", "BOREAS_REDIS_URL")}
    secrets["BOREAS_ADMIN_TOKEN"] = FIRST_TOKEN
    more = {"BOREAS_PORT": str(port), "BOREAS_DATA_DIR": str(tmp_path), "BOREAS_LOG_LEVEL": "INFO"}
    process = await start(environ | secrets | more, command)
    assert process.stderr
    async with asyncio.timeout(30):
        line = b""
        while b"serves the pool" not in line and b"running on" not in line:
            line = await process.stderr.readline()
            assert line
    content = variables(process.pid)
    process.terminate()
    await process.communicate()
    assert b"BOREAS_PORT" in content
    assert [name for name, secret in secrets.items() if secret.encode() in content] == []
