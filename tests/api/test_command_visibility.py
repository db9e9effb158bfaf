"""Commands and variables over the API.

Values for deployers of an application stay hidden from all others.
"""

import json
from typing import Any

import pytest

from tests.api.support.people import account, codes
from tests.api.support.wire import events
from tests.support.client import Client
from tests.support.system import System
from tests.support.world import World, unique, world

SECRET, ARGUMENT = "hunter2-very-secret", "argument-of-mine"
STEP = {"command": ["make", ARGUMENT], "env": {"DB_PASSWORD": SECRET}}
COMMAND = "{ command env }"
APPLICATION = f"""id build {COMMAND} test {COMMAND} deploy {{ ... on ShellTarget {{ command rollbackCommand }} }}
  healthCheck {{ command httpUrl metrics {{ prometheusUrl query }} }}"""
TASK = f"key command {COMMAND}"
CHANGED = f"changed {{ before {{ {TASK} }} after {{ {TASK} }} }} added {{ {TASK} }} removed {{ {TASK} }}"
DEFINITIONS = f"definitions {{ {APPLICATION.removeprefix('id ')} }}"
DEPLOYMENT = f"""{DEFINITIONS} applications {{ {APPLICATION} }} tasks {{ {TASK} application {{ {APPLICATION} }} }}
  workflow {{ tasks {{ {TASK} }} revisions {{ tasks {{ {TASK} }} }} revisionAt(number: 1) {{ tasks {{ {TASK} }} }}
    diff(from: 1, to: 2) {{ {CHANGED} }} }}"""
TEMPLATE = f"latest {{ tasks {{ {TASK} }} }} versions {{ tasks {{ {TASK} }} }} diff(from: 1, to: 2) {{ {CHANGED} }}"
WAYS = {
    "application": (f"query($id: ID!) {{ application(id: $id) {{ {APPLICATION} }} }}", "application"),
    "applications": (f"{{ applications(first: 500) {{ nodes {{ {APPLICATION} }} }} }}", ""),
    "node": (f"query($id: ID!) {{ node(id: $id) {{ ... on Application {{ {APPLICATION} }} }} }}", "application"),
    "version": (
        f"query($id: ID!) {{ version(id: $id) {{ artifacts {{ application {{ {APPLICATION} }} }} }} }}",
        "version",
    ),
    "template": (f"query($id: ID!) {{ workflowTemplate(id: $id) {{ {TEMPLATE} }} }}", "template"),
    "deployment": (f"query($id: ID!) {{ deployment(id: $id) {{ {DEPLOYMENT} }} }}", "deployment"),
    "plan": (
        "query($input: CreateDeploymentInput!) { deploymentPlan(input: $input) { tasks { " + TASK + " }"
        f" {DEFINITIONS} }} }}",
        "plan",
    ),
}


class Place:
    """An application with secrets in each of its commands, with a deployment and a template of it."""

    def __init__(self, environment: World, ids: dict[str, Any]) -> None:
        self.environment, self.ids = environment, ids

    async def read_as_text(self, client: Client, way: str) -> str:
        """Return all values that a client can read by one route, as text."""
        document, of = WAYS[way]
        fields = {"input": self.ids["plan"]} if of == "plan" else {"id": self.ids[of]} if of else {}
        return json.dumps(await client.execute(document, **fields))


async def place(system: System) -> Place:
    environment = await world(system.admin)
    shell = {"command": ["ship", ARGUMENT], "rollbackCommand": ["back", ARGUMENT]}
    metric = {"name": "m", "prometheusUrl": f"http://u:{ARGUMENT}@p:9090", "query": ARGUMENT, "max": 1}
    check = {"command": ["ask", ARGUMENT], "metrics": [metric]}
    app = await environment.application("shop", build=STEP, test=STEP, shell=shell, healthCheck=check)
    version = await environment.version()
    deployment = await environment.deploy(version, autoStart=False)
    extra = {"key": "x", "name": "x", "type": "CUSTOM", "applicationId": app, "command": STEP}
    await system.admin.change(
        "addTask", "workflow { revision }", deploymentId=deployment, expectedRevision=1, task=extra
    )
    name = unique("template")
    for number in (1, 2):
        tasks = [extra | {"key": f"t{number}"}, extra | {"key": "own", "applicationId": None}]
        payload = await system.admin.change("saveWorkflowTemplate", "template { id }", name=name, tasks=tasks)
    plan = {"versionId": version, "environmentIds": [environment.environment_id]}
    ids = {"application": app, "version": version, "deployment": deployment, "template": payload["template"]["id"]}
    return Place(environment, ids | {"plan": plan})


