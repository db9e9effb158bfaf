"""Plans for environments, with their approval policy and freeze windows."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.cli.apply import queries
from app.cli.apply.diff import Difference, differences
from app.cli.apply.files import Document
from app.cli.apply.plans import Plan, Step, changes, document_error, mutation, top_fields
from app.cli.apply.specs import Environment
from app.cli.client import Api, Data


@dataclass(slots=True)
class _EnvironmentPlan:
    """The steps for one environment, whose id is known only when it exists."""

    id: str | None
    steps: list[Step] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def add(self, document: str, fields: Data) -> None:
        """Add a mutation that takes the id of the environment."""

        async def run(api: Api) -> None:
            await api.mutate(document, environmentId=self.id, **fields)

        self.steps.append(run)

    def add_creation(self, fields: Data) -> None:
        """Add the mutation that creates the environment."""

        async def run(api: Api) -> None:
            self.id = (await api.mutate(queries.CREATE_ENVIRONMENT, **fields))["environment"]["id"]

        self.steps.append(run)


async def plan(api: Api, document: Document, spec: Environment) -> Plan:
    """Return the plan that creates or updates an environment. Raises ApiError."""
    declared = spec.fields()
    name, windows = declared.pop("name"), declared.pop("freezeWindows", None)
    current = (await api.query(queries.ENVIRONMENT, name=name))["environment"]
    declares_policy, policy = "approvalPolicy" in declared, declared.pop("approvalPolicy", None)
    current_windows = current.pop("freezeWindows") if current else []
    current_policy = current.pop("approvalPolicy") if current else None
    steps = _EnvironmentPlan(current.pop("id") if current else None)
    steps.differences += changes(current, _without_kubeconfig(declared))
    if current is None:
        steps.add_creation({"name": name} | declared)
    elif current["operator"] != declared["operator"]:
        raise document_error(document, f"operator: It is {current['operator']} and cannot be changed.")
    elif steps.differences:
        fields = {"id": steps.id} | top_fields(steps.differences, declared)
        steps.steps.append(mutation(queries.UPDATE_ENVIRONMENT, fields))
    if declares_policy:
        _plan_policy(steps, current_policy, policy)
    if windows is not None:
        names = [window["name"] for window in windows]
        if len(set(names)) < len(names):
            raise document_error(document, "freezeWindows: Two windows have the same name.")
        _plan_windows(steps, current_windows, windows)
    return Plan(document, current is not None, tuple(steps.differences), tuple(steps.steps))


def _without_kubeconfig(declared: Data) -> Data:
    """Return the fields that the API shows: it does not show the path of the kubeconfig."""
    if not declared["kubernetes"]:
        return declared
    kubernetes = {name: value for name, value in declared["kubernetes"].items() if name != "kubeconfigPath"}
    return declared | {"kubernetes": kubernetes}


def _plan_policy(steps: _EnvironmentPlan, current: Data | None, declared: Data | None) -> None:
    if declared is not None:
        declared["approverRoles"] = list(dict.fromkeys(declared["approverRoles"]))
    policy_differences = list(differences({"approvalPolicy": current}, {"approvalPolicy": declared}))
    if policy_differences:
        steps.differences += policy_differences
        steps.add(queries.SET_APPROVAL_POLICY, declared or {"requiredApprovals": 0})


def _plan_windows(steps: _EnvironmentPlan, current: list[Data], declared: list[Data]) -> None:
    """Create new windows before old ones are deleted, so that a changed window leaves no gap."""
    current_by_name: dict[str, list[Data]] = defaultdict(list)
    for window in current:
        current_by_name[window["name"]].append(window)
    obsolete_ids: list[str] = []
    for window in declared:
        name = window["name"]
        same_name = current_by_name.pop(name, [])
        unchanged = next((candidate for candidate in same_name if not changes(_fields(candidate), window)), None)
        obsolete_ids += [candidate["id"] for candidate in same_name if candidate is not unchanged]
        if unchanged is not None or _is_past(window):
            continue
        steps.differences += _window_differences(name, same_name[0] if same_name else None, window)
        steps.add(queries.CREATE_FREEZE_WINDOW, window)
    obsolete_ids += [window["id"] for windows in current_by_name.values() for window in windows]
    declared_names = {window["name"] for window in declared}
    for window in current:
        if window["id"] in obsolete_ids:
            if window["name"] not in declared_names:
                steps.differences += [Difference(f"freezeWindows.{window['name']}", _fields(window), None)]
            steps.steps.append(mutation(queries.DELETE_FREEZE_WINDOW, {"id": window["id"]}))


def _fields(window: Data) -> dict[str, Any]:
    return {name: value for name, value in window.items() if name != "id"}


def _window_differences(name: str, before: Data | None, after: Data) -> Iterator[Difference]:
    if before is None:
        yield Difference(f"freezeWindows.{name}", None, after)
        return
    for change in changes(_fields(before), after):
        yield Difference(f"freezeWindows.{name}.{change.field}", change.before, change.after)


def _is_past(window: Data) -> bool:
    """Return whether a window does not recur and is over: it is not created, and is kept where it exists."""
    return window["recurrence"] is None and datetime.fromisoformat(window["endsAt"]) <= datetime.now(UTC)
