"""register and ship: create the shop in a running Boreas, and deploy a version of it.

Registering again changes nothing, unless the checkout or its Python moved: then the commands are updated.
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
IN_PROGRESS = ["PENDING", "RUNNING", "WAITING_CONFIRM", "CANCELLING", "ROLLING_BACK"]
TOOL = "examples/shop/shop.py"


def register(version: str, home: Home, tool_options: Sequence[str]) -> None:
    """Creates the environment, the applications and the version; prints their ids.

    Args:
        version: such as v1.
        home: gives the ports of the instances.
        tool_options: options of shop.py for every command that Boreas runs, such as --home.

    Raises:
        ShopError: Boreas cannot be reached, or refuses.
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
        home: as in register.
        tool_options: as in register.
        strategy: as in `boreas deploy --strategy`; empty: the default.
        first: if a version runs already, do nothing; if a deployment is in progress, only watch it.

    Raises:
        ShopError: as in register, or there is no boreas command.
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
    """Returns whether there is nothing to ship; becomes `boreas watch` if a deployment is in progress."""
    state = boreas.call(documents.CURRENT_STATE, name=ENVIRONMENT, filter={"statuses": IN_PROGRESS})
    for deployment in state["deployments"]["nodes"]:
        if deployment["environment"]["name"] == ENVIRONMENT:
            say(f"{deployment['version']['name']} is {deployment['status']} already: watch it")
            sys.stdout.flush()
            os.execv(command, [command, "watch", deployment["id"]])
    running = {f"{release['application']['name']} {release['version']['name']}" for release in _releases(state)}
    if running:
        say(f"deployed already: {', '.join(sorted(running))} (see '{TOOL} status')")
    return bool(running)


def _releases(state: dict[str, Any]) -> list[dict[str, Any]]:
    return list((state["environment"] or {"releases": []})["releases"])


def definition(service: Service, home: Home, tool_options: Sequence[str]) -> dict[str, Any]:
    """Returns the definition of a service: the fields of CreateApplicationInput without the name."""

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


def is_current(application: dict[str, Any], definition: dict[str, Any]) -> bool:
    """Returns whether an application in Boreas has the commands of the definition."""
    steps = all((application[step] or {}).get("command") == definition[step]["command"] for step in ("build", "test"))
    health = (application["healthCheck"] or {}).get("command") == definition["healthCheck"]["command"]
    return steps and health and bool(application["deploy"] == definition["shell"])


def _environment(boreas: Boreas) -> None:
    found = boreas.call(documents.ENVIRONMENT, name=ENVIRONMENT)["environment"]
    if found:
        _print("environment", found, "exists")
        return
    values = {"name": ENVIRONMENT, "rank": 2, "operator": "SHELL"}
    _print("environment", boreas.change(documents.CREATE_ENVIRONMENT, "environment", **values), "created")


def _application(boreas: Boreas, service: Service, definition: dict[str, Any]) -> str:
    """Creates or updates an application, and returns its id."""
    found = boreas.call(documents.APPLICATION, name=service.name)["application"]
    if not found:
        found = boreas.change(documents.CREATE_APPLICATION, "application", name=service.name, **definition)
        _print("application", found, "created")
    elif is_current(found, definition):
        _print("application", found, "exists")
    else:
        found = boreas.change(documents.UPDATE_APPLICATION, "application", id=found["id"], **definition)
        _print("application", found, "updated, because its commands had changed")
    return str(found["id"])


def _version(boreas: Boreas, name: str, applications: Sequence[str]) -> None:
    found = _find_version(boreas, name)
    if found:
        _print("version", found, "exists")
        return
    artifacts = [{"applicationId": id_} for id_ in applications]
    created = boreas.change(documents.CREATE_VERSION, "version", name=name, artifacts=artifacts)
    _print("version", created, "created")


def _find_version(boreas: Boreas, name: str) -> dict[str, Any] | None:
    """Returns the version of exactly this name. A search for v1 also finds v10, so it reads all pages."""
    after = None
    while True:
        page = boreas.call(documents.VERSIONS, contains=name, after=after)["versions"]
        for version in page["nodes"]:
            if version["name"] == name:
                return dict(version)
        if not page["pageInfo"]["hasNextPage"]:
            return None
        after = page["pageInfo"]["endCursor"]


def _print(kind: str, node: dict[str, Any], state: str) -> None:
    say(f"  {kind:<12} {node['name']:<16} {node['id']}  {state}")


def _boreas_command() -> str:
    beside = Path(sys.executable).with_name("boreas")
    command = str(beside) if os.access(beside, os.X_OK) else shutil.which("boreas")
    if not command:
        raise ShopError(
            f"there is no command 'boreas' beside {sys.executable} nor on PATH. "
            "Install Boreas there ('pip install -e .' in its checkout), or run shop.py with the Python that has it"
        )
    return command
