"""Numbers in JSON.

Doubles are stored and can be sent back, and numbers beyond them are refused with their path.
"""

from typing import Any

import httpx
import pytest

from tests.api.support.odd_arguments import to_json
from tests.support.client import Client, Data
from tests.support.system import System
from tests.support.world import task, unique, world

BEYOND = float("inf")
READ = "query($id: ID!) { deployment(id: $id) { workflow { tasks { key name type payload } } } }"


async def send(client: Client, mutation: str, fields: Data) -> list[Data]:
    """Send an input in which numbers may be beyond the range of a double, and return the errors."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ errors {{ code path }} }} }}"
    async with httpx.AsyncClient(trust_env=False) as http:
        body = to_json({"query": document, "variables": {"input": fields}}).encode()
        headers = {"authorization": f"Bearer {client.token}", "content-type": "application/json"}
        response = await http.post(f"{client.url}/graphql", content=body, headers=headers, timeout=30)
    errors: list[Data] = response.json()["data"][mutation]["errors"]
    return errors


async def waiting(system: System) -> str:
    environment = await world(system.admin)
    await environment.application("web")
    return await environment.deploy(tasks=[task("a")], autoStart=False)


@pytest.mark.parametrize("number", [BEYOND, -BEYOND, 10**400])
async def test_a_number_out_of_range_is_refused_with_the_path_of_the_field(system: System, number: Any) -> None:
    id_ = await waiting(system)
    payload = {"x": [number]}
    edit = {"deploymentId": id_, "expectedRevision": 1}
    calls: list[tuple[str, Data, list[str]]] = [
        ("addTask", edit | {"task": task("b", payload=payload)}, ["task", "payload"]),
        ("updateTask", edit | {"key": "a", "payload": payload}, ["task", "payload"]),
        ("updateWorkflow", edit | {"tasks": [task("a", payload=payload)]}, ["tasks", "0", "payload"]),
        (
            "saveWorkflowTemplate",
            {"name": unique("t"), "tasks": [task("a", payload=payload)]},
            ["tasks", "0", "payload"],
        ),
    ]
    for mutation, fields, path in calls:
        (error,) = await send(system.admin, mutation, fields)
        assert error["code"] == "INVALID" and error["path"][-1] == path[-1], (mutation, error)


@pytest.mark.parametrize("number", [1e22, 1e23, 1e308, 5e-324, -0.0, 2**63, 2**64 + 1, 10**22])
async def test_a_double_is_stored_and_returned_exactly(system: System, number: Any) -> None:
    id_ = await waiting(system)
    fields = {"deploymentId": id_, "expectedRevision": 1, "tasks": [task("a", payload={"x": number})]}
    assert await send(system.admin, "updateWorkflow", fields) == []
    tasks = (await system.admin.query(READ, id=id_))["deployment"]["workflow"]["tasks"]
    assert float(tasks[0]["payload"]["x"]) == float(number)
    if isinstance(number, int):
        assert tasks[0]["payload"]["x"] == number
    assert await send(system.admin, "updateWorkflow", fields | {"expectedRevision": 2, "tasks": tasks}) == []
    assert (await system.admin.query(READ, id=id_))["deployment"]["workflow"]["tasks"] == tasks
