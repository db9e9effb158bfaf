"""Workflow templates that are declared: whatever differs from the latest version makes the next one."""

from collections.abc import Iterator, Sequence, Set
from typing import Any

from app.cli.apply import queries
from app.cli.apply.diff import Difference
from app.cli.apply.files import Declared
from app.cli.apply.plans import Do, Plan, changed, fault, refuse_hidden
from app.cli.apply.specs import STEP_ATTEMPTS, STEP_SECONDS, WorkflowTemplate
from app.cli.client import Api, Data


async def plan(api: Api, declared: Declared, spec: WorkflowTemplate, made: Set[str]) -> Plan:
    """Return what brings a template in line. Raises ApiError.

    `made` are the names of the applications that are there by the time it is saved.
    """
    wanted = spec.fields()
    for name in {task["application"] for task in wanted["tasks"] if task["application"]} - made:
        if (await api.query(queries.APPLICATION_ID, name=name))["application"] is None:
            raise fault(declared, f"tasks: There is no application “{name}”.")
    found = (await api.query(queries.TEMPLATE, name=wanted["name"]))["workflowTemplate"]
    if found is not None and found["archivedAt"]:
        raise fault(declared, "It is archived, and can not be changed.")
    if found is not None:
        refuse_hidden(declared, {task["key"]: task["command"] for task in found["latest"]["tasks"]})
    differing = _differences(found, wanted)
    return Plan(declared, found is not None, differing, (_save(wanted),) if differing else ())


def _differences(found: Data | None, wanted: Data) -> tuple[Difference, ...]:
    """Return what differs, of tasks and parameters by their keys and names, and their order where it differs."""
    tasks = [_resolved(task) for task in wanted["tasks"]]
    shape = {"description": wanted["description"]} if wanted["description"] else {}
    if found is None:
        return changed(None, shape | _shape(wanted["parameters"], tasks))
    known, latest = {name: found[name] for name in shape}, found["latest"]
    differing = changed(
        known | _shape(latest["parameters"], latest["tasks"]), shape | _shape(wanted["parameters"], tasks)
    )
    return (*differing, *_moved(latest, wanted))


def _moved(before: Data, after: Data) -> Iterator[Difference]:
    """Yield the orders of what is on both sides, where they differ."""
    for name, key in KEYS:
        old, new = [one[key] for one in before[name]], [one[key] for one in after[name]]
        if [each for each in old if each in new] != [each for each in new if each in old]:
            yield Difference(name, old, new)


KEYS = (("parameters", "name"), ("tasks", "key"))


def _shape(parameters: Sequence[Data], tasks: Sequence[Data]) -> dict[str, Any]:
    return {
        "parameters": {parameter["name"]: parameter for parameter in parameters},
        "tasks": {task["key"]: task for task in tasks},
    }


def _resolved(task: Data) -> dict[str, Any]:
    """Return a task as the API shows it."""
    step = {"timeoutSeconds": STEP_SECONDS, "maxAttempts": STEP_ATTEMPTS} | (task["command"] or {})
    limits = {name: step[name] if task[name] is None else task[name] for name in ("timeoutSeconds", "maxAttempts")}
    values = {name: value for name, value in task.items() if name != "application"}
    return values | limits | {"name": task["name"] or task["key"], "applicationName": task["application"]}


def _save(wanted: Data) -> Do:
    """Return the step that saves a version; the ids of applications are found only then."""

    async def do(api: Api) -> None:
        names = {task["application"] for task in wanted["tasks"] if task["application"]}
        ids = {name: (await api.query(queries.APPLICATION_ID, name=name))["application"]["id"] for name in names}
        tasks = [
            {name: value for name, value in task.items() if name != "application"}
            | {"name": task["name"] or task["key"], "applicationId": ids.get(task["application"])}
            for task in wanted["tasks"]
        ]
        await api.change(queries.SAVE_TEMPLATE, **wanted | {"tasks": tasks, "onlyIfChanged": True})

    return do
