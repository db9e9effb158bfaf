"""Starting artifacts for tests, and calling them."""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ARTIFACT = Path(os.environ.get("SHOP_ARTIFACT", "SHOP_ARTIFACT-is-not-set"))
LISTENING = re.compile(r"listens on http://127\.0\.0\.1:(\d+)")
START_SECONDS = 15.0


@dataclass(frozen=True)
class Reply:
    """An answer of a service."""

    status: int
    body: dict[str, object]
    headers: Mapping[str, str]


class Running:
    """The artifact as a process of its own; use as a context manager, or call `end`."""

    def __init__(self, settings: Mapping[str, object], folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        command = [sys.executable, "-B", str(ARTIFACT), "--settings", str(folder / "settings.json")]
        self._log = folder / "service.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--data", str(folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self.port = self._await_port()

    def _await_port(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            found = LISTENING.search(self.log())
            if found:
                return int(found[1])
            time.sleep(0.02)
        self.end()
        raise AssertionError(f"{ARTIFACT} did not start:\n{self.log()}")

    def log(self) -> str:
        """What the process has printed so far."""
        return self._log.read_text(encoding="utf-8")

    def end(self) -> int:
        """Ends the process as a deployment does, with SIGTERM; the exit status."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def call(self, method: str, path: str, body: object = None) -> Reply:
        """One call; a body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, content)
            response = connection.getresponse()
            return Reply(response.status, json.loads(response.read()), dict(response.getheaders()))
        finally:
            connection.close()


class ServiceCase(unittest.TestCase):
    """A test case with one running service, shared by its tests."""

    service: Running
    folder: Path

    @classmethod
    def settings(cls) -> Mapping[str, object]:
        """Every section of the settings file; none unless a test case says so."""
        return {}

    @classmethod
    def setUpClass(cls) -> None:
        """Starts the service in a folder of its own."""
        folder = tempfile.TemporaryDirectory(prefix="shop-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.service = Running(cls.settings(), cls.folder)
        cls.addClassCleanup(cls.service.end)

    def refused(self, reply: Reply, status: int, about: str | None = None) -> None:
        """Asserts a refusal with a message that names the field."""
        self.assertEqual(reply.status, status, reply.body)
        self.assertTrue(reply.body["error"])
        self.assertEqual(reply.body["field"], about)
