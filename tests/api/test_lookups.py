"""Finding one object by its id, its name or `by`; and the tasks that a task waits for."""

import pytest

from tests.api.support.people import account
from tests.api.support.wire import code
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import task, unique, world


@pytest.fixture(scope="module")
async def names_by_field(shared: System) -> dict[str, tuple[str, str]]:
    """The id and the name of an object of each kind."""
    environment = await world(shared.admin)
    app = await environment.application("shop")
    payload = await shared.admin.change(
        "saveWorkflowTemplate", "template { id }", name=unique("template"), tasks=[task("a")]
    )
    ids = {"application": app, "environment": environment.environment_id, "workflowTemplate": payload["template"]["id"]}
    pairs: dict[str, tuple[str, str]] = {}
    for field, id_ in ids.items():
        item = (await shared.admin.query(f"query($id: ID) {{ one: {field}(id: $id) {{ id name }} }}", id=id_))["one"]
        pairs[field] = (item["id"], item["name"])
    return pairs


@pytest.mark.parametrize("field", ["application", "environment", "workflowTemplate"])
async def test_by_accepts_an_id_or_a_name(
    shared: System, names_by_field: dict[str, tuple[str, str]], field: str
) -> None:
    id_, name = names_by_field[field]
    type_ = f"{field[0].upper()}{field[1:]}By"
    document = f"query($id: ID, $name: String, $by: {type_}) {{ one: {field}(id: $id, name: $name, by: $by) {{ id }} }}"
    for fields in ({"by": {"id": id_}}, {"by": {"name": f" {name} "}}, {"id": id_, "by": None}, {"name": name}):
        assert (await shared.admin.query(document, **fields))["one"] == {"id": id_}, fields
    for empty in ({"by": {"id": ""}}, {"by": {"name": ""}}, {"by": {"name": "nobody"}}):
        assert (await shared.admin.query(document, **empty))["one"] is None, empty
    for arguments in ({"by": {"id": id_}, "id": id_}, {"by": {"id": id_}, "name": name}, {}, {"id": id_, "name": name}):
        assert code(await shared.admin.execute(document, **arguments)) == "INVALID", arguments
    wrong: list[Data] = [{}, {"id": id_, "name": name}, {"id": None}, {"id": id_, "name": None}]
    for by in wrong:
        refused = await shared.admin.execute(document, by=by)
        assert refused.get("data") is None and refused["errors"], by
    literal = f'{{ one: {field}(by: {{name: "{name}"}}) {{ id }} }}'
    assert (await shared.admin.query(literal))["one"] == {"id": id_}


WORKFLOW = """query($id: ID!) { node(id: $id) { id __typename
  ... on Workflow { revision tasks { id key blockedBy { id key status } blockBy } edges { fromKey toKey } } } }"""


async def test_a_workflow_node_is_visible_with_its_deployment(shared: System) -> None:
    environment = await world(shared.admin)
    await environment.application("shop")
    id_ = await environment.deploy(tasks=[task("a"), task("b", "a"), task("c", "a", "b")], autoStart=False)
    data = await shared.admin.query("query($id: ID!) { deployment(id: $id) { workflow { id } } }", id=id_)
    workflow = data["deployment"]["workflow"]["id"]
    node = (await shared.admin.query(WORKFLOW, id=workflow))["node"]
    assert (node["id"], node["__typename"], node["revision"]) == (workflow, "Workflow", 1)
    assert workflow != id_ and workflow.partition("_")[2] == id_.partition("_")[2]
    blockers = {task["key"]: [blocking_task["key"] for blocking_task in task["blockedBy"]] for task in node["tasks"]}
    assert blockers == {"a": [], "b": ["a"], "c": ["a", "b"]}
    assert all([blocker["id"] for blocker in task["blockedBy"]] == task["blockBy"] for task in node["tasks"])
    stranger = (
        await account(shared.admin, {"role": "VIEWER", "environmentId": (await world(shared.admin)).environment_id})
    ).client
    for client, workflow_id in ((stranger, workflow), (shared.admin, "wfl_" + "0" * 26), (shared.admin, "wfl_nobody")):
        assert (await client.query(WORKFLOW, id=workflow_id))["node"] is None


async def test_the_blockers_of_a_task_can_be_sent_back_as_keys(shared: System) -> None:
    environment = await world(shared.admin)
    await environment.application("shop")
    id_ = await environment.deploy(tasks=[task("a"), task("b"), task("c", "b", "a")], autoStart=False)
    document = """query($id: ID!) { deployment(id: $id) { workflow { revision
      tasks { key blockedBy { key } } edges { fromKey toKey } } } }"""
    workflow = (await shared.admin.query(document, id=id_))["deployment"]["workflow"]
    last_task = workflow["tasks"][-1]
    fields = {"deploymentId": id_, "expectedRevision": 1, "key": last_task["key"]}
    blocker_keys = [blocker["key"] for blocker in last_task["blockedBy"]]
    await shared.admin.change("updateTask", "__typename", **fields, blockBy=blocker_keys, name="another")
    (edge, *_) = workflow["edges"]
    moved = {"from": edge["fromKey"], "to": edge["toKey"]}
    for number, mutation in enumerate(("disconnectTasks", "connectTasks"), 2):
        await shared.admin.change(mutation, "__typename", deploymentId=id_, expectedRevision=number, **moved)
    new_workflow = (await shared.admin.query(document, id=id_))["deployment"]["workflow"]
    assert [sorted(blocker["key"] for blocker in task["blockedBy"]) for task in new_workflow["tasks"]] == [
        [],
        [],
        ["a", "b"],
    ]


async def test_scalars_have_a_specification_url(shared: System) -> None:
    data = await shared.admin.query("{ __schema { types { name specifiedByURL isOneOf } description } }")
    types = {type_["name"]: type_ for type_ in data["__schema"]["types"]}
    assert types["DateTime"]["specifiedByURL"] and types["JSON"]["specifiedByURL"]
    assert types["ApplicationBy"]["isOneOf"] and data["__schema"]["description"]
