"""Confusable names count as one name everywhere; names with invisible characters are refused."""

from typing import Any

import pytest

from tests.support.system import System
from tests.support.world import task, world

ALIKE = ["Größe", " Größe ", "Gro\u0308ße"]
HIDING = ["a\u202eb", "a\u200bb", "a\x9b2J"]


async def test_confusable_names_are_the_same_template_and_account(shared: System) -> None:
    client = shared.admin
    for number, name in enumerate(ALIKE, 1):
        saved = await client.change(
            "saveWorkflowTemplate", "template { name } version { number }", name=name, tasks=[task("a")]
        )
        assert (saved["template"]["name"], saved["version"]["number"]) == ("Größe", number)
        data = await client.query("query($n: String) { workflowTemplate(name: $n) { name } }", n=name)
        assert data["workflowTemplate"] == {"name": "Größe"}
    payload = [await client.mutate("createServiceAccount", "serviceAccount { name }", name=name) for name in ALIKE]
    assert [bool(result["errors"]) for result in payload] == [False, True, True]


async def test_confusable_keys_are_the_same_task(shared: System) -> None:
    environment = await world(shared.admin)
    await environment.application("web")
    graph = [task(ALIKE[0]), task("b", ALIKE[2])]
    id_ = await environment.deploy(tasks=graph, autoStart=False)
    query = "query($id: ID!) { deployment(id: $id) { tasks { id key blockBy } } }"
    first_task, second_task = (await shared.admin.query(query, id=id_))["deployment"]["tasks"]
    assert (first_task["key"], second_task["key"], second_task["blockBy"]) == ("Größe", "b", [first_task["id"]])
    refused = await environment.try_deploy(tasks=[task(name) for name in ALIKE])
    assert refused["errors"][0]["message"].startswith("3 tasks have the key")


@pytest.mark.parametrize("name", HIDING)
async def test_names_with_invisible_characters_are_refused(shared: System, name: str) -> None:
    client = shared.admin
    environment = await world(client)
    web = await environment.application("web")
    artifacts = [{"applicationId": web}]
    window = {"startsAt": "2030-01-01T00:00:00Z", "endsAt": "2030-01-02T00:00:00Z", "reason": "no"}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("createVersion", {"name": name, "artifacts": artifacts}),
        ("createVersion", {"name": "v", "commit": name, "artifacts": artifacts}),
        ("createServiceAccount", {"name": name}),
        ("createApiToken", {"name": name, "scopes": ["VIEWER"]}),
        ("createFreezeWindow", {"name": name, "environmentId": environment.environment_id, **window}),
        ("saveWorkflowTemplate", {"name": name, "tasks": [task("a")]}),
        ("saveWorkflowTemplate", {"name": "x", "tasks": [task(name)]}),
        ("createApplication", {"name": "y", "shell": {"command": ["true"], "instances": [name]}}),
    ]
    for mutation, fields in calls:
        errors = (await client.mutate(mutation, "__typename", **fields))["errors"]
        assert errors and all("U+" in error["message"] for error in errors), (mutation, errors)
