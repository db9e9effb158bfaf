"""Graphs of tasks as YAML files: written from a deployment, parsed, and turned into inputs of the API."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import yaml

from app.cli import lookups
from app.cli.apply.files import validation_problem
from app.cli.apply.plans import HIDDEN
from app.cli.apply.specs import STEP_ATTEMPTS, STEP_SECONDS, SpecObject, Task
from app.cli.client import Api, ApiError, Data
from app.cli.nouns import queries

DEFAULTS: Data = {"env": {}, "image": None, "timeoutSeconds": STEP_SECONDS, "maxAttempts": STEP_ATTEMPTS}


class Graph(SpecObject, frozen=True, kw_only=True):
    """The tasks of a deployment, in their order."""

    tasks: tuple[Task, ...]


async def fetch_workflow(api: Api, id_: str) -> Data:
    """Return a deployment with the revisions of its workflow. Raises ApiError."""
    deployment: Data | None = (await api.query(queries.WORKFLOW, id=id_))["deployment"]
    if deployment is None:
        raise lookups.deployment_not_found(id_)
    return deployment


async def fetch_revision(api: Api, id_: str, number: int) -> Data:
    """Return a revision of a workflow, with its tasks. Raises ApiError."""
    deployment = (await api.query(queries.WORKFLOW_AT, id=id_, number=number))["deployment"]
    if deployment is None:
        raise lookups.deployment_not_found(id_)
    revision: Data | None = deployment["workflow"]["revisionAt"]
    if revision is None:
        raise ApiError(f"There is no revision {number}. See the existing ones: boreas workflow revisions {id_}")
    return revision


def to_yaml(tasks: Sequence[Data]) -> str:
    """Return tasks as YAML, without fields that have their default."""
    document = {"tasks": [_without_defaults(task) for task in tasks]}
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100)


def _without_defaults(task: Data) -> Data:
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
        short["command"] = {name: value for name, value in command.items() if value != DEFAULTS.get(name, ...)}
    for name in ("timeoutSeconds", "maxAttempts"):
        if task[name] != command.get(name, DEFAULTS[name]):
            short[name] = task[name]
    return short


def parse(source: str) -> tuple[Task, ...]:
    """Return the tasks of a file. Raises ApiError, which names the invalid field."""
    try:
        return msgspec.convert(yaml.safe_load(source), Graph).tasks
    except yaml.YAMLError as error:
        raise ApiError(f"It is not valid YAML: {error}") from error
    except (msgspec.ValidationError, RecursionError, ValueError) as error:
        problem, path = validation_problem(error)
        raise ApiError(f"{path}: {problem}" if path else problem) from error


async def task_inputs(api: Api, tasks: Sequence[Task]) -> list[Data]:
    """Return tasks as inputs of the API. Raises ApiError."""
    fields = [task.fields() for task in tasks]
    if HIDDEN in str([task["command"] for task in fields]):
        raise ApiError(
            f"The graph contains {HIDDEN}: your token may not see a value there, so it cannot be sent back. "
            "Use a token with the role DEPLOYER on the application."
        )
    names = dict.fromkeys(task["application"] for task in fields if task["application"])
    ids = {name: await lookups.application_id(api, name) for name in names}
    return [_task_input(task, ids) for task in fields]


def _task_input(task: Mapping[str, Any], application_ids: Mapping[str, str]) -> Data:
    fields = {name: value for name, value in task.items() if name != "application"}
    application_id = application_ids.get(task["application"] or "")
    return fields | {"name": task["name"] or task["key"], "applicationId": application_id}


def format_value(value: Any) -> str:
    """Return the value of a field on one line."""
    return "nothing" if value in (None, [], {}, "") else msgspec.json.encode(value).decode()
