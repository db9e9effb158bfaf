"""No user can change the meaning of a version's or template's name for others."""

import asyncio
from typing import Any

import pytest

from tests.api.support.people import account, codes
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import task, unique, world

VERSION = "version { id name createdBy { id } }"
TEMPLATE = "template { id } version { number }"


async def version(client: Client, name: str, *artifacts: tuple[str, str | None], **more: Any) -> Data:
    """Create a version of applications with images."""
    fields = [{"applicationId": id_, "image": image} for id_, image in artifacts]
    return await client.mutate("createVersion", VERSION, name=name, artifacts=fields, **more)


async def test_creating_an_existing_version_returns_it_and_its_name_is_taken(shared: System) -> None:
    environment = await world(shared.admin)
    first_application, second_application = await environment.application("one"), await environment.application("two")
    elsewhere = await account(shared.admin, {"role": "DEPLOYER", "environmentId": environment.environment_id})
    good: tuple[tuple[str, str | None], ...] = ((first_application, "one:1"), (second_application, None))
    created = (await version(shared.admin, "v1.2", *good, commit="abc"))["version"]
    for client in (shared.admin, elsewhere.client):
        for artifacts in (good, tuple(reversed(good))):
            assert (await version(client, "v1.2", *artifacts, commit="abc"))["version"] == created
    evil: list[tuple[tuple[tuple[str, str | None], ...], str | None]] = [
        (((first_application, "evil:1"), (second_application, None)), "abc"),
        (good, "abd"),
        (good, None),
        (((first_application, "one:1"),), "abc"),
        (((second_application, "evil:1"),), "abc"),
    ]
    for artifacts, commit in evil:
        for client in (shared.admin, elsewhere.client):
            (error,) = (await version(client, "v1.2", *artifacts, commit=commit))["errors"]
            assert (error["code"], error["path"]) == ("NAME_TAKEN", ["name"])
            assert created["id"] in error["message"] and "Use another name" in error["message"]
    assert (await version(elsewhere.client, "v1.3", *evil[0][0]))["errors"] == []


async def test_the_same_name_for_other_applications_is_another_version(shared: System) -> None:
    environment = await world(shared.admin)
    payloads = [await version(shared.admin, "v1", (await environment.application(name), None)) for name in ("a", "b")]
    assert payloads[0]["version"]["id"] != payloads[1]["version"]["id"]


async def test_of_concurrent_versions_with_one_name_one_is_created(shared: System) -> None:
    environment = await world(shared.admin)
    app = await environment.application("shop")
    calls = [version(shared.admin, "v1", (app, f"shop:{n % 2}")) for n in range(8)]
    answers = await asyncio.gather(*calls)
    ids = {answer["version"]["id"] for answer in answers if answer["version"]}
    assert len(ids) == 1 and sum(bool(answer["errors"]) for answer in answers) == 4


async def test_a_deployer_of_other_applications_learns_nothing_about_a_version(shared: System) -> None:
    environment = await world(shared.admin)
    app, other_id = await environment.application("shop"), await environment.application("other")
    somebody = await account(shared.admin, {"role": "DEPLOYER", "applicationId": other_id})
    await version(shared.admin, "v1", (app, "shop:1"))
    assert codes(await version(somebody.client, "v1", (app, "shop:1"))) == ["FORBIDDEN"]
    assert codes(await version(somebody.client, "v2", (app, "shop:1"))) == ["FORBIDDEN"]


@pytest.mark.parametrize("bound", [False, True])
async def test_only_its_author_saves_the_next_version_of_a_template(shared: System, bound: bool) -> None:
    environment = await world(shared.admin)
    app = await environment.application("shop")
    place = {"role": "DEPLOYER", "environmentId": environment.environment_id}
    author, other_deployer = await account(shared.admin, place), await account(shared.admin, place)
    chief = await account(shared.admin, {"role": "ADMIN", "applicationId": app})
    deployer_of_all = await account(shared.admin, {"role": "DEPLOYER"})
    name, evil = unique("release"), [task("evil", command={"command": ["echo", "EVIL"]})]
    good = [task("good", applicationId=app if bound else None)]
    payload = await author.client.change("saveWorkflowTemplate", TEMPLATE, name=name, tasks=good)
    id_ = payload["template"]["id"]
    for mutation, fields in (
        ("saveWorkflowTemplate", {"name": name, "tasks": evil}),
        ("archiveWorkflowTemplate", {"id": id_}),
    ):
        answer = await other_deployer.client.mutate(mutation, "template { id }", **fields)
        (error,) = answer["errors"]
        assert error["code"] == "FORBIDDEN" and "Save yours under another name" in error["message"]
    answer = await chief.client.mutate("saveWorkflowTemplate", TEMPLATE, name=name, tasks=good)
    assert codes(answer) == ([] if bound else ["FORBIDDEN"])
    for client in (author.client, deployer_of_all.client, shared.admin):
        assert codes(await client.mutate("saveWorkflowTemplate", TEMPLATE, name=name, tasks=good)) == []
    assert codes(await author.client.mutate("archiveWorkflowTemplate", "template { id }", id=id_)) == []
