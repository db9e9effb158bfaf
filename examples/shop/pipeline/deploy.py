"""deploy and rollback: deploy a version of a service to its instances, or to a second set of them.

An instance is deployed when its process answers HTTP. The health check decides whether it is healthy; an unhealthy
instance can report why. Every step can be repeated.
"""

import fcntl
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pipeline import processes
from pipeline.build import describe
from pipeline.catalog import SETS, Service, own_port
from pipeline.home import Home, Record, write_atomically
from pipeline.job import Job
from pipeline.report import ShopError, say
from pipeline.traffic import holder, named, switch

LOCK_SECONDS = 60.0


def deploy(job: Job) -> None:
    """Deploys the job's version to its instances, one after another, or does what its phase says.

    Raises:
        ShopError: there is no such artifact, another program uses a port, or a process does not start or stop.
    """
    _act(job, job.version)


def rollback(job: Job) -> None:
    """Deploys the previous version, or stops the instances if there is none, or does what its phase says.

    Raises:
        ShopError: as in deploy.
    """
    say(f"roll {job.service.name} back from {job.version} to {job.previous or 'nothing: it had no previous version'}")
    _act(job, job.previous)


def _act(job: Job, version: str) -> None:
    bring = job.phase not in ("switch", "retire")
    artifact = _artifact(job, version) if bring and version else None
    for port in job.ports:
        with locked(job.home, job.service, port):
            if artifact:
                _bring(job, port, version, artifact)
            elif job.phase == "switch":
                switch(job.home, job.service, port, job.color or "")
            else:
                _retire(job, port)


def _bring(job: Job, port: int, version: str, artifact: Path) -> None:
    """Replaces an instance of a set by a version; without sets, replaces the instances of all sets."""
    color, alone = job.color or "", job.color is None
    serves = alone or job.home.serving(job.service, port) == color
    _replace(job, port, version, artifact, serving=serves)
    if alone:
        for other in SETS[1:]:
            if processes.running(job.home, job.service, own_port(port, other)) is not None:
                end_instance(job.home, job.service, own_port(port, other))
    if serves:
        switch(job.home, job.service, port, color)


def _retire(job: Job, port: int) -> None:
    color = job.color or ""
    end_instance(job.home, job.service, own_port(port, color))
    if job.home.serving(job.service, port) == color:
        job.home.write_serving(job.service, port, "")


def end_instance(home: Home, service: Service, port: int) -> bool:
    """Stops the instance's process and removes its record. Returns whether there was a process of ours.

    Raises:
        ShopError: it cannot be stopped.
    """
    pid = processes.running(home, service, port)
    if pid is None:
        say(f"  {service.name} {port}: no process of ours runs")
    else:
        how = processes.end(home, service, port, pid)
        say(f"  {service.name} {port}: process {pid} {how}")
    home.drop_record(service, port)
    return pid is not None


@contextmanager
def locked(home: Home, service: Service, port: int) -> Iterator[None]:
    """Locks an instance: only one program at a time changes it.

    Raises:
        ShopError: another program keeps the lock for too long.
    """
    file = home.lock(service, port)
    file.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + LOCK_SECONDS
    with file.open("w") as handle:
        waiting = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ShopError(f"{service.name} {port} is being changed by another program for too long") from None
            if not waiting:
                say(f"  {service.name} {port}: waiting for another program that is changing it")
                waiting = True
            time.sleep(0.05)
        yield


def _artifact(job: Job, version: str) -> Path:
    """Returns the stored artifact of a version, after storing it if the workspace has it.

    A rollback uses the artifact of an earlier deployment, which is not in the workspace.
    """
    kept = job.home.artifact(job.service, version)
    if version != job.version or not job.built().is_file():
        return _kept_artifact(job.home, job.service, version)
    content = job.built().read_bytes()
    if not kept.is_file() or kept.read_bytes() != content:
        write_atomically(kept, content)
    say(f"artifact {job.built().name} from the workspace, sha256 {hashlib.sha256(content).hexdigest()}")
    say(f"  kept as {kept}")
    return _checked(job.service, version, kept)


def _kept_artifact(home: Home, service: Service, version: str) -> Path:
    kept = home.artifact(service, version)
    if not kept.is_file():
        there = ", ".join(sorted(file.stem for file in home.artifacts(service).glob("*.pyz"))) or "none"
        raise ShopError(
            f"there is no artifact of {service.name} {version}: it was not built in this workspace, and {kept} "
            f"does not exist (kept versions: {there}). Run 'shop.py build' first"
        )
    say(f"artifact {kept}, kept since an earlier deployment")
    return _checked(service, version, kept)


def _checked(service: Service, version: str, artifact: Path) -> Path:
    """Returns the artifact if it is of this version: a wrong one must not replace a running process."""
    described = describe(artifact)
    if (described.get("service"), described.get("version")) != (service.name, version):
        raise ShopError(f"{artifact} describes itself as {described}, not {service.name} {version}")
    return artifact


def _replace(job: Job, front: int, version: str, artifact: Path, *, serving: bool) -> None:
    """Replaces the process of an instance of the job's set by the artifact."""
    home, service, color = job.home, job.service, job.color or ""
    port = own_port(front, color)
    where = f"instance {front}" + (f" of the {named(color)} set" if color else "")
    say(f"deploy {service.name} {version} to {where}")
    for taken in (port, front):
        if processes.is_taken(taken) and not _is_ours(job, front, taken):
            raise ShopError(_foreign(taken))
    end_instance(home, service, port)
    started = time.monotonic()
    options = ["--front", str(front), *(["--serving"] if serving else [])]
    process = processes.start(home, service, port, artifact, job.settings, options)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = Record(service.name, version, port, front, color, process.pid, str(artifact), now)
    home.write_record(service, record)
    say(f"  {service.name} {port}: started process {process.pid}, log {home.log(service, port)}")
    try:
        processes.await_answer(process, port)
    except ShopError as error:
        process.kill()
        process.wait()
        home.drop_record(service, port)
        lines = [f"    | {line}" for line in processes.last_lines(home.log(service, port))] or ["    | (no output)"]
        say("\n".join(["  its last lines:", *lines]))
        raise ShopError(f"{service.name} {version} did not come up as {where}: {error}") from error
    say(f"  {service.name} {port}: answers after {time.monotonic() - started:.2f} s")
    say(f"deployed {service.name} {version} to http://{processes.LOOPBACK}:{port}; the health check follows")


def _is_ours(job: Job, front: int, taken: int) -> bool:
    """Returns whether a process of this instance uses the port: one that answers there, or one that hangs."""
    ports = [own_port(front, color) for color in SETS] if taken == front else [taken]
    own = {processes.running(job.home, job.service, port) for port in ports} - {None}
    return bool(own) and holder(taken) in own | {None}


def _foreign(port: int) -> str:
    answer = processes.ask(port, "/")
    service = answer.body.get("service") if answer else None
    if answer is None:
        holder = "something that does not answer HTTP"
    elif service:
        holder = f"{service} (process {answer.body.get('pid')}), which this home did not start for this service"
    else:
        holder = f"another HTTP server (it answered {answer.status})"
    return (
        f"port {port} is taken by {holder}, so nothing was stopped or started. "
        f"Find it with 'ss -ltnp sport = :{port}' or 'lsof -i :{port}', and end it"
    )
