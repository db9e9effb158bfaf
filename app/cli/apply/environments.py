"""Environments that are declared, with their approval policy and freeze windows."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.cli.apply import queries
from app.cli.apply.diff import Difference, differences
from app.cli.apply.files import Declared
from app.cli.apply.plans import Do, Plan, call, changed, fault, top_fields
from app.cli.apply.specs import Environment
from app.cli.client import Api, Data


@dataclass(slots=True)
class _Place:
    """An environment whose id may be yet to come."""

    id: str | None
    steps: list[Do] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def add(self, document: str, fields: Data) -> None:
        """Add a mutation of the environment."""

        async def do(api: Api) -> None:
            await api.change(document, environmentId=self.id, **fields)

        self.steps.append(do)

    def create(self, fields: Data) -> None:
        """Add the mutation that makes it."""

        async def do(api: Api) -> None:
            self.id = (await api.change(queries.CREATE_ENVIRONMENT, **fields))["environment"]["id"]

        self.steps.append(do)


async def plan(api: Api, declared: Declared, spec: Environment) -> Plan:
    """Return what brings an environment in line. Raises ApiError."""
    wanted = spec.fields()
    name, windows = wanted.pop("name"), wanted.pop("freezeWindows", None)
    found = (await api.query(queries.ENVIRONMENT, name=name))["environment"]
    has_policy, policy = "approvalPolicy" in wanted, wanted.pop("approvalPolicy", None)
    known = found.pop("freezeWindows") if found else []
    known_policy = found.pop("approvalPolicy") if found else None
    place = _Place(found.pop("id") if found else None)
    place.differences += changed(found, _shown(wanted))
    if found is None:
        place.create({"name": name} | wanted)
    elif found["operator"] != wanted["operator"]:
        raise fault(declared, f"operator: It is {found['operator']}, which can not be changed.")
    elif place.differences:
        given = {"id": place.id} | top_fields(place.differences, wanted)
        place.steps.append(call(queries.UPDATE_ENVIRONMENT, given))
    if has_policy:
        _plan_policy(place, known_policy, policy)
    if windows is not None:
        names = [window["name"] for window in windows]
        if len(set(names)) < len(names):
            raise fault(declared, "freezeWindows: Two of them have the same name.")
        _plan_windows(place, known, windows)
    return Plan(declared, found is not None, tuple(place.differences), tuple(place.steps))


def _shown(wanted: Data) -> Data:
    """Return the fields as the API shows them: where a kubeconfig is, it does not tell."""
    if not wanted["kubernetes"]:
        return wanted
    return wanted | {"kubernetes": {k: v for k, v in wanted["kubernetes"].items() if k != "kubeconfigPath"}}


def _plan_policy(place: _Place, known: Data | None, wanted: Data | None) -> None:
    if wanted is not None:
        wanted["approverRoles"] = list(dict.fromkeys(wanted["approverRoles"]))
    differing = list(differences({"approvalPolicy": known}, {"approvalPolicy": wanted}))
    if differing:
        place.differences += differing
        place.add(queries.SET_APPROVAL_POLICY, wanted or {"requiredApprovals": 0})


def _plan_windows(place: _Place, known: list[Data], wanted: list[Data]) -> None:
    """New ones come first and old ones go last, so that changing a window leaves no gap."""
    there: dict[str, list[Data]] = defaultdict(list)
    for window in known:
        there[window["name"]].append(window)
    gone: list[str] = []
    for window in wanted:
        name = window["name"]
        same = [other for other in there[name] if not changed(_fields(other), window)]
        gone += [other["id"] for other in there.pop(name) if other is not (same[0] if same else None)]
        if same or _is_past(window):
            continue
        place.differences += _told(name, next((other for other in known if other["name"] == name), None), window)
        place.add(queries.CREATE_FREEZE_WINDOW, window)
    gone += [window["id"] for windows in there.values() for window in windows]
    kept = {window["name"] for window in wanted}
    for window in known:
        if window["id"] in gone:
            if window["name"] not in kept:
                place.differences += [Difference(f"freezeWindows.{window['name']}", _fields(window), None)]
            place.steps.append(call(queries.DELETE_FREEZE_WINDOW, {"id": window["id"]}))


def _fields(window: Data) -> dict[str, Any]:
    return {name: value for name, value in window.items() if name != "id"}


def _told(name: str, before: Data | None, after: Data) -> Iterator[Difference]:
    if before is None:
        yield Difference(f"freezeWindows.{name}", None, after)
        return
    for each in changed(_fields(before), after):
        yield Difference(f"freezeWindows.{name}.{each.field}", each.before, each.after)


def _is_past(window: Data) -> bool:
    """Tell whether a window came once and is over: it is not made any more, and stays where it is there."""
    return window["recurrence"] is None and datetime.fromisoformat(window["endsAt"]) <= datetime.now(UTC)
