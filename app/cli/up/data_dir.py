"""The data folder of `boreas up`: made and claimed by one run at a time; keeps the first token."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.cli.console import Failure, say

LOCK = "lock"
TOKEN = "admin-token"  # noqa: S105 - the name of a file
PRIVATE = ("logs", "valkey", "secrets", "workspaces")
RETRY_SECONDS = 0.1
TELL_SECONDS = 0.5
LOG_LIMIT_BYTES = 10_000_000
MIN_TOKEN_LENGTH = 16


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A data folder that is ours while `lock` is open, in this process or in one that inherited it."""

    path: Path
    lock: int

    def log(self, name: str) -> Path:
        """Return where the process `name` writes. What is long is put aside, so that two of them are all there is."""
        path = self.path / "logs" / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def token(self) -> str | None:
        """Return the first token that an earlier run made, or None."""
        path = self.path / TOKEN
        try:
            path.chmod(0o600)
            text = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"{path} can not be read: {error}. Remove it to have a new token made.") from error
        return text if len(text) >= MIN_TOKEN_LENGTH else None

    def keep_token(self, secret: str) -> None:
        """Keep the first token for later runs, in a file that is whole or not there."""
        write_private(self.path / TOKEN, secret + "\n")

    def keep_secret(self, name: str, secret: str) -> Path:
        """Keep a secret in a file that only we may read, and return where."""
        path = self.path / "secrets" / name
        write_private(path, secret)
        return path

    def secret(self, name: str) -> str | None:
        """Return a secret that an earlier run kept, or None."""
        path = self.path / "secrets" / name
        return path.read_text(encoding="utf-8").strip() if path.exists() else None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, at once."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def claimed(path: Path, patience_seconds: float) -> Iterator[DataFolder]:
    """Make the folder and hold it. Raises Failure when it can not be used, or when another run has it.

    What an earlier run left, when it was killed, ends by itself and lets go of the lock then; that is waited for up
    to `patience_seconds`.
    """
    folder = _made(path)
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        _hold(folder, lock, patience_seconds)
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield DataFolder(folder, lock)
        os.truncate(lock, 0)
    finally:
        os.close(lock)


def _made(path: Path) -> Path:
    """Make the folder. As root others may pass through it: PostgreSQL then runs as a user that is not root."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        folder = path.resolve()
        for name in PRIVATE:
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        ignored = folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise _unusable(path.absolute(), error) from error
    return folder


def _unusable(path: Path, error: OSError) -> Failure:
    return Failure(f"The data folder {path} can not be used: {error.strerror}. Choose another with BOREAS_DATA_DIR.")


def _hold(folder: Path, lock: int, patience_seconds: float) -> None:
    began = time.monotonic()
    told = False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(lock)
        except OSError as error:
            raise _unusable(folder, error) from error
        waited = time.monotonic() - began
        if owner is not None and _alive(owner):
            raise Failure(
                f"Boreas runs on {folder} already, as process {owner}. "
                "Stop that one first, or choose another folder with BOREAS_DATA_DIR."
            )
        if waited > patience_seconds:
            raise Failure(f"Something that an earlier run started still holds {folder / LOCK}. Find and end it first.")
        if waited > TELL_SECONDS and not told:
            say("An earlier run was killed, and what it started is still ending. Waiting for it.")
            told = True
        time.sleep(RETRY_SECONDS)


def _owner(lock: int) -> int | None:
    text = os.pread(lock, 20, 0).decode(errors="replace").strip()
    return int(text) if text.isdecimal() else None


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