@pytest.mark.parametrize("way", WAYS)
async def test_values_of_variables_are_visible_to_deployers_only(shared: System, way: str) -> None:
    scene = await place(shared)
    env, app = scene.environment.environment_id, scene.ids["application"]
    other_application_id = await scene.environment.application("other")
    stranger = await account(shared.admin, {"role": "DEPLOYER", "applicationId": other_application_id})
    viewer = await account(shared.admin, {"role": "VIEWER", "environmentId": env, "applicationId": app})
    approver = await account(shared.admin, {"role": "APPROVER", "environmentId": env})
    narrow = await account(shared.admin, {"role": "ADMIN"}, scopes=["VIEWER", "APPROVER"])
    for somebody in (stranger, viewer, approver, narrow):
        assert SECRET not in await scene.read_as_text(somebody.client, way)
    text = await scene.read_as_text(stranger.client, way)
    assert ARGUMENT not in text or way == "template"  # tasks without an application are visible to all viewers
    for somebody in (viewer, approver, narrow):
        text = await scene.read_as_text(somebody.client, way)
        assert ARGUMENT in text and "DB_PASSWORD" in text
    deployer = await account(shared.admin, {"role": "DEPLOYER", "applicationId": app})
    for client in (deployer.client, shared.admin):
        text = await scene.read_as_text(client, way)
        assert SECRET in text and ARGUMENT in text and ("***" not in text or way == "applications")


async def test_a_feed_hides_the_same_values(shared: System) -> None:
    scene = await place(shared)
    document = f"""subscription($id: ID!) {{ deploymentEvents(id: $id) {{ events {{
      ... on DeploymentStatusChanged {{ deployment {{ applications {{ {APPLICATION} }} tasks {{ {TASK} }}
        template {{ tasks {{ {TASK} }} }} }} }} }} }} }}"""
    env = scene.environment.environment_id
    viewer = await account(shared.admin, {"role": "VIEWER", "environmentId": env})
    for client, sees in ((viewer.client, False), (shared.admin, True), (viewer.client, False)):
        stream = events(client, document, id=scene.ids["deployment"])
        text = json.dumps(await anext(stream))
        assert (SECRET in text) is sees and "DB_PASSWORD" in text
        await stream.aclose()


async def test_saving_a_deployment_as_a_template_needs_visible_values(shared: System) -> None:
    scene = await place(shared)
    env = scene.environment.environment_id
    other_application_id = await scene.environment.application("other")
    somebody = await account(
        shared.admin,
        {"role": "VIEWER", "environmentId": env},
        {"role": "DEPLOYER", "applicationId": other_application_id},
    )
    fields = {"name": unique("t"), "fromDeploymentId": scene.ids["deployment"]}
    answer = await somebody.client.mutate("saveWorkflowTemplate", "template { id }", **fields)
    assert codes(answer) == ["FORBIDDEN"]
    assert codes(await shared.admin.mutate("saveWorkflowTemplate", "template { id }", **fields)) == []


async def test_the_author_of_a_template_sees_its_values(shared: System) -> None:
    environment = await world(shared.admin)
    author = await account(shared.admin, {"role": "DEPLOYER", "environmentId": environment.environment_id})
    deployer = await account(shared.admin, {"role": "DEPLOYER", "environmentId": environment.environment_id})
    task = {"key": "t", "name": "t", "type": "CUSTOM", "command": STEP}
    payload = await author.client.change("saveWorkflowTemplate", "template { id }", name=unique("t"), tasks=[task])
    document = WAYS["template"][0].replace("diff(from: 1, to: 2)", "diff(from: 1, to: 1)")
    for client, sees in ((author.client, True), (deployer.client, False), (shared.admin, True)):
        text = json.dumps(await client.query(document, id=payload["template"]["id"]))
        assert (SECRET in text) is sees and ARGUMENT in text


HIDDEN: list[tuple[dict[str, Any], list[str]]] = [
    ({"build": {"command": ["true"], "env": {"A": "***"}}}, ["build", "env", "A"]),
    ({"test": {"command": ["***"]}}, ["test", "command"]),
    ({"shell": {"command": ["***"]}}, ["shell", "command"]),
]


@pytest.mark.parametrize(("change", "path"), HIDDEN)
async def test_the_placeholder_of_hidden_values_is_not_stored(
    shared: System, change: dict[str, Any], path: list[str]
) -> None:
    environment = await world(shared.admin)
    app = await environment.application("shop")
    answer = await shared.admin.mutate("updateApplication", "application { id }", id=app, **change)
    assert [error["path"] for error in answer["errors"]] == [path]
    task = {"key": "t", "name": "t", "type": "CUSTOM", "command": HIDDEN[0][0]["build"]}
    answer = await shared.admin.mutate("saveWorkflowTemplate", "template { id }", name=unique("t"), tasks=[task])
    assert codes(answer) == ["INVALID"]
