"""What grants on environments and applications make visible, by every route, and for how long."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
import websockets

from tests.api.support.people import account, codes
from tests.api.support.wire import begin, code, events, operate
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import World, unique, world

EVENTS = "subscription($id: ID!) { deploymentEvents(id: $id) { cursor events { __typename } } }"
LOGS = "subscription($id: ID!) { taskLogs(taskId: $id) { cursor } }"
LISTS = """query($places: [ID!], $version: ID!) {
  deployments(filter: { environmentIds: $places }) { totalCount nodes { id } }
  version(id: $version) { deployments { totalCount nodes { id } } }
  environments { id releases { application { id } } }
  applications { nodes { id releases { environment { id } } } }
}"""
ONE = """query($deployment: ID!, $task: ID!) {
  deployment(id: $deployment) { id } task(id: $task) { id }
  asNode: node(id: $deployment) { id } taskAsNode: node(id: $task) { id }
}"""


@dataclass(frozen=True, slots=True)
class Scene:
    """Two environments, two applications, one version and five successful deployments of it.

    Environments are named dev and prod, deployments "environment/applications".
    """

    ids: dict[str, str]
    version: str
    deployments: dict[str, str]
    tasks: dict[str, str]

    def grants(self, text: str, role: str = "VIEWER") -> list[Data]:
        """Return the grants that a text such as "dev/users prod/*" describes."""
        pairs = [pair.split("/") for pair in text.split()]
        return [
            {"role": role, "environmentId": self.ids.get(place), "applicationId": self.ids.get(application)}
            for place, application in pairs
        ]


@pytest.fixture(scope="module")
async def scene(shared: System) -> Scene:
    system = shared
    await system.start_worker()
    dev, prod = await world(system.admin), await world(system.admin)
    ids = {"dev": dev.environment_id, "prod": prod.environment_id}
    ids |= {name: await dev.application(name) for name in ("users", "orders")}
    version = await dev.version()
    deployments, tasks = {}, {}
    for name in ("dev/users", "dev/orders", "prod/users+orders", "prod/users", "prod/orders"):
        place, _, applications = name.partition("/")
        application_ids = [ids[application] for application in applications.split("+")]
        id_ = await dev.deploy(version, environmentIds=[ids[place]], applicationIds=application_ids)
        story = await system.admin.until(id_, "SUCCESS", "FAILED")
        deployments[name], tasks[name] = id_, story["tasks"][0]["id"]
    return Scene(ids, version, deployments, tasks)


ALL = "dev/users dev/orders prod/users+orders prod/users prod/orders"
RUNS = "dev/users dev/orders prod/users prod/orders"
SEES = {
    # grants: the deployments seen; the releases seen
    "dev/*": ("dev/users dev/orders", "dev/users dev/orders"),
    "prod/*": ("prod/users+orders prod/users prod/orders", "prod/users prod/orders"),
    "*/users": ("dev/users prod/users", "dev/users prod/users"),
    "dev/users": ("dev/users", "dev/users"),
    "prod/users prod/orders": ("prod/users+orders prod/users prod/orders", "prod/users prod/orders"),
    "prod/users dev/orders": ("prod/users dev/orders", "prod/users dev/orders"),
    "*/users */orders": (ALL, RUNS),
    "*/*": (ALL, RUNS),
}


@pytest.fixture(scope="module")
async def viewers(shared: System, scene: Scene) -> dict[str, Client]:
    return {grants: (await account(shared.admin, *scene.grants(grants))).client for grants in SEES}


def releases(answer: Data, ids: dict[str, str]) -> list[set[str]]:
    """Return the releases, as the environments and as the applications list them."""
    names = {id_: name for name, id_ in ids.items()}
    by_place = {
        (place["id"], release["application"]["id"]) for place in answer["environments"] for release in place["releases"]
    }
    by_application = {
        (release["environment"]["id"], application["id"])
        for application in answer["applications"]["nodes"]
        for release in application["releases"]
    }
    return [
        {f"{names[place]}/{names[application]}" for place, application in pairs if place in names}
        for pairs in (by_place, by_application)
    ]


async def test_lists_contain_exactly_the_granted_objects(scene: Scene, viewers: dict[str, Client]) -> None:
    places = [scene.ids["dev"], scene.ids["prod"]]
    for grants, (deployments, running) in SEES.items():
        data = await viewers[grants].query(LISTS, places=places, version=scene.version)
        expected = {scene.deployments[name] for name in deployments.split()}
        for listed in (data["deployments"], data["version"]["deployments"]):
            assert ({node["id"] for node in listed["nodes"]}, listed["totalCount"]) == (expected, len(expected)), grants
        assert releases(data, scene.ids) == [set(running.split())] * 2, grants


async def test_an_object_without_a_grant_looks_like_a_missing_one(scene: Scene, viewers: dict[str, Client]) -> None:
    async def check(grants: str, expected: list[str]) -> None:
        async with viewers[grants].socket() as socket:
            for name, id_ in scene.deployments.items():
                (item,) = await operate(socket, ONE, deployment=id_, task=scene.tasks[name])
                assert [value is not None for value in item["data"].values()] == [name in expected] * 4, (grants, name)
                for document, target in ((EVENTS, id_), (LOGS, scene.tasks[name])):
                    refused = {code(result) for result in await operate(socket, document, id=target)}
                    assert refused == ({None} if name in expected else {"NOT_FOUND"}), (grants, name)

    await asyncio.gather(*(check(grants, deployments.split()) for grants, (deployments, _) in SEES.items()))


async def test_mutations_do_not_find_invisible_objects(shared: System, scene: Scene) -> None:
    deployer = (await account(shared.admin, *scene.grants("dev/*", "DEPLOYER"))).client
    hidden, task = scene.deployments["prod/users"], scene.tasks["prod/users"]
    refused = [
        await deployer.mutate("startDeployment", "__typename", id=hidden),
        await deployer.mutate("cancelDeployment", "__typename", id=hidden, reason="why not"),
        await deployer.mutate("retryDeployment", "__typename", id=hidden),
        await deployer.mutate("rollbackDeployment", "__typename", id=hidden, reason="why not"),
        await deployer.mutate("retryTask", "__typename", id=task),
        await deployer.mutate("pauseDeployment", "__typename", id=hidden),
        await deployer.mutate("resumeDeployment", "__typename", id=hidden),
        await deployer.mutate("skipTask", "__typename", id=task, reason="why not"),
        await deployer.mutate("cancelTask", "__typename", id=task, reason="why not"),
        await deployer.mutate("promoteRollout", "__typename", taskId=task),
    ]
    assert [codes(answer) for answer in refused] == [["NOT_FOUND"]] * len(refused)


async def test_a_release_with_a_hidden_deployment_is_left_out_of_the_list(shared: System, scene: Scene) -> None:
    other_environment = await world(shared.admin)
    users, _ = await other_environment.application("users"), await other_environment.application("orders")
    hidden = await other_environment.deploy()
    await shared.admin.until(hidden, "SUCCESS")
    viewer = (await account(shared.admin, {"role": "VIEWER", "applicationId": users})).client
    document = "{ applications { nodes { id releases { since version { name } deployment { id } } } } }"
    response = await viewer.post(document)
    assert (response.status_code, hidden in response.text) == (200, False)
    result = response.json()
    assert code(result) != "INTERNAL", result["errors"]
    assert users in [node["id"] for node in result["data"]["applications"]["nodes"]]


async def test_a_hidden_deployment_stays_hidden_as_a_blocker(shared: System) -> None:
    other_environment = await world(shared.admin, workerPool="nobody")
    users, _ = await other_environment.application("users"), await other_environment.application("orders")
    version = await other_environment.version()
    blocking_id = await other_environment.deploy(version)
    waiting = await other_environment.deploy(version, applicationIds=[users])
    document = "query($id: ID!) { deployment(id: $id) { gate { blockers { kind message deployment { id } } } } }"
    for application, expected in ((None, {"id": blocking_id}), (users, None)):
        viewer = (await account(shared.admin, {"role": "VIEWER", "applicationId": application})).client
        result = await viewer.query(document, id=waiting)
        (lock,) = (blocker for blocker in result["deployment"]["gate"]["blockers"] if blocker["kind"] == "LOCK")
        assert lock["deployment"] == expected
        assert (blocking_id in json.dumps(result)) is (expected is not None)


async def test_people_see_their_own_grants_and_tokens_only(shared: System) -> None:
    viewer, deployer = (
        await account(shared.admin, {"role": "VIEWER"}),
        await account(shared.admin, {"role": "DEPLOYER"}),
    )
    document = "query($id: ID!) { node(id: $id) { ... on ServiceAccount { grants { role } tokens { id } } } }"
    mine = await viewer.client.query(document, id=viewer.id)
    assert mine["node"]["grants"] == [{"role": "VIEWER"}]
    assert mine["node"]["tokens"] == [{"id": viewer.token_id}]
    refused = await viewer.client.execute(document, id=deployer.id)
    assert (code(refused), refused["data"]) == ("FORBIDDEN", {"node": None})
    assert (await shared.admin.query(document, id=deployer.id))["node"]["grants"] == [{"role": "DEPLOYER"}]
    name = "query($id: ID!) { node(id: $id) { ... on ServiceAccount { name } } }"
    assert (await viewer.client.query(name, id=deployer.id))["node"]["name"]


# Access that ends during a subscription


async def follow(viewer: Client, world_: World, change: Any) -> list[Data]:
    """Follow an idle deployment over a socket, make a change, and return the messages after it."""
    deployment = await world_.deploy(autoStart=False)
    async with viewer.socket() as socket:
        await begin(socket, "1", EVENTS, id=deployment)
        assert json.loads(await socket.recv())["payload"]["data"]["deploymentEvents"]["events"]
        await change()
        async with asyncio.timeout(3):
            return await remaining_messages(socket)


async def remaining_messages(socket: websockets.ClientConnection) -> list[Data]:
    """Return the messages up to the end of the operation or of the socket."""
    messages: list[Data] = []
    try:
        async with asyncio.timeout(10):
            while not messages or messages[-1]["type"] not in ("complete", "error"):
                messages.append(json.loads(await socket.recv()))
    except websockets.ConnectionClosed:
        pass
    return messages


def data_of(messages: list[Data]) -> list[Data]:
    """Return the data in messages."""
    payloads = [message.get("payload") for message in messages]
    return [payload["data"] for payload in payloads if isinstance(payload, dict) and payload.get("data")]


async def test_a_feed_ends_when_its_token_is_revoked(shared: System) -> None:
    other_environment = await world(shared.admin)
    await other_environment.application("shop")
    somebody = await account(shared.admin, {"role": "VIEWER"})

    async def revoke() -> None:
        await shared.admin.change("revokeApiToken", "token { id }", id=somebody.token_id)

    assert data_of(await follow(somebody.client, other_environment, revoke)) == []


async def test_a_feed_ends_when_its_grant_is_revoked(shared: System) -> None:
    other_environment = await world(shared.admin)
    await other_environment.application("shop")
    place = {"role": "VIEWER", "environmentId": other_environment.environment_id}
    somebody = await account(shared.admin, place)

    async def revoke_grant() -> None:
        await shared.admin.change("revokeRole", "actor { id }", actorId=somebody.id, **place)

    assert data_of(await follow(somebody.client, other_environment, revoke_grant)) == []


async def test_a_socket_stops_working_when_its_token_is_revoked(shared: System) -> None:
    somebody = await account(shared.admin, {"role": "DEPLOYER"})
    name = unique("late")
    document = "mutation($input: CreateApplicationInput!) { createApplication(input: $input) { application { id } } }"
    async with somebody.client.socket() as socket:
        await shared.admin.change("revokeApiToken", "token { id }", id=somebody.token_id)
        try:
            await begin(socket, "1", "{ deployments { totalCount } }")
            assert data_of(await remaining_messages(socket)) == []
            await begin(socket, "2", document, input={"name": name, "shell": {"command": ["true"]}})
            await remaining_messages(socket)
        except websockets.ConnectionClosed:
            pass  # even better
    data = await shared.admin.query("query($name: String) { application(name: $name) { id } }", name=name)
    assert data == {"application": None}


async def test_a_feed_over_server_sent_events_ends_when_its_token_is_revoked(shared: System) -> None:
    other_environment = await world(shared.admin)
    await other_environment.application("shop")
    somebody = await account(shared.admin, {"role": "VIEWER"})
    deployment = await other_environment.deploy(autoStart=False)
    stream = events(somebody.client, EVENTS, id=deployment)
    assert (await anext(stream))["data"]["deploymentEvents"]["events"]
    await shared.admin.change("revokeApiToken", "token { id }", id=somebody.token_id)
    async with asyncio.timeout(3):
        assert [result["data"] async for result in stream] == [None]
