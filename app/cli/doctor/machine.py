"""The machine that a command runs on: what is installed, what this user may, and where there is room."""

import importlib.metadata
import os
import platform
import resource
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from app.cli import listen_address
from app.cli.console import Failure
from app.cli.doctor.findings import Finding, ok, problem, warning
from app.cli.up.own_server import OwnServer
from app.gateways.authorities import AuthoritiesError, tls_context
from app.gateways.operators.shell.open_files import FILES_PER_COMMAND, OWN_FILES
from app.settings import SettingError, Settings

PYTHON = (3, 11)
LOW_BYTES = 1 << 30
"""Below this much free room a database or a build may stop at any moment."""
PACKAGE = "boreas"


def examine(settings: Settings, server: OwnServer | None) -> Iterator[Finding]:
    """Yield what this machine is like, for the commands and for a server on it."""
    yield _python()
    yield _packages()
    yield _open_files(settings)
    yield _data_folder(settings)
    yield from _commands(settings)
    yield _ways_out(settings)
    if server is None and settings.store.database_url is None:
        yield _port(settings)


def _python() -> Finding:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < PYTHON:
        return problem("Python", text, "Boreas needs Python 3.11 or newer.")
    return ok("Python", text)


def _packages() -> Finding:
    try:
        wanted = [Requirement(text) for text in importlib.metadata.requires(PACKAGE) or ()]
        release = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return warning("packages", "Boreas runs from a folder and is not installed.", "make .venv/.installed does it.")
    wrong = []
    for requirement in wanted:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} is {found}, not {requirement.specifier}")
    if wrong:
        advice = "Install what requirements.lock pins: pip install --require-hashes -r requirements.lock"
        return problem("packages", "; ".join(wrong), advice)
    return ok("packages", f"Boreas {release}, with everything that it needs")


def _open_files(settings: Settings) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = OWN_FILES + FILES_PER_COMMAND * settings.worker.slots
    if hard != resource.RLIM_INFINITY and hard < needed:
        return warning(
            "open files",
            f"a process may have {hard} files open; a worker of {settings.worker.slots} slots wants {needed}",
            "Raise the hard limit (ulimit -Hn, LimitNOFILE= of systemd), or lower BOREAS_WORKER_SLOTS.",
        )
    return ok("open files", "as many as wanted" if hard == resource.RLIM_INFINITY else f"up to {hard}")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return problem("data folder", f"{folder} cannot be written", "Choose another folder with BOREAS_DATA_DIR.")
    free = shutil.disk_usage(existing).free
    text = f"{folder}, {free / (1 << 30):.1f} GiB free"
    if free < LOW_BYTES:
        return warning("data folder", text, "Make room, or move it with BOREAS_DATA_DIR.")
    return ok("data folder", text)


def _commands(settings: Settings) -> Iterator[Finding]:
    from app.cli import command_isolation

    try:
        settled = command_isolation.settled(settings)
        command_isolation.check(settled)
        told = (
            command_isolation.told(settled)
            .replace(f".{command_isolation.INDENT}", ". ")
            .replace(command_isolation.INDENT, ". ")
        )
    except SettingError as error:
        yield problem("commands", str(error), "Change BOREAS_COMMAND_USER.")
        return
    if "they can read the data" in told or "also in the data" in told:
        yield warning("commands", told, "Run as root with BOREAS_COMMAND_USER, or on Linux 5.13 or newer.")
    else:
        yield ok("commands", told)


def _ways_out(settings: Settings) -> Finding:
    outgoing = settings.outgoing
    authorities = outgoing.authorities
    try:
        tls_context(authorities)
    except AuthoritiesError as error:
        return problem("certificates", str(error), "Name a file of certificates in PEM, or leave the variable out.")
    named = [str(path) for path in (authorities.extra, authorities.file, authorities.folder) if path]
    proxies = sorted({_without_password(url) for url in (outgoing.proxies.http, outgoing.proxies.https) if url})
    text = f"authorities of {', '.join(named)}" if named else "the usual authorities"
    return ok("ways out", f"{text}; {'through ' + ', '.join(proxies) if proxies else 'no proxy'}")


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _port(settings: Settings) -> Finding:
    try:
        settled = listen_address.settle(settings.serve)
    except (Failure, socket.gaierror) as error:
        return warning("port", str(error), f"Nothing of this folder runs ({Path.cwd()}); boreas up would fail.")
    return ok("port", f"{settled.port} of {settled.host} is free for boreas up")
