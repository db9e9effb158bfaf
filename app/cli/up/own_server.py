"""The `boreas up` of this folder: where it serves, and its first token, which is sent nowhere else."""

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
    """A `boreas up` that runs, as its data folder tells."""

    url: str
    token: str = field(repr=False)

    def is_at(self, url: str) -> bool:
        """Return whether a URL is the address of this server, however this machine is named in it."""
        return _place(url) == _place(self.url)


@contextmanager
def announced(folder: Path, url: str) -> Iterator[None]:
    """Keep the address of a server in its data folder, as long as the server is there."""
    write_private(folder / ADDRESS, url + "\n")
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / ADDRESS).unlink()


def own_server(folder: Path) -> OwnServer | None:
    """Return the server of a data folder; None where none runs, or where its token may not be read."""
    try:
        url = (folder / ADDRESS).read_text(encoding="utf-8").strip()
        token = (folder / TOKEN).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return OwnServer(url, token) if _is_held(folder) else None


def _is_held(folder: Path) -> bool:
    """Return whether a process holds the folder: the address of one that was killed may be anybody's by now."""
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


def _place(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme, "localhost" if is_loopback(host) else host, parts.port or PORTS.get(parts.scheme)
