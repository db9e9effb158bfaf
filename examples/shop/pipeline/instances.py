"""stop, status and health of instances."""

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
    """Stops every process of this home, the others too if one cannot be stopped.

    Raises:
        ShopError: some processes are still running.
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
    """Stops the processes of an instance, of all its sets, and returns how many they were."""
    ports = [own_port(front, color) for color in SETS]
    used = [port for port in ports if home.record(service, port) or processes.running(home, service, port)]
    if not used:
        return 0
    with locked(home, service, front):
        return sum(end_instance(home, service, port) for port in used)


def health(job: Job) -> None:
    """Checks the health of the job's instances: those of its set, or of the serving set.

    Raises:
        ShopError: one of them does not answer, is not healthy, or does not have its port.
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
            raise ShopError(f"{front} of the {named(color)} set is healthy, but another process serves its port")
        say(f"{front} is healthy and runs {answer.body.get('version')}")


def status(home: Home) -> None:
    """Prints a table of the instances and their health."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for service in SERVICES:
        for front in _fronts(home, service):
            present = [row for color in SETS if (row := _row(home, service, front, color))]
            rows += present or [_empty(service, front)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _fronts(home: Home, service: Service) -> list[int]:
    """Returns the ports of the service's regular instances, and of all others that were deployed."""
    return sorted({*home.ports(service), *home.recorded_fronts(service)})


def _empty(service: Service, front: int) -> tuple[str, ...]:
    if processes.is_taken(front):
        return service.name, str(front), "-", "-", "-", "foreign", "-", "the port is not ours"
    return service.name, str(front), "-", "-", "-", "stopped", "-", "-"


def _row(home: Home, service: Service, front: int, color: str) -> tuple[str, ...] | None:
    """Returns the row of an instance of a set, in the order of HEADINGS; None if there is none."""
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
