"""register and ship: the shop makes itself known to a running Boreas, and has a version deployed.

Registering again changes nothing, unless the checkout or its Python moved: then the commands are brought up to date.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import documents
from pipeline.boreas import Boreas, connect
from pipeline.catalog import ROOT, SERVICES, Service, valid_version
from pipeline.home import Home
from pipeline.report import ShopError, say

ENVIRONMENT = "production"
STEP_SECONDS = 300
UNDER_WAY = ["PENDING", "RUNNING", "WAITING_CONFIRM", "CANCELLING", "ROLLING_BACK"]
TOOL = "examples/shop/shop.py"


def register(version: str, home: Home, tool_options: Sequence[str]) -> None:
    """Makes environment, applications and version known; prints their ids.

    Args:
        version: such as v1.
        home: says which ports the instances have.
        tool_options: options of shop.py that Boreas shall give with every command, such as --home.

    Raises:
        ShopError: Boreas can not be reached, or refuses.
    """
    valid_version(version)
    home.open_to_commands()
    boreas = connect()
    say(f"register the shop with Boreas at {boreas.url}")
    _environment(boreas)
    applications = [_application(boreas, service, definition(service, home, tool_options)) for service in SERVICES]
    _version(boreas, version, applications)


def ship(version: str, home: Home, tool_options: Sequence[str], *, first: bool = False, strategy: str = "") -> None:
    """Registers the version, then becomes `boreas deploy`, which follows the deployment to its end.

    Args:
        version: such as v1.
        home: as of register.
        tool_options: as of register.
        strategy: as `boreas deploy --strategy` has it; empty: its default.
        first: do nothing when a version runs already, and only watch a deployment that is under way.

    Raises:
        ShopError: as register, or there is no boreas command.
    """
    command = _boreas_command()
    if first and _is_shipped(connect(), command):
        return
    register(version, home, tool_options)
    order = ",".join(service.name for service in SERVICES)
    arguments = ["deploy", "--version", version, "--environment", ENVIRONMENT, "--order", order, "--follow"]
    arguments += ["--strategy", strategy] if strategy else []
    say(f"run boreas {' '.join(arguments)}")
    sys.stdout.flush()
    os.execv(command, [command, *arguments])


def _is_shipped(boreas: Boreas, command: str) -> bool:
    """Whether there is nothing to ship; becomes `boreas watch` where a deployment is under way."""
    standing = boreas.call(documents.STANDING, name=ENVIRONMENT, filter={"statuses": UNDER_WAY})
    for deployment in standing["deployments"]["nodes"]:
        if deployment["environment"]["name"] == ENVIRONMENT:
            say(f"{deployment['version']['name']} is {deployment['status']} already: watch it")
            sys.stdout.flush()
            os.execv(command, [command, "watch", deployment["id"]])
    running = {f"{each['application']['name']} {each['version']['name']}" for each in _releases(standing)}
    if running:
        say(f"deployed already: {', '.join(sorted(running))} ('{TOOL} status' tells what answers)")
    return bool(running)


def _releases(standing: dict[str, Any]) -> list[dict[str, Any]]:
    return list((standing["environment"] or {"releases": []})["releases"])


def definition(service: Service, home: Home, tool_options: Sequence[str]) -> dict[str, Any]:
    """What Boreas is told about a service, in the shape of CreateApplicationInput without its name."""

    def command(name: str) -> list[str]:
        return [sys.executable, str(ROOT / "shop.py"), name, *tool_options]

    return {
        "description": service.description,
        "repositoryUrl": ROOT.as_uri(),
        "build": {"command": command("build"), "timeoutSeconds": STEP_SECONDS},
        "test": {"command": command("test"), "timeoutSeconds": STEP_SECONDS},
        "shell": {
            "command": command("deploy"),
            "instances": [str(port) for port in home.ports(service)],
            "rollbackCommand": command("rollback") if service.own_rollback else None,
        },
        "healthCheck": {
            "command": command("health"),
            "intervalSeconds": 1,
            "timeoutSeconds": 5,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
    }


def is_current(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether the commands that Boreas has are those that it should have."""
    steps = all((found[step] or {}).get("command") == wanted[step]["command"] for step in ("build", "test"))
    health = (found["healthCheck"] or {}).get("command") == wanted["healthCheck"]["command"]
    return steps and health and bool(found["deploy"] == wanted["shell"])


def _environment(boreas: Boreas) -> None:
    found = boreas.call(documents.ENVIRONMENT, name=ENVIRONMENT)["environment"]
    if found:
        _tell("environment", found, "there already")
        return
    values = {"name": ENVIRONMENT, "rank": 2, "operator": "SHELL"}
    _tell("environment", boreas.change(documents.CREATE_ENVIRONMENT, "environment", **values), "created")


def _application(boreas: Boreas, service: Service, wanted: dict[str, Any]) -> str:
    """The application's id."""
    found = boreas.call(documents.APPLICATION, name=service.name)["application"]
    if not found:
        found = boreas.change(documents.CREATE_APPLICATION, "application", name=service.name, **wanted)
        _tell("application", found, "created")
    elif is_current(found, wanted):
        _tell("application", found, "there already")
    else:
        found = boreas.change(documents.UPDATE_APPLICATION, "application", id=found["id"], **wanted)
        _tell("application", found, "updated: its commands had changed")
    return str(found["id"])


def _version(boreas: Boreas, name: str, applications: Sequence[str]) -> None:
    found = _find_version(boreas, name)
    if found:
        _tell("version", found, "there already")
        return
    artifacts = [{"applicationId": each} for each in applications]
    made = boreas.change(documents.CREATE_VERSION, "version", name=name, artifacts=artifacts)
    _tell("version", made, "created")


def _find_version(boreas: Boreas, name: str) -> dict[str, Any] | None:
    """The version of exactly this name; the search also finds v10 for v1, so all pages may be needed."""
    after = None
    while True:
        page = boreas.call(documents.VERSIONS, contains=name, after=after)["versions"]
        for version in page["nodes"]:
            if version["name"] == name:
                return dict(version)
        if not page["pageInfo"]["hasNextPage"]:
            return None
        after = page["pageInfo"]["endCursor"]


def _tell(kind: str, thing: dict[str, Any], what: str) -> None:
    say(f"  {kind:<12} {thing['name']:<16} {thing['id']}  {what}")


def _boreas_command() -> str:
    beside = Path(sys.executable).with_name("boreas")
    command = str(beside) if os.access(beside, os.X_OK) else shutil.which("boreas")
    if not command:
        raise ShopError(
            f"there is no command 'boreas' beside {sys.executable} nor on PATH. "
            "Install Boreas there ('pip install -e .' in its checkout), or run shop.py with the Python that has it"
        )
    return command
