"""How long `boreas up` takes to a serving API: in an empty folder, and again in the same one."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from bench.table import Row

DEADLINE_SECONDS = 60


async def measure() -> list[Row]:
    """Start twice in one folder."""
    with tempfile.TemporaryDirectory(prefix="boreas-bench-") as folder:
        Path(folder).chmod(0o755)
        first, second = _boot(Path(folder)), _boot(Path(folder))
    return [
        Row("boreas up in an empty folder, to a serving API", f"{first:.1f} s", "-"),
        Row("boreas up again, to a serving API", f"{second:.1f} s", "8 s"),
    ]


def _boot(folder: Path) -> float:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    env = os.environ | {
        "BOREAS_PORT": str(port),
        "BOREAS_DATA_DIR": str(folder / "data"),
        "BOREAS_LOG_LEVEL": "WARNING",
    }
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "app.cli", "up"], env=env, stdout=subprocess.DEVNULL)
    try:
        while time.monotonic() < begun + DEADLINE_SECONDS:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                    return time.monotonic() - begun
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise TimeoutError(f"boreas up did not serve within {DEADLINE_SECONDS} s")
    finally:
        process.terminate()
        process.wait()
