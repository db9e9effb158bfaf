"""The data folder of `boreas up`: locked by one run at a time; stores the first token and secrets."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenacity import RetryCallState, RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from app.cli.console import Failure, say

LOCK = "lock"
TOKEN = "admin-token"  # noqa: S105 - the name of a file
PRIVATE_FOLDERS = ("logs", "valkey", "secrets", "workspaces")
LOCK_POLL_SECONDS = 0.1
QUIET_SECONDS = 0.5
"""A longer wait for the lock is announced."""
LOG_LIMIT_BYTES = 10_000_000
MIN_TOKEN_LENGTH = 16


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A data folder that is locked while `lock` is open, in this process or in one that inherited it."""

    path: Path
    lock: int

    def log(self, name: str) -> Path:
        """Return the log file of a process. A long one is renamed first; at most one old file is kept."""
        path = self.path / "logs" / f"{name}.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path

    def token(self) -> str | None:
        """Return the first token that an earlier run created, or None. Raises Failure if it cannot be read."""
        path = self.path / TOKEN
        try:
            path.chmod(0o600)
            text = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"{path} cannot be read: {error}. Remove it to create a new token.") from error
        return text if len(text) >= MIN_TOKEN_LENGTH else None

    def keep_token(self, token: str) -> None:
        """Store the first token for later runs, atomically."""
        write_private(self.path / TOKEN, token + "\n")

    def keep_secret(self, name: str, secret: str) -> Path:
        """Store a secret in a file that only its owner may read, and return its path."""
        path = self.path / "secrets" / name
        write_private(path, secret)
        return path

    def secret(self, name: str) -> str | None:
        """Return a secret that an earlier run stored, or None."""
        path = self.path / "secrets" / name
        return path.read_text(encoding="utf-8").strip() if path.exists() else None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, atomically."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def locked(path: Path, timeout_seconds: float) -> Iterator[DataFolder]:
    """Create the folder and hold its lock. Raises Failure if it is unusable or another run holds the lock.

    The processes of a killed run end by themselves and then release the lock; wait for them up to `timeout_seconds`.
    """
    folder = _create(path)
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        _acquire(folder, lock, timeout_seconds)
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield DataFolder(folder, lock)
        os.truncate(lock, 0)
    finally:
        os.close(lock)


def _create(path: Path) -> Path:
    """Create the folder. Root lets others pass through it, because PostgreSQL then runs as another user."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        folder = path.resolve()
        for name in PRIVATE_FOLDERS:
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        gitignore = folder / ".gitignore"
        if not gitignore.exists():
            gitignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise _unusable(path.absolute(), error) from error
    return folder


def _unusable(path: Path, error: OSError) -> Failure:
    return Failure(f"The data folder {path} cannot be used: {error.strerror}. Choose another with BOREAS_DATA_DIR.")


def _acquire(folder: Path, lock: int, timeout_seconds: float) -> None:
    """Lock the folder. Raises Failure if a living run holds the lock, or after the timeout."""
    announced = False

    def announce(state: RetryCallState) -> None:
        nonlocal announced
        if not announced and (state.seconds_since_start or 0) > QUIET_SECONDS:
            say("Waiting for the processes of an earlier run, which was killed, to end.")
            announced = True

    retrying = Retrying(
        retry=retry_if_exception_type(BlockingIOError),
        wait=wait_fixed(LOCK_POLL_SECONDS),
        stop=stop_after_delay(timeout_seconds),
        before_sleep=announce,
    )
    try:
        retrying(_try_to_acquire, folder, lock)
    except RetryError as error:
        raise Failure(f"A process of an earlier run still holds {folder / LOCK}. Find it and end it first.") from error


def _try_to_acquire(folder: Path, lock: int) -> None:
    """Lock the folder. Raises BlockingIOError if a killed run has the lock, Failure if a living one has."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = _owner(lock)
        if owner is not None and _is_alive(owner):
            raise Failure(
                f"Boreas is already running in {folder}, as process {owner}. "
                "Stop it first, or choose another folder with BOREAS_DATA_DIR."
            ) from None
        raise
    except OSError as error:
        raise _unusable(folder, error) from error


def _owner(lock: int) -> int | None:
    text = os.pread(lock, 20, 0).decode(errors="replace").strip()
    return int(text) if text.isdecimal() else None


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
