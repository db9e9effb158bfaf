"""A `boreas up` as a real process, and what it started."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).parents[3]
SERVING = "Ctrl-C stops it."
HTTP = build_opener(ProxyHandler({}))


class Up:
    """A `boreas up` that runs, and what it says."""

    started: ClassVar[list["Up"]] = []

    def __init__(
        self, data: Path, *program: str, environ: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
    ) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BOREAS_")}
        mine = {"BOREAS_DATA_DIR": str(data), "BOREAS_PORT": "0", "BOREAS_GRACE_SECONDS": "2", **(environ or {})}
        arguments = ["--", *program] if program else []
        self.data = data
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "app.cli", "up", *arguments],
            cwd=ROOT,
            env=kept | mine,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(self)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    def until(self, text: str, seconds: float = 40) -> "Up":
        deadline = time.monotonic() + seconds
        while text not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.02)
        return self

    @property
    def url(self) -> str:
        return self._find(r"serves at (\S+)")

    @property
    def token(self) -> str:
        return self._find(r"sign in with  (\S+)")

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.said)
        assert found, self.said
        return found[1]

    def viewer(self, token: str | None = None) -> str:
        """Return the id of who comes with the token."""
        body = json.dumps({"query": "{ viewer { id name } }"}).encode()
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        with HTTP.open(Request(f"{self.url}/graphql", body, headers), timeout=10) as response:
            return str(json.load(response)["data"]["viewer"]["id"])

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30) -> int:
        self.process.send_signal(number)
        return self.ended(seconds)

    def ended(self, seconds: float = 30) -> int:
        code = self.process.wait(seconds)
        self._reader.join(seconds)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def family(self) -> dict[int, str]:
        """Return the processes that it started, and those that these started, by number."""
        found: dict[int, str] = {}
        rows = processes()
        parents = {self.process.pid}
        while parents:
            children = {pid: command for pid, (parent, command) in rows.items() if parent in parents}
            found |= children
            parents = set(children)
        return found


def processes() -> dict[int, tuple[int, str]]:
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split(None, 3) for line in listed.splitlines())
    return {int(pid): (int(parent), command) for pid, parent, state, command in rows if not state.startswith("Z")}


def until_gone(family: dict[int, str], seconds: float = 30) -> None:
    """Wait until none of the processes is left."""
    deadline = time.monotonic() + seconds
    while left := {pid: command for pid, command in family.items() if processes().get(pid, (0, ""))[1] == command}:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
