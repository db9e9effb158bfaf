"""Checks this machine: packages, limits, users, folders, certificates and ports."""

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
"""With less free space a database or a build may fail at any moment."""
PACKAGE = "boreas"


def check_machine(settings: Settings, server: OwnServer | None) -> Iterator[Finding]:
    """Yield the findings for this machine, for the commands and for a server on it."""
    yield _python()
    yield _packages()
    yield _open_files(settings)
    yield _data_folder(settings)
    yield from _commands(settings)
    yield _connections(settings)
    if server is None and settings.store.database_url is None:
        yield _port(settings)


def _python() -> Finding:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < PYTHON:
        return problem("Python", text, "Boreas needs Python 3.11 or newer.")
    return ok("Python", text)


def _packages() -> Finding:
    try:
        requirements = [Requirement(text) for text in importlib.metadata.requires(PACKAGE) or ()]
        release = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        text = "Boreas runs from a folder and is not installed."
        return warning("packages", text, "To install it: make .venv/.installed")
    faults = []
    for requirement in requirements:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            faults.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            faults.append(f"{requirement.name} is {installed}, not {requirement.specifier}")
    if faults:
        advice = "Install the pinned packages: pip install --require-hashes -r requirements.lock"
        return problem("packages", "; ".join(faults), advice)
    return ok("packages", f"Boreas {release}, with all required packages")


def _open_files(settings: Settings) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = OWN_FILES + FILES_PER_COMMAND * settings.worker.slots
    if hard != resource.RLIM_INFINITY and hard < needed:
        return warning(
            "open files",
            f"a process may open {hard} files; a worker with {settings.worker.slots} slots needs {needed}",
            "Raise the hard limit (ulimit -Hn, or LimitNOFILE= of systemd), or lower BOREAS_WORKER_SLOTS.",
        )
    return ok("open files", "no limit" if hard == resource.RLIM_INFINITY else f"up to {hard}")


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return problem("data folder", f"{folder} cannot be written", "Choose another folder with BOREAS_DATA_DIR.")
    free = shutil.disk_usage(existing).free
    text = f"{folder}, {free / (1 << 30):.1f} GiB free"
    if free < LOW_BYTES:
        return warning("data folder", text, "Free some space, or choose another folder with BOREAS_DATA_DIR.")
    return ok("data folder", text)


def _commands(settings: Settings) -> Iterator[Finding]:
    from app.cli import command_isolation

    try:
        settings = command_isolation.with_default_accounts(settings)
        command_isolation.check(settings)
        isolation = command_isolation.describe(settings)
    except SettingError as error:
        yield problem("commands", str(error), "Change BOREAS_COMMAND_USER.")
        return
    text = ". ".join(sentence.removesuffix(".") for sentence in isolation.sentences)
    if isolation.protects_data:
        yield ok("commands", text)
    else:
        yield warning("commands", text, "Run as root with BOREAS_COMMAND_USER, or on Linux 5.13 or newer.")


def _connections(settings: Settings) -> Finding:
    outgoing = settings.outgoing
    authorities = outgoing.authorities
    try:
        tls_context(authorities)
    except AuthoritiesError as error:
        return problem("certificates", str(error), "Name a PEM file with certificates, or remove the variable.")
    files = [str(path) for path in (authorities.extra, authorities.file, authorities.folder) if path]
    proxies = sorted({_without_password(url) for url in (outgoing.proxies.http, outgoing.proxies.https) if url})
    text = f"authorities of {', '.join(files)}" if files else "the usual authorities"
    return ok("ways out", f"{text}; {'through ' + ', '.join(proxies) if proxies else 'no proxy'}")


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _port(settings: Settings) -> Finding:
    try:
        serve = listen_address.check_free(settings.serve)
    except (Failure, socket.gaierror) as error:
        return warning(
            "port", str(error), f"No boreas up runs in this folder ({Path.cwd()}), and a new one would fail."
        )
    return ok("port", f"{serve.port} of {serve.host} is free for boreas up")
