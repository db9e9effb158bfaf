"""Plans for workflow templates: a difference to the latest version makes a new version."""

from collections.abc import Iterator, Sequence, Set
from typing import Any

from app.cli.apply import queries
from app.cli.apply.diff import Difference
from app.cli.apply.files import Document
from app.cli.apply.plans import Plan, Step, changes, document_error, refuse_hidden
from app.cli.apply.specs import STEP_ATTEMPTS, STEP_SECONDS, WorkflowTemplate
from app.cli.client import Api, Data

KEY_FIELDS = (("parameters", "name"), ("tasks", "key"))


async def plan(api: Api, document: Document, spec: WorkflowTemplate, new_applications: Set[str]) -> Plan:
    """Return the plan that saves a template, after the new applications exist. Raises ApiError."""
    declared = spec.fields()
    for name in {task["application"] for task in declared["tasks"] if task["application"]} - new_applications:
        if (await api.query(queries.APPLICATION_ID, name=name))["application"] is None:
            raise document_error(document, f"tasks: There is no application “{name}”.")
    current = (await api.query(queries.TEMPLATE, name=declared["name"]))["workflowTemplate"]
    if current is not None and current["archivedAt"]:
        raise document_error(document, "It is archived and cannot be changed.")
    if current is not None:
        refuse_hidden(document, {task["key"]: task["command"] for task in current["latest"]["tasks"]})
    differences = _differences(current, declared)
    return Plan(document, current is not None, differences, (_save(declared),) if differences else ())


def _differences(current: Data | None, declared: Data) -> tuple[Difference, ...]:
    """Return the differences of description, tasks and parameters, and of the order of the latter two."""
    tasks = [_with_defaults(task) for task in declared["tasks"]]
    description = {"description": declared["description"]} if declared["description"] else {}
    declared_fields = description | _by_key(declared["parameters"], tasks)
    if current is None:
        return changes(None, declared_fields)
    latest = current["latest"]
    current_description = {name: current[name] for name in description}
    field_changes = changes(current_description | _by_key(latest["parameters"], latest["tasks"]), declared_fields)
    return (*field_changes, *_order_differences(latest, declared))


def _order_differences(before: Data, after: Data) -> Iterator[Difference]:
    """Yield the orders that differ, of the parameters and tasks that are on both sides."""
    for name, key in KEY_FIELDS:
        old, new = [item[key] for item in before[name]], [item[key] for item in after[name]]
        if [item for item in old if item in new] != [item for item in new if item in old]:
            yield Difference(name, old, new)


def _by_key(parameters: Sequence[Data], tasks: Sequence[Data]) -> dict[str, Any]:
    return {
        "parameters": {parameter["name"]: parameter for parameter in parameters},
        "tasks": {task["key"]: task for task in tasks},
    }


def _with_defaults(task: Data) -> dict[str, Any]:
    """Return a task as the API shows it."""
    command = {"timeoutSeconds": STEP_SECONDS, "maxAttempts": STEP_ATTEMPTS} | (task["command"] or {})
    limits = {name: command[name] if task[name] is None else task[name] for name in ("timeoutSeconds", "maxAttempts")}
    fields = {name: value for name, value in task.items() if name != "application"}
    return fields | limits | {"name": task["name"] or task["key"], "applicationName": task["application"]}


def _save(declared: Data) -> Step:
    """Return the step that saves a version. It looks up the ids of applications when it runs."""

    async def run(api: Api) -> None:
        names = {task["application"] for task in declared["tasks"] if task["application"]}
        ids = {name: (await api.query(queries.APPLICATION_ID, name=name))["application"]["id"] for name in names}
        tasks = [
            {name: value for name, value in task.items() if name != "application"}
            | {"name": task["name"] or task["key"], "applicationId": ids.get(task["application"])}
            for task in declared["tasks"]
        ]
        await api.mutate(queries.SAVE_TEMPLATE, **declared | {"tasks": tasks, "onlyIfChanged": True})

    return run
