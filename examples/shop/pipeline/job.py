"""The job of a subcommand, from command-line options or from the environment that Boreas sets."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pipeline import catalog
from pipeline.catalog import ROOT, Service
from pipeline.home import Home
from pipeline.report import ShopError


@dataclass(frozen=True)
class Job:
    """One service, one version, one workspace; `previous` and `commit` may be empty.

    Only deploy, rollback and health use `previous`, `ports`, `color` and `phase`. `color` is the set of instances (None
    if there is only one), and `phase` is what to do with it (empty: run the version there).
    """

    service: Service
    version: str
    previous: str
    commit: str
    workspace: Path
    repository: Path
    ports: tuple[int, ...]
    home: Home
    settings: Path
    color: str | None = None
    phase: str = ""

    def built(self) -> Path:
        """Where build puts the artifact."""
        return self.workspace / "dist" / f"{self.service.name}-{self.version}.pyz"

    def source(self) -> Path:
        """Where build lays out the sources that belong to this version."""
        return self.workspace / "shop-source"


def read_home(options: argparse.Namespace) -> Home:
    """Returns the given home folder, by default .run beside shop.py."""
    return Home(Path(options.home or ROOT / ".run").resolve(), options.first_port)


def read_job(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Job:
    """Returns the job that the options and the environment describe.

    Raises:
        ShopError: a value is missing or invalid.
    """

    def value(option: str, variable: str) -> str:
        return str(getattr(options, option, None) or environment.get(variable, ""))

    name = value("service", "BOREAS_APPLICATION")
    if not name:
        raise ShopError("no service is named. Name one (such as user-service), or set BOREAS_APPLICATION")
    service, home = catalog.find_service(name), read_home(options)
    version, previous = value("version", "BOREAS_VERSION"), value("previous", "BOREAS_PREVIOUS_VERSION")
    if not version:
        raise ShopError("no version is named. Use --version (such as v1), or set BOREAS_VERSION")
    instance, color = value("instance", "BOREAS_INSTANCE"), environment.get("BOREAS_COLOR")
    return Job(
        service=service,
        version=catalog.valid_version(version),
        previous=catalog.valid_version(previous) if previous else "",
        commit=value("commit", "BOREAS_COMMIT"),
        workspace=Path(value("workspace", "BOREAS_WORKSPACE") or home.workspace(service)).resolve(),
        repository=_repository(value("repository", "BOREAS_REPOSITORY")),
        ports=(catalog.valid_port(instance),) if instance else home.ports(service),
        home=home,
        settings=Path(getattr(options, "settings", None) or ROOT / "settings.json").resolve(),
        color=None if color is None else catalog.valid_color(color),
        phase=environment.get("BOREAS_PHASE", ""),
    )


def _repository(text: str) -> Path:
    """Returns the folder of the sources: a file:// address, a path, or by default the folder of shop.py."""
    if not text:
        return ROOT
    parts = urlsplit(text)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise ShopError(f"the repository {text} is not on this machine; the shop builds only from file:///…")
    return Path(url2pathname(parts.path) if parts.scheme else text).resolve()
