"""Runs the peers' scripts, each in its own process group and folder, for a limited time.

Their packages stand in an environment of their own, which `make bench` makes, because they do not fit ours.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENT = Path(sys.prefix) / "bench"
INSTALLED = ENVIRONMENT / ".installed"


@dataclass(frozen=True, slots=True)
class Script:
    """A peer's script, how long it may take, and what it finds in its environment."""

    file: str
    limit_seconds: int
    environ: Mapping[str, str] = field(default_factory=dict)


RECORDER = "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER"
SCRIPTS = (
    Script(
        "prefect_graph.py",
        300,
        {
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            # As it comes it commits each state by itself, which takes four times as long.
            f"{RECORDER}_READ_BATCH_SIZE": "100",
            f"{RECORDER}_BATCH_SIZE": "100",
            f"{RECORDER}_FLUSH_INTERVAL": "0.1",
        },
    ),
    Script("dagster_graph.py", 120),
)


async def seconds(tasks: int) -> dict[str, dict[str, float]]:
    """Return by peer how long it took for each graph; without peers that cannot run here, which it reports."""
    if not INSTALLED.exists():
        _say("The other engines are not installed (`make bench` does that): figures come without ratios.")
        return {}
    taken: dict[str, dict[str, float]] = {}
    for script in SCRIPTS:
        try:
            taken |= await _run(script, tasks)
        except (OSError, RuntimeError, ValueError) as error:
            _say(f"{script.file} gave no figures: {error}")
    return taken


async def _run(script: Script, tasks: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="boreas-bench-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            ENVIRONMENT / "bin" / "python",
            Path(__file__).with_name(script.file),
            str(tasks),
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": folder, "DAGSTER_HOME": folder} | dict(script.environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(script.limit_seconds):
                said, complaints = await process.communicate()
        except TimeoutError:
            raise RuntimeError(f"it took more than {script.limit_seconds} s") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        last = complaints.decode(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(f"it ended with {process.returncode}: {' '.join(last)}")
    taken: dict[str, dict[str, float]] = json.loads(said)
    return taken


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
