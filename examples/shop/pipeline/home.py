"""The shop's home folder: artifacts, data, logs, and the records and ports of running instances."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.catalog import FIRST_PORT, SETS, Service


@dataclass(frozen=True)
class Record:
    """The process that a deployment started as an instance of a set, and what it runs.

    `port` is the process's own port, `front` that of the instance.
    """

    service: str
    version: str
    port: int
    front: int
    color: str
    pid: int
    artifact: str
    started: str


@dataclass(frozen=True)
class Home:
    """Paths below the home folder, which is absolute and free of links."""

    root: Path
    first_port: int = FIRST_PORT

    def ports(self, service: Service) -> tuple[int, ...]:
        """The ports of a service's instances, which are their names."""
        return tuple(self.first_port + offset for offset in service.offsets)

    def artifacts(self, service: Service) -> Path:
        """Folder of all deployed versions of a service."""
        return self.root / "artifacts" / service.name

    def artifact(self, service: Service, version: str) -> Path:
        """The stored artifact of one version."""
        return self.artifacts(service) / f"{version}.pyz"

    def data(self) -> Path:
        """Folder that all instances share for their data."""
        return self.root / "data"

    def log(self, service: Service, port: int) -> Path:
        """Output of the instance's current process; that of the previous process is kept beside it as .log.1."""
        return self.root / "logs" / f"{service.name}-{port}.log"

    def lock(self, service: Service, port: int) -> Path:
        """The file that a program locks while it changes the instance."""
        return self._instance(service, port, "lock")

    def workspace(self, service: Service) -> Path:
        """The workspace of builds by hand; Boreas provides its own workspaces."""
        return self.root / "workspaces" / service.name

    def open_to_commands(self) -> None:
        """Creates the home. As root, lets others write into it: Boreas then runs commands as other users."""
        self.root.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self.root.chmod(0o1777)

    def record(self, service: Service, port: int) -> Record | None:
        """The instance's record, None if it cannot be read: the process is found by its port, too."""
        try:
            return Record(**json.loads(self._instance(service, port, "json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def recorded_fronts(self, service: Service) -> list[int]:
        """Ports of all instances that have a record in any set."""
        records = self.root.joinpath("instances").glob(f"{service.name}-*.json")
        ports = [int(port) for file in records if (port := file.stem.rpartition("-")[2]).isdigit()]
        return sorted({record.front for port in ports if (record := self.record(service, port))})

    def serving(self, service: Service, front: int) -> str:
        """The set that serves the traffic of an instance."""
        try:
            color = self._instance(service, front, "serving").read_text().strip()
        except OSError:
            return SETS[0]
        return color if color in SETS else SETS[0]

    def write_serving(self, service: Service, front: int, color: str) -> None:
        """Stores which set serves the traffic of an instance."""
        write_atomically(self._instance(service, front, "serving"), f"{color}\n".encode())

    def write_record(self, service: Service, record: Record) -> None:
        """Stores a record, in place of the previous one."""
        write_atomically(
            self._instance(service, record.port, "json"), json.dumps(asdict(record), indent=2).encode() + b"\n"
        )

    def drop_record(self, service: Service, port: int) -> None:
        """Removes the record, if there is one."""
        self._instance(service, port, "json").unlink(missing_ok=True)

    def _instance(self, service: Service, port: int, kind: str) -> Path:
        return self.root / "instances" / f"{service.name}-{port}.{kind}"


def write_atomically(target: Path, content: bytes) -> None:
    """Writes a file so that others see either the old or the new content."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
