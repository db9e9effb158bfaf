"""What one call of a subcommand is about: options of the command line, else what Boreas put into the environment."""

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

    `previous` and `ports` matter to deploy, rollback and health only, as do `color` and `phase`: which of several sets
    of instances is meant (None where there is one) and what is to be done with it (empty: the version is to run there).
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
    """The home folder that was given, else .run beside shop.py."""
    return Home(Path(options.home or ROOT / ".run").resolve(), options.first_port)


def read_job(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Job:
    """The job that the options and the environment describe.

    Raises:
        ShopError: something needed is missing or malformed.
    """

    def given(option: str, variable: str) -> str:
        return str(getattr(options, option, None) or environment.get(variable, ""))

    name = given("service", "BOREAS_APPLICATION")
    if not name:
        raise ShopError("which service? Name one (such as user-service), or set BOREAS_APPLICATION")
    service, home = catalog.find_service(name), read_home(options)
    version, previous = given("version", "BOREAS_VERSION"), given("previous", "BOREAS_PREVIOUS_VERSION")
    if not version:
        raise ShopError("which version? Give --version (such as v1), or set BOREAS_VERSION")
    instance, color = given("instance", "BOREAS_INSTANCE"), environment.get("BOREAS_COLOR")
    return Job(
        service=service,
        version=catalog.valid_version(version),
        previous=catalog.valid_version(previous) if previous else "",
        commit=given("commit", "BOREAS_COMMIT"),
        workspace=Path(given("workspace", "BOREAS_WORKSPACE") or home.workspace(service)).resolve(),
        repository=_repository(given("repository", "BOREAS_REPOSITORY")),
        ports=(catalog.valid_port(instance),) if instance else home.ports(service),
        home=home,
        settings=Path(getattr(options, "settings", None) or ROOT / "settings.json").resolve(),
        color=None if color is None else catalog.valid_color(color),
        phase=environment.get("BOREAS_PHASE", ""),
    )


def _repository(given: str) -> Path:
    """The folder with the sources: a file:// address or a path; the folder of shop.py when nothing is given."""
    if not given:
        return ROOT
    parts = urlsplit(given)
    if parts.scheme not in ("", "file") or parts.netloc not in ("", "localhost"):
        raise ShopError(f"the repository {given} is not on this machine; the shop builds from file:///… only")
    return Path(url2pathname(parts.path) if parts.scheme else given).resolve()
