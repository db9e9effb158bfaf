"""Invisible objects look like missing ones, in the answer of every mutation and in every state."""

import json
from typing import Any

import pytest
from graphql import OperationType

from tests.api.support.people import Account, account
from tests.api.support.root_field_calls import SELECTIONS, call, root
from tests.api.support.rows import contents
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import World, task, world

MUTATIONS = sorted(root(OperationType.MUTATION).fields)
IDS = ("id", "deploymentId", "taskId", "fromDeploymentId")
ERRORS = (
    "{ errors { __typename code message path ... on NotFound { objectId } ... on WrongState { status }"
    " ... on Forbidden { required } ... on Frozen { until } ... on RevisionConflict { expected actual } } }"
)
TASKS = [task("a", payload={"outcome": "failure"}), task("b", "a"), task("ask", requireConfirm=True)]
STORY = "query($id: ID!) { deployment(id: $id) { tasks { id key } approvals { id } } }"


def calls_of(name: str, ids: list[str]) -> list[tuple[str, Data]]:
    """Return minimal calls of a mutation with each of the ids wherever an id is accepted."""
    calls = []
    for id_ in ids:
        arguments: dict[str, Any] = dict.fromkeys(IDS, id_) | {
            "approvalIds": [id_],
            "reason": "why",
            "expectedRevision": 1,
        }
        if name == "saveWorkflowTemplate":
            arguments["name"] = "unseen"
        calls.append(call(OperationType.MUTATION, name, arguments))
    return [(item.document.replace(SELECTIONS[OperationType.MUTATION], ERRORS), dict(item.variables)) for item in calls]


async def hidden(system: System, state: str) -> tuple[World, list[str]]:
    """Return a world with a deployment in some state, and the ids of all objects in it."""
    environment = await world(system.admin)
    await environment.application("shop")
    id_ = await environment.deploy(tasks=TASKS, autoStart=state != "PENDING")
    if state != "PENDING":
        await system.admin.until(id_, "FAILED", "WAITING_CONFIRM")
    if state == "FAILED behind another":
        await environment.deploy(tasks=[task("ask", requireConfirm=True)])
    deployment = (await system.admin.query(STORY, id=id_))["deployment"]
    return environment, [id_, *(node["id"] for node in (*deployment["tasks"], *deployment["approvals"]))]


def unknown(id_: str) -> str:
    """Return an id of the same kind that does not exist."""
    kind, _, body = id_.partition("_")
    return f"{kind}_{body[:-3]}{'zzz' if body[-3:] != 'zzz' else 'yyy'}"


async def answers_of(client: Client, calls: list[tuple[str, Data]], ids: list[str]) -> list[str]:
    """Return the answers to calls, without the ids."""
    answers = []
    for (document, variables), id_ in zip(calls, ids, strict=True):
        result = await client.execute(document, **variables)
        answers.append(json.dumps(result, sort_keys=True).replace(id_, "ID"))
    return answers


@pytest.mark.parametrize("state", ["PENDING", "FAILED", "FAILED behind another"])
async def test_mutations_answer_alike_for_invisible_and_unknown_ids(system: System, state: str) -> None:
    await system.start_worker()
    _, ids = await hidden(system, state)
    elsewhere = await world(system.admin)
    app = await elsewhere.application("mine")
    place = {"environmentId": elsewhere.environment_id}
    people: list[Account] = [
        await account(system.admin, {"role": "DEPLOYER"} | place, {"role": "APPROVER"} | place),
        await account(system.admin, {"role": "ADMIN", "applicationId": app}),
        await account(system.admin),
    ]
    contents_before = await contents(system)
    for somebody in people:
        for name in MUTATIONS:
            if name in ("createServiceAccount", "createApiToken", "revokeApiToken", "revokeApiTokens"):
                continue
            hidden_answers = await answers_of(somebody.client, calls_of(name, ids), ids)
            unknown_ids = [unknown(id_) for id_ in ids]
            assert hidden_answers == await answers_of(somebody.client, calls_of(name, unknown_ids), unknown_ids), name
    contents_after = await contents(system)
    for table in ("deployments", "tasks", "events", "approvals"):
        assert contents_after.get(table) == contents_before.get(table)


async def test_a_plan_hides_the_queue_of_invisible_environments(system: System) -> None:
    environment = await world(system.admin)
    app = await environment.application("shop")
    version = await environment.version()
    document = """query($input: CreateDeploymentInput!) { deploymentPlan(input: $input) {
      gate { canProceed blockers { kind message deployment { id } } } } }"""
    fields = {"versionId": version, "environmentIds": [environment.environment_id]}
    other_environment = await world(system.admin)
    stranger = await account(system.admin, {"role": "VIEWER", "environmentId": other_environment.environment_id})
    part = await account(
        system.admin,
        {
            "role": "VIEWER",
            "environmentId": environment.environment_id,
            "applicationId": await other_environment.application("x"),
        },
    )
    viewer = await account(
        system.admin, {"role": "VIEWER", "environmentId": environment.environment_id, "applicationId": app}
    )
    plans = [await actor.client.query(document, input=fields) for actor in (stranger, part)]
    for _ in range(2):
        await environment.deploy(version)
    assert [await actor.client.query(document, input=fields) for actor in (stranger, part)] == plans
    gate = (await viewer.client.query(document, input=fields))["deploymentPlan"]["gate"]
    assert not gate["canProceed"] and "LOCK" in {blocker["kind"] for blocker in gate["blockers"]}
