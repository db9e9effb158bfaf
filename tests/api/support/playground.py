"""A world with an object of every kind that gets odd values, and the checks that must hold afterwards.

No list has an error. Everything that was stored can be sent back as it is read, and is then unchanged.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from app.cli.apply.queries import APPLICATION, STEP
from app.core.ids import workflow_of
from tests.api.support.odd_arguments import CORE, Place, draw_values, operation, selection, to_json
from tests.api.support.people import account
from tests.support.client import Client, Data
from tests.support.system import ADMIN, System
from tests.support.world import World, task, unique, world

KINDS = {
    "FreezeWindow": "freezeWindow",
    "Template": "template",
    "ApiTokens": "account",
    "ApiToken": "token",
    "Application": "application",
    "Environment": "environment",
    "Version": "version",
    "Task": "task",
    "Rollout": "task",
    "Deployment": "deployment",
    "deployment": "deployment",
    "task": "task",
}
"""What a root field's `id` is of, by a part of its name."""
HARMFUL = ("archive", "revoke", "delete")
LISTS = (
    """{ environments { id name rank freeze { frozen nextStart nextEnd window { id } } releases { since }
      freezeWindows { id name reason startsAt endsAt recurrence timezone } } }""",
    """{ deployments(first: 40) { nodes { id status gate { canProceed blockers { kind message until } }
      workflow { revision levels criticalPath } rollouts { __typename }
      viewerCan { retry { reason } rollback { reason } editWorkflow { reason } }
      tasks { key payload blockers { kind } } } } }""",
    "{ applications(first: 500) { nodes { id description deploy { __typename } } } }",
    "{ versions(first: 500) { nodes { id name artifacts { image } } } }",
    "{ workflowTemplates(first: 500) { nodes { id latest { tasks { key payload } parameters { name } } } } }",
    "{ auditLog(first: 200) { nodes { id before after reason } } }",
    "{ myApprovals { nodes { id viewerCanDecide { reason } } } }",
)
WINDOW = "name reason startsAt endsAt recurrence timezone"
GRAPH = f"key name type appId requireConfirm payload timeoutSeconds maxAttempts position {{ x y }} command {STEP}"
TEMPLATE = f"""query($id: ID!) {{ workflowTemplate(id: $id) {{ name description latest {{ note
  parameters {{ name description default required choices }}
  tasks {{ key name type applicationName blockBy requireConfirm command {STEP} payload timeoutSeconds maxAttempts
    position {{ x y }} }} }} }} }}"""


@dataclass(frozen=True, slots=True)
class KeepAliveClient(Client):
    """A client that keeps its connection."""

    http: httpx.AsyncClient

    async def post(self, document: str, variables: Mapping[str, Any] | None = None) -> httpx.Response:
        """Send an operation and return the whole response."""
        return await self.http.post(
            "/graphql", content=to_json({"query": document, "variables": dict(variables or {})})
        )


