"""The `boreas up` of a folder: its address, and its first token, which is sent only to that address."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from app.cli.up.data_dir import LOCK, TOKEN, write_private
from app.core.proxies import PORTS, is_loopback

ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A running `boreas up`, as its data folder describes it."""

    url: str
    token: str = field(repr=False)

    def is_at(self, url: str) -> bool:
        """Return whether a URL is the address of this server, by any name of this machine."""
        return _origin(url) == _origin(self.url)


@contextmanager
def announced(folder: Path, url: str) -> Iterator[None]:
    """Store the address of a server in its data folder while the server runs."""
    write_private(folder / ADDRESS, url + "\n")
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / ADDRESS).unlink()


def own_server(folder: Path) -> OwnServer | None:
    """Return the server of a data folder, None if none runs or its token cannot be read."""
    try:
        url = (folder / ADDRESS).read_text(encoding="utf-8").strip()
        token = (folder / TOKEN).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return OwnServer(url, token) if _is_locked(folder) else None


def _is_locked(folder: Path) -> bool:
    """Return whether a process holds the lock: another program may use the address of a killed server."""
    try:
        lock = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
    return False


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme, "localhost" if is_loopback(host) else host, parts.port or PORTS.get(parts.scheme)
