"""stop and status: all instances at once."""

from datetime import UTC, datetime

from pipeline import processes
from pipeline.catalog import SERVICES, Service
from pipeline.deploy import end_instance, locked
from pipeline.home import Home
from pipeline.report import ShopError, counted, say

HEADINGS = ("SERVICE", "INSTANCE", "VERSION", "PID", "STATE", "SINCE", "HEALTH")


def stop(home: Home) -> None:
    """Ends every process that this home started; those that can not be ended do not keep the others running.

    Raises:
        ShopError: some are still there.
    """
    ended, faults = 0, []
    for service in SERVICES:
        for port in _ports(home, service):
            if home.record(service, port) is None and processes.running(home, service, port) is None:
                continue
            try:
                with locked(home, service, port):
                    ended += end_instance(home, service, port)
            except (ShopError, OSError) as error:
                faults.append(f"{service.name} {port}: {error}")
    if faults:
        raise ShopError(f"{counted(len(faults), 'instance')} could not be stopped: {'; '.join(faults)}")
    say(f"stopped {counted(ended, 'instance')}" if ended else f"nothing runs out of {home.root}")


def status(home: Home) -> None:
    """A table of what runs, and how it feels."""
    rows = [HEADINGS, *(_row(home, service, port) for service in SERVICES for port in _ports(home, service))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _ports(home: Home, service: Service) -> list[int]:
    """The instances the service is meant to have, and any other that was deployed."""
    return sorted({*service.ports, *home.recorded_ports(service)})


def _row(home: Home, service: Service, port: int) -> tuple[str, ...]:
    """One instance's line, in the order of HEADINGS."""
    record = home.record(service, port)
    pid = processes.running(home, service, port)
    if pid is None:
        if processes.is_taken(port):
            return service.name, str(port), "-", "-", "foreign", "-", "the port is not ours"
        if record:
            return service.name, str(port), record.version, str(record.pid), "gone", _age(record.started), "-"
        return service.name, str(port), "-", "-", "stopped", "-", "-"
    answer = processes.ask(port, "/health")
    version = str(answer.body.get("version", "?")) if answer else record.version if record else "?"
    health = "no answer"
    if answer:
        health = f"{answer.status} {answer.body.get('reason') or answer.body.get('status', '')}"
    since = _age(record.started) if record else "?"
    return service.name, str(port), version, str(pid), "running", since, health


def _age(started: str) -> str:
    """Time since a moment in ISO 8601, such as "42 s" or "3 h 10 min"."""
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min" if seconds >= 3600 else f"{seconds // 60} min"