@dataclass(slots=True)
class Playground:
    """The world and the ids of its objects. The test may destroy the `victims`.

    `seen` has the objects that were already sent back. `changed` means that the deployment has to be created again.
    """

    system: System
    environment: World
    http: httpx.AsyncClient
    ids: dict[str, str] = field(default_factory=dict)
    victims: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    changed: bool = True

    @property
    def admin(self) -> "KeepAliveClient":
        """The ADMIN of everything."""
        return KeepAliveClient(self.system.url, ADMIN, self.http)

    async def post(self, request: Mapping[str, Any]) -> tuple[int, Any]:
        """Send an operation, and return the status and the answer."""
        response = await self.http.post("/graphql", content=to_json(request).encode())
        return response.status_code, response.json()

    async def deployment(self) -> None:
        """Return a deployment of two tasks that has not started, a new one if the last was changed."""
        if self.changed:
            tasks = [task("a"), task("b", "a")]
            id_ = await self.environment.deploy(self.ids["version"], autoStart=False, tasks=tasks)
            data = await self.admin.query("query($id: ID!) { deployment(id: $id) { tasks { id } } }", id=id_)
            self.ids |= {"deployment": id_, "task": data["deployment"]["tasks"][0]["id"]}
            self.ids["workflow"] = workflow_of(id_)
            self.changed = False

    def usual(self, name: str) -> dict[str, Any]:
        """Return valid values for the input fields of a root field, by input and field name."""
        kind = next((kind for part, kind in KINDS.items() if part in name), "application")
        ids = {f"{kind}Id": id_ for kind, id_ in self.ids.items()}
        return ids | {
            "id": (self.victims if name.startswith(HARMFUL) else self.ids).get(kind, self.ids[kind]),
            "name": unique("n"),
            "key": "n" if name == "addTask" else "a",
            "mustInOrder": [],
            "actorId": self.ids["account"],
            "createdById": self.ids["account"],
            "serviceAccountId": self.ids["account"],
            "targetId": self.ids["application"],
            "approvalIds": [self.ids["approval"]],
            "from": "a",
            "to": "b",
            "revision": 1,
            "command": ["true"],
            "endsAt": "2030-01-02T00:00:00Z",
            "prometheusUrl": "http://127.0.0.1:1",
            "workload": "w",
            "container": "c",
            "CreateApplicationInput": {"shell": {"command": ["true"]}},
            "MetricCheckInput": {"min": 1},
            "WorkflowTaskInput": {"command": {"command": ["true"]}},
            "CreateDeploymentInput": {"autoStart": False},
            "SaveWorkflowTemplateInput": {"tasks": [task("a")]},
        }


@asynccontextmanager
async def playground(system: System) -> AsyncIterator[Playground]:
    """Create a world with an object of every kind."""
    headers = {"authorization": f"Bearer {ADMIN}", "content-type": "application/json"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, trust_env=False, timeout=30) as http:
        yield await _playground(system, http)


async def _playground(system: System, http: httpx.AsyncClient) -> Playground:
    environment = await world(system.admin)
    ground = Playground(system, environment, http)
    application = await environment.application("web")
    await environment.application("api")
    version = await environment.version()
    pending_id = await environment.deploy(version, manualApproval=True, tasks=[task("a")])
    ended_id = await environment.deploy(version, autoStart=False)
    await system.admin.change("cancelDeployment", "deployment { id }", id=ended_id, reason="it is to have ended")
    other_environment = await world(system.admin)
    window = {"environmentId": other_environment.environment_id, "name": "w", "reason": "r"}
    window |= {"startsAt": "2030-01-01T00:00:00Z", "endsAt": "2030-01-02T00:00:00Z"}
    for _ in range(2):
        frozen = await system.admin.change("createFreezeWindow", "environment { freezeWindows { id } }", **window)
    kept_window, deleted_window = (item["id"] for item in frozen["environment"]["freezeWindows"])
    await system.admin.change("deleteFreezeWindow", "__typename", id=deleted_window)
    saved = await system.admin.change(
        "saveWorkflowTemplate",
        "template { id } version { id }",
        name="t",
        tasks=[task("a")],
        parameters=[{"name": "p"}],
    )
    other_template = await system.admin.change("saveWorkflowTemplate", "template { id }", name="u", tasks=[task("a")])
    elsewhere = World(system.admin, other_environment.environment_id)
    somebody, nobody = [await account(system.admin, {"role": "VIEWER"}) for _ in range(2)]
    token = await system.admin.change(
        "createApiToken", "token { id }", name="t", scopes=["VIEWER"], serviceAccountId=somebody.id
    )
    data = await system.admin.query(
        "query($id: ID!) { deployment(id: $id) { approvals { id } } auditLog(first: 1) { nodes { id } } }",
        id=pending_id,
    )
    ground.ids |= {
        "environment": environment.environment_id,
        "application": application,
        "version": version,
        "template": saved["template"]["id"],
        "templateVersion": saved["version"]["id"],
        "freezeWindow": kept_window,
        "goneWindow": deleted_window,
        "account": somebody.id,
        "token": token["token"]["id"],
        "approval": data["deployment"]["approvals"][0]["id"],
        "entry": data["auditLog"]["nodes"][0]["id"],
        "ended": ended_id,
    }
    ground.victims |= {
        "application": await elsewhere.application("other"),
        "environment": other_environment.environment_id,
        "version": await elsewhere.version(),
        "template": other_template["template"]["id"],
        "freezeWindow": deleted_window,
        "account": nobody.id,
        "deployment": await elsewhere.deploy(autoStart=False),
    }
    await ground.deployment()
    return ground


