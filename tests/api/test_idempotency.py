"""A call with an idempotency key runs once, however often and however concurrently it is sent."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.support.people import account, codes
from tests.api.support.refusals import code_and_path, place
from tests.api.support.rows import contents, database
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import unique, world

CONFLICT = [("IdempotencyConflict", "IDEMPOTENCY_CONFLICT", "idempotencyKey")]


@dataclass(frozen=True, slots=True)
class Create:
    """A mutation that creates objects: its selection, their table, its input, and a changed input."""

    selection: str
    table: str
    given: Data
    other: Data


async def create_mutations(system: System) -> dict[str, Create]:
    """Return every create mutation with a valid input."""
    environment, deployment = await place(system)
    shell = {"command": ["true"]}
    artifacts = [{"applicationId": id_} for id_ in environment.applications.values()]
    second_environment_id = (await world(system.admin)).environment_id
    deployment["environmentIds"].append(second_environment_id)
    name = unique("new")
    return {
        "createApplication": Create(
            "application { id name createdAt }", "applications", {"name": name, "shell": shell}, {"description": "more"}
        ),
        "createEnvironment": Create(
            "environment { id name }", "environments", {"name": name, "operator": "SHELL"}, {"rank": 7}
        ),
        "createVersion": Create(
            "version { id name createdAt }", "versions", {"name": name, "artifacts": artifacts}, {"commit": "c0ffee"}
        ),
        "createDeployment": Create("deployments { id createdAt }", "deployments", deployment, {"autoStart": True}),
        "createServiceAccount": Create("serviceAccount { id name }", "actors", {"name": name}, {"name": f"{name}-2"}),
        "createApiToken": Create(
            "token { id name }", "api_tokens", {"name": name, "scopes": ["VIEWER"]}, {"name": "x"}
        ),
    }


async def count(system: System, table: str) -> int:
    async with database(system) as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def test_a_repeated_call_returns_the_same_and_creates_nothing(shared: System) -> None:
    for mutation, create in (await create_mutations(shared)).items():
        fields = create.given | {"idempotencyKey": mutation}
        first_payload = await shared.admin.change(mutation, create.selection, **fields)
        contents_before = await contents(shared)
        for _ in range(2):
            assert await shared.admin.change(mutation, create.selection, **fields) == first_payload, mutation
        assert await contents(shared) == contents_before, mutation


async def test_calls_without_a_key_are_independent(shared: System) -> None:
    for mutation, create in (await create_mutations(shared)).items():
        if "name" not in create.given or mutation == "createApiToken":
            payload = [await shared.admin.change(mutation, create.selection, **create.given) for _ in range(2)]
            assert payload[0] != payload[1]


async def test_the_same_key_with_another_input_is_refused(shared: System) -> None:
    for mutation, create in (await create_mutations(shared)).items():
        key = {"idempotencyKey": f"other input of {mutation}"}
        await shared.admin.change(mutation, create.selection, **create.given, **key)
        contents_before = await contents(shared)
        answer = await shared.admin.mutate(mutation, create.selection, **(create.given | create.other | key))
        assert code_and_path(answer["errors"]) == CONFLICT, mutation
        assert await contents(shared) == contents_before


async def test_the_same_key_of_another_mutation_is_refused(shared: System) -> None:
    name = unique("shared")
    key = {"idempotencyKey": name}
    await shared.admin.change("createServiceAccount", "__typename", name=name, **key)
    answer = await shared.admin.mutate("createEnvironment", "__typename", name=name, operator="SHELL", **key)
    assert code_and_path(answer["errors"]) == CONFLICT


async def test_ten_concurrent_calls_with_one_key_create_one_object(shared: System) -> None:
    for mutation, create in (await create_mutations(shared)).items():
        rows_before = await count(shared, create.table)
        fields = create.given | {"idempotencyKey": f"ten of {mutation}"}
        calls = (shared.admin.change(mutation, create.selection, **fields) for _ in range(10))
        payloads = await asyncio.gather(*calls)
        assert all(answer == payloads[0] for answer in payloads), mutation
        expected = len(payloads[0]["deployments"]) if mutation == "createDeployment" else 1
        assert await count(shared, create.table) == rows_before + expected, mutation


async def test_another_actor_may_use_the_same_key(shared: System) -> None:
    other_actor = await account(shared.admin, {"role": "ADMIN"})
    for mutation, create in (await create_mutations(shared)).items():
        key = {"idempotencyKey": f"both use it for {mutation}"}
        name = {"name": unique("mine")} if "name" in create.given else {}
        first_payload = await shared.admin.change(mutation, create.selection, **create.given, **key)
        second_payload = await other_actor.client.change(mutation, create.selection, **(create.given | name), **key)
        assert ids(first_payload).isdisjoint(ids(second_payload)), mutation


def ids(payload: Data) -> set[str]:
    objects: Any = next(value for name, value in payload.items() if name != "errors")
    return {item["id"] for item in (objects if isinstance(objects, list) else [objects])}


async def test_a_secret_is_not_returned_again(shared: System) -> None:
    fields = {"name": "mine", "scopes": ["VIEWER"], "idempotencyKey": "secret"}
    first_payload = await shared.admin.change("createApiToken", "token { id } secret", **fields)
    second_payload = await shared.admin.change("createApiToken", "token { id } secret", **fields)
    assert (second_payload["token"], second_payload["secret"]) == (first_payload["token"], None)
    assert (await Client(shared.url, first_payload["secret"]).post("{ viewer { id } }")).status_code == 200


async def test_a_refused_call_does_not_use_up_its_key(shared: System) -> None:
    name = unique("later")
    fields = {"name": name, "shell": {"command": []}, "idempotencyKey": name}
    assert codes(await shared.admin.mutate("createApplication", "__typename", **fields)) == ["INVALID"]
    assert codes(await shared.admin.mutate("createApplication", "__typename", **fields)) == ["INVALID"]
    right = fields | {"shell": {"command": ["true"]}}
    assert codes(await shared.admin.mutate("createApplication", "__typename", **right)) == []


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_a_key_of_an_invalid_length_is_refused(shared: System, key: str) -> None:
    answer = await shared.admin.mutate("createServiceAccount", "__typename", name=unique("x"), idempotencyKey=key)
    assert code_and_path(answer["errors"]) == [("InvalidInput", "INVALID", "idempotencyKey")]


async def test_an_action_repeated_with_one_key_runs_once(shared: System) -> None:
    environment, arguments = await place(shared)
    deployment = await environment.deploy(arguments["versionId"], autoStart=False)
    start = {"id": deployment, "idempotencyKey": f"start {deployment}"}
    cancel = {"id": deployment, "reason": "a test", "idempotencyKey": f"cancel {deployment}"}
    for mutation, fields in (("startDeployment", start), ("cancelDeployment", cancel)):
        await shared.admin.change(mutation, "deployment { id }", **fields)
        contents_before = await contents(shared)
        await shared.admin.change(mutation, "deployment { id }", **fields)
        assert await contents(shared) == contents_before, mutation
        repeated = await shared.admin.mutate(mutation, "__typename", **(fields | {"idempotencyKey": None}))
        assert codes(repeated) == ["WRONG_STATE"]


async def test_a_repeated_call_hides_an_object_that_is_no_longer_visible(shared: System) -> None:
    environment, arguments = await place(shared)
    other_environment = await world(shared.admin)
    grants = [
        {"role": "DEPLOYER", "environmentId": grant_environment.environment_id}
        for grant_environment in (environment, other_environment)
    ]
    somebody = await account(shared.admin, *grants)
    call = arguments | {"idempotencyKey": "lost rights"}
    await somebody.client.change("createDeployment", "deployments { id }", **call)
    await shared.admin.change("revokeRole", "actor { id }", actorId=somebody.id, **grants[0])
    answer = await somebody.client.mutate("createDeployment", "deployments { id }", **call)
    assert (codes(answer) in (["FORBIDDEN"], ["NOT_FOUND"]), answer["deployments"]) == (True, [])


async def test_an_equivalent_input_is_the_same_call(shared: System) -> None:
    environment, arguments = await place(shared)
    graph: Data = {"key": "a", "name": "a", "type": "CUSTOM", "payload": {"a": 1, "b": {"c": 1.5, "d": 2}}}
    spelt: Data = {"key": " a", "name": "a", "type": "CUSTOM", "payload": {"b": {"d": 2.0, "c": 1.5}, "a": 1.0}}
    spelt |= {"blockBy": [], "requireConfirm": None, "command": None}
    calls: list[tuple[str, str, Data, Data]] = [
        ("createDeployment", "deployments { id }", arguments | {"tasks": [graph]}, arguments | {"tasks": [spelt]}),
        (
            "createDeployment",
            "deployments { id }",
            arguments,
            arguments | {"mustInOrder": [], "manualApproval": None, "strategy": None, "parameters": None},
        ),
        (
            "createFreezeWindow",
            "environment { freezeWindows { id } }",
            {"environmentId": environment.environment_id, "name": "w", "reason": "r"}
            | {"startsAt": "2030-01-01T12:00:00Z", "endsAt": "2030-01-02T12:00:00Z"},
            {
                "environmentId": environment.environment_id,
                "name": "w ",
                "reason": "r",
                "timezone": "UTC",
                "recurrence": None,
            }
            | {"startsAt": "2030-01-01T14:00:00+02:00", "endsAt": "20300102T120000Z"},
        ),
    ]
    for number, (mutation, selection, fields, equivalent) in enumerate(calls):
        key = {"idempotencyKey": f"spelling {number}"}
        first_payload = await shared.admin.change(mutation, selection, **fields, **key)
        assert await shared.admin.change(mutation, selection, **equivalent, **key) == first_payload, mutation
    different = arguments | {"tasks": [graph | {"payload": {"a": True, "b": {"c": 1.5, "d": 2}}}]}
    answer = await shared.admin.mutate("createDeployment", "__typename", **different, idempotencyKey="spelling 0")
    assert code_and_path(answer["errors"]) == CONFLICT
