"""stop, status and health: instances as they are."""

from datetime import UTC, datetime

from pipeline import processes
from pipeline.catalog import SERVICES, SETS, Service, own_port
from pipeline.deploy import end_instance, locked
from pipeline.home import Home
from pipeline.job import Job
from pipeline.report import ShopError, counted, say
from pipeline.traffic import holder, named

HEADINGS = ("SERVICE", "INSTANCE", "SET", "VERSION", "PID", "STATE", "SINCE", "HEALTH")


def stop(home: Home) -> None:
    """Ends every process that this home started; those that can not be ended do not keep the others running.

    Raises:
        ShopError: some are still there.
    """
    ended, faults = 0, []
    for service in SERVICES:
        for front in _fronts(home, service):
            try:
                ended += _stop(home, service, front)
            except (ShopError, OSError) as error:
                faults.append(f"{service.name} {front}: {error}")
    if faults:
        raise ShopError(f"{counted(len(faults), 'instance')} could not be stopped: {'; '.join(faults)}")
    say(f"stopped {counted(ended, 'instance')}" if ended else f"nothing runs out of {home.root}")


def _stop(home: Home, service: Service, front: int) -> int:
    """How many processes of an instance, of all its sets, were ended."""
    ports = [own_port(front, color) for color in SETS]
    left = [port for port in ports if home.record(service, port) or processes.running(home, service, port)]
    if not left:
        return 0
    with locked(home, service, front):
        return sum(end_instance(home, service, port) for port in left)


def health(job: Job) -> None:
    """Asks the job's instances how they feel: those of its set, or of the one that serves.

    Raises:
        ShopError: one of them does not answer, is not well, or has not the port that it should have.
    """
    for front in job.ports:
        serving = job.home.serving(job.service, front)
        color = serving if job.color is None else job.color
        answer = processes.ask(own_port(front, color), "/health")
        if answer is None:
            raise ShopError(f"{front} does not answer")
        if answer.status != 200:
            raise ShopError(f"{front} answers {answer.status} {answer.body.get('reason') or ''}")
        if color == serving and holder(front) != answer.body.get("pid"):
            raise ShopError(f"{front} of the {named(color)} set is well, but has no calls on its port")
        say(f"{front} is well, and runs {answer.body.get('version')}")


def status(home: Home) -> None:
    """A table of what runs, and how it feels."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for service in SERVICES:
        for front in _fronts(home, service):
            there = [row for color in SETS if (row := _row(home, service, front, color))]
            rows += there or [_empty(service, front)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _fronts(home: Home, service: Service) -> list[int]:
    """The instances the service is meant to have, and any other that was deployed."""
    return sorted({*home.ports(service), *home.recorded_fronts(service)})


def _empty(service: Service, front: int) -> tuple[str, ...]:
    if processes.is_taken(front):
        return service.name, str(front), "-", "-", "-", "foreign", "-", "the port is not ours"
    return service.name, str(front), "-", "-", "-", "stopped", "-", "-"


def _row(home: Home, service: Service, front: int, color: str) -> tuple[str, ...] | None:
    """The line of an instance of a set, in the order of HEADINGS; None where there is nothing of it."""
    port = own_port(front, color)
    record = home.record(service, port)
    pid = processes.running(home, service, port)
    about = service.name, str(front), color or "-"
    if pid is None:
        return (*about, record.version, str(record.pid), "gone", _age(record.started), "-") if record else None
    answer = processes.ask(port, "/health")
    version = str(answer.body.get("version", "?")) if answer else record.version if record else "?"
    health = "no answer"
    if answer:
        health = f"{answer.status} {answer.body.get('reason') or answer.body.get('status', '')}"
    since = _age(record.started) if record else "?"
    return *about, version, str(pid), "serves" if holder(front) == pid else "waits", since, health


def _age(started: str) -> str:
    """Time since a moment in ISO 8601, such as "42 s" or "3 h 10 min"."""
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min" if seconds >= 3600 else f"{seconds // 60} min"