def refusals(place: object, value: object, form: str, status: int, answer: Any) -> list[Data]:
    """Return the errors of an answer.

    Each must say what is wrong with the input, and none may be internal.
    """
    description = (str(place), repr(value)[:60], form)
    assert status in (200, 400, 413), (*description, status, str(answer)[:300])
    text = json.dumps(answer)
    assert "INTERNAL" not in text and "Traceback" not in text, (*description, text[:500])
    errors = list(answer.get("errors") or ())
    for payload in (answer.get("data") or {}).values():
        if isinstance(payload, dict):
            errors += payload.get("errors") or ()
    assert all(error["message"] for error in errors), (*description, text[:300])
    return errors


async def send(ground: Playground, place: Place, chance: Random, most: int) -> None:
    """Send odd values to a place."""
    root = {"query": "Query", "mutation": "Mutation"}[place.root]
    kind = selection(_result(root, place.field))
    for value, form in draw_values(place, ground.victims, chance, most):
        if place.root == "mutation":
            await ground.deployment()
        request = operation(place, ground.usual(place.field), value, form, kind)
        status, answer = await ground.post(request)
        problems = refusals(place, value, form, status, answer)
        if place.root == "mutation" and not problems:
            ground.changed = True


def _result(root: str, field_name: str) -> Any:
    type_: Any = CORE.type_map[root]
    return type_.fields[field_name].type


async def check_lists(ground: Playground) -> None:
    """Read every list with all computed fields of its items."""
    for document in LISTS:
        status, answer = await ground.post({"query": document})
        assert status == 200 and "errors" not in answer, (document, answer.get("errors"))


async def check_round_trip(ground: Playground) -> None:
    """Send everything that is new as it is read. It must be accepted, and is then unchanged."""
    admin = ground.admin
    names = await admin.query(
        "{ applications(first: 500) { nodes { id name } } environments { id name operator rank } }"
    )
    ids = {application["name"]: application["id"] for application in names["applications"]["nodes"]}
    for name in [name for name, id_ in ids.items() if _is_new(ground, id_)]:
        await _application(admin, name)
    for environment in names["environments"]:
        if _is_new(ground, environment["id"]):
            await _environment(admin, environment)
    for environment in (await admin.query("{ environments { id freezeWindows { id " + WINDOW + " } } }"))[
        "environments"
    ]:
        for window in environment["freezeWindows"]:
            if _is_new(ground, window["id"]):
                await _window(admin, environment["id"], window)
    versions = await admin.query(
        "{ versions(first: 100) { nodes { id name commit artifacts { image application { id } } } } }"
    )
    for version in versions["versions"]["nodes"]:
        if _is_new(ground, version["id"]):
            ground.seen.add(await _version(admin, version))
    templates = await admin.query("{ workflowTemplates(first: 500) { nodes { id latest { id } } } }")
    for template in templates["workflowTemplates"]["nodes"]:
        if _is_new(ground, template["latest"]["id"]):
            await _template(ground, template["id"], ids)
    deployments = await admin.query("{ deployments(first: 60) { nodes { id status } } }")
    for deployment in deployments["deployments"]["nodes"]:
        id_ = deployment["id"]
        if deployment["status"] == "PENDING" and _is_new(ground, id_) and id_ != ground.ids["deployment"]:
            await _graph(admin, id_)


def _is_new(ground: Playground, id_: str) -> bool:
    new = id_ not in ground.seen
    ground.seen.add(id_)
    return new


