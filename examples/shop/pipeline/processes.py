"""Starts, recognises and stops the services' processes, and never touches another program's.

Process ids are reused, so an id alone is not enough. A process is ours if its command line runs an artifact of our
home on the given port; only such a process gets signals.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalog import Service
from pipeline.home import Home
from pipeline.report import ShopError

LOOPBACK = "127.0.0.1"
START_SECONDS = 15.0
TERM_SECONDS = 6.0
KILL_SECONDS = 3.0
ASK_SECONDS = 2.0
LAST_LINES = 20
PASSED_ON = ("PATH", "HOME", "LANG")


@dataclass(frozen=True)
class Answer:
    """The answer of an instance: the HTTP status and the JSON object (empty for another body)."""

    status: int
    body: dict[str, object]


def ask(port: int, path: str) -> Answer | None:
    """Returns the answer to a GET, None if no HTTP server answers in time."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        content = response.read(1 << 20)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    return Answer(response.status, body if isinstance(body, dict) else {})


def running(home: Home, service: Service, port: int) -> int | None:
    """Returns the id of our process behind an instance, or None.

    The record names it. If a deployment was interrupted before it wrote the record, the process reports its id.
    """
    record = home.record(service, port)
    if record and is_ours(home, service, port, record.pid):
        return record.pid
    answer = ask(port, "/") if is_taken(port) else None
    pid = answer.body.get("pid") if answer else None
    return pid if isinstance(pid, int) and is_ours(home, service, port, pid) else None


def is_ours(home: Home, service: Service, port: int, pid: int) -> bool:
    """Returns whether a process runs an artifact of the service, from this home, on this port."""
    line = command_line(pid)
    return f" {home.artifacts(service)}{os.sep}" in line and f" --port {port} " in line


def command_line(pid: int) -> str:
    """Returns the arguments of a process, separated by blanks; empty if it does not run."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    done = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, errors="replace", check=False
    )
    return done.stdout.strip()


def is_taken(port: int) -> bool:
    """Returns whether a process listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def end(home: Home, service: Service, port: int, pid: int) -> str:
    """Stops our process: SIGTERM, time to finish its calls, then SIGKILL. Returns how it ended.

    Raises:
        ShopError: it is still running after SIGKILL.
    """
    started = time.monotonic()
    for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return "had ended by itself"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_ours(home, service, port, pid):
                return f"ended by {number.name} after {time.monotonic() - started:.2f} s"
            time.sleep(0.02)
    raise ShopError(f"process {pid} ({service.name} {port}) is still running after SIGKILL")


def start(
    home: Home, service: Service, port: int, artifact: Path, settings: Path, front: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Starts an instance in a session of its own, with a log file; it outlives this program.

    Args:
        front: options for the shared port.
    """
    log = home.log(service, port)
    for folder in (log.parent, home.data()):
        folder.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    command = [sys.executable, "-B", str(artifact), "--port", str(port), "--settings", str(settings)]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*command, "--data", str(home.data()), *front],
            cwd=home.root,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def await_answer(process: subprocess.Popen[bytes], port: int) -> Answer:
    """Waits for the new process to answer GET / itself: another process may listen on the port.

    Raises:
        ShopError: it ended, or does not answer in time.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        status = process.poll()
        if status is not None:
            raise ShopError(f"the new process ended with status {status} instead of answering on port {port}")
        answer = ask(port, "/")
        if answer and answer.body.get("pid") == process.pid:
            return answer
        time.sleep(0.03)
    raise ShopError(f"the new process did not answer on port {port} within {START_SECONDS:.0f} s")


def last_lines(log: Path) -> list[str]:
    """Returns the end of a log, to show why a process failed."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
    except OSError:
        return []
