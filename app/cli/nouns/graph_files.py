"""Graphs of tasks as files: reading one from a deployment, and making an input of it again."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import yaml

from app.cli import lookups
from app.cli.apply.plans import HIDDEN
from app.cli.apply.specs import STEP_ATTEMPTS, STEP_SECONDS, Part, Task
from app.cli.client import Api, ApiError, Data
from app.cli.nouns import queries

LEFT_OUT: Data = {"env": {}, "image": None, "timeoutSeconds": STEP_SECONDS, "maxAttempts": STEP_ATTEMPTS}


class Graph(Part, frozen=True, kw_only=True):
    """The tasks of a deployment, in their order."""

    tasks: tuple[Task, ...]


async def workflow(api: Api, id_: str) -> Data:
    """Return a deployment with the revisions of its workflow. Raises ApiError."""
    found: Data | None = (await api.query(queries.WORKFLOW, id=id_))["deployment"]
    if found is None:
        raise lookups.no_deployment(id_)
    return found


async def revision(api: Api, id_: str, number: int) -> Data:
    """Return a revision with its tasks. Raises ApiError."""
    found = (await api.query(queries.WORKFLOW_AT, id=id_, number=number))["deployment"]
    if found is None:
        raise lookups.no_deployment(id_)
    at: Data | None = found["workflow"]["revisionAt"]
    if at is None:
        raise ApiError(f"There is no revision {number}. boreas workflow revisions {id_} shows those that there are.")
    return at


def text(tasks: Sequence[Data]) -> str:
    """Return tasks as YAML, without what is left at its default."""
    return yaml.safe_dump({"tasks": [_short(task) for task in tasks]}, allow_unicode=True, sort_keys=False, width=100)


def _short(task: Data) -> Data:
    """Return a task as people write it."""
    short: Data = {"key": task["key"]}
    if task["name"] != task["key"]:
        short["name"] = task["name"]
    short["type"] = task["type"]
    if task["applicationName"]:
        short["application"] = task["applicationName"]
    for name in ("blockBy", "requireConfirm", "payload", "position"):
        if task[name]:
            short[name] = task[name]
    command = task["command"] or {}
    if command:
        short["command"] = {name: value for name, value in command.items() if value != LEFT_OUT.get(name, ...)}
    for name in ("timeoutSeconds", "maxAttempts"):
        if task[name] != command.get(name, LEFT_OUT[name]):
            short[name] = task[name]
    return short


def parsed(source: str) -> tuple[Task, ...]:
    """Return the tasks of a file. Raises ApiError, which says where it is wrong."""
    try:
        return msgspec.convert(yaml.safe_load(source), Graph).tasks
    except yaml.YAMLError as error:
        raise ApiError(f"It is no YAML: {error}") from error
    except (msgspec.ValidationError, RecursionError, ValueError) as error:
        what, _, where = str(error).partition(" - at `$")
        where = where.removesuffix("`").removeprefix(".")
        raise ApiError(f"{where}: {what}" if where else what) from error


async def inputs(api: Api, tasks: Sequence[Task]) -> list[Data]:
    """Return tasks as inputs of the API. Raises ApiError."""
    given = [task.fields() for task in tasks]
    if HIDDEN in str([task["command"] for task in given]):
        raise ApiError(
            f"There is a {HIDDEN} in it: your token may not see what stands there, so it cannot be sent back. "
            "Come with one that is DEPLOYER on the application."
        )
    names = dict.fromkeys(task["application"] for task in given if task["application"])
    ids = {name: await lookups.application(api, name) for name in names}
    return [_input(task, ids) for task in given]


def _input(task: Mapping[str, Any], ids: Mapping[str, str]) -> Data:
    kept = {name: value for name, value in task.items() if name != "application"}
    return kept | {"name": task["name"] or task["key"], "applicationId": ids.get(task["application"] or "")}


def told(value: Any) -> str:
    """Return a value of a task on one line."""
    return "nothing" if value in (None, [], {}, "") else msgspec.json.encode(value).decode()