async def _application(admin: Client, name: str) -> None:
    application = (await admin.query(APPLICATION, name=name))["application"]
    fields = {key: value for key, value in application.items() if key not in ("archivedAt", "deploy")}
    target = dict(application["deploy"])
    fields["shell" if target.pop("__typename") == "ShellTarget" else "kubernetes"] = target
    await admin.change("updateApplication", "__typename", **fields)
    assert (await admin.query(APPLICATION, name=name))["application"] == application


async def _environment(admin: Client, environment: Data) -> None:
    fields = "name rank operator workerPool buildPool maxConcurrentDeployments kubernetes { context namespace }"
    policy = "requiredApprovals approverRoles allowSelfApproval trustBuilds timeoutSeconds onTimeout"
    document = f"query($id: ID!) {{ environment(id: $id) {{ id {fields} approvalPolicy {{ {policy} }} }} }}"
    current = (await admin.query(document, id=environment["id"]))["environment"]
    current_fields = {key: value for key, value in current.items() if key not in ("name", "operator", "approvalPolicy")}
    await admin.change("updateEnvironment", "__typename", **current_fields)
    if current["approvalPolicy"]:
        await admin.change(
            "setApprovalPolicy", "__typename", environmentId=environment["id"], **current["approvalPolicy"]
        )
    assert (await admin.query(document, id=environment["id"]))["environment"] == current


async def _window(admin: Client, environment_id: str, window: Data) -> None:
    fields = {key: value for key, value in window.items() if key != "id"}
    await admin.change("deleteFreezeWindow", "__typename", id=window["id"])
    payload = await admin.change(
        "createFreezeWindow", "environment { freezeWindows { " + WINDOW + " } }", environmentId=environment_id, **fields
    )
    assert fields in payload["environment"]["freezeWindows"]


async def _version(admin: Client, version: Data) -> str:
    artifacts = [
        {"applicationId": artifact["application"]["id"], "image": artifact["image"]}
        for artifact in version["artifacts"]
    ]
    fields = {"name": version["name"], "commit": version["commit"]}
    payload = await admin.change("createVersion", "version { id name commit }", artifacts=artifacts, **fields)
    assert {key: payload["version"][key] for key in fields} == fields
    return str(payload["version"]["id"])


async def _template(ground: Playground, id_: str, ids: Mapping[str, str]) -> None:
    current = (await ground.admin.query(TEMPLATE, id=id_))["workflowTemplate"]
    latest = current["latest"]
    tasks = [
        {key: value for key, value in task.items() if key != "applicationName"}
        | {"applicationId": ids.get(task["applicationName"])}
        for task in latest["tasks"]
    ]
    fields = {key: current[key] for key in ("name", "description")} | {"note": latest["note"]}
    payload = await ground.admin.change(
        "saveWorkflowTemplate", "version { id }", tasks=tasks, parameters=latest["parameters"], **fields
    )
    ground.seen.add(payload["version"]["id"])
    assert (await ground.admin.query(TEMPLATE, id=id_))["workflowTemplate"] == current


async def _graph(admin: Client, id_: str) -> None:
    document = f"""query($id: ID!) {{ deployment(id: $id) {{ mustInOrder
      workflow {{ revision edges {{ fromKey toKey }} tasks {{ {GRAPH} }} }} }} }}"""
    workflow = (await admin.query(document, id=id_))["deployment"]["workflow"]
    tasks = [
        {key: value for key, value in task.items() if key != "appId"}
        | {"applicationId": task["appId"]}
        | {"blockBy": [edge["fromKey"] for edge in workflow["edges"] if edge["toKey"] == task["key"]]}
        for task in workflow["tasks"]
    ]
    await admin.change(
        "updateWorkflow", "__typename", deploymentId=id_, expectedRevision=workflow["revision"], tasks=tasks
    )
    new_workflow = (await admin.query(document, id=id_))["deployment"]["workflow"]
    assert new_workflow["tasks"] == workflow["tasks"]
