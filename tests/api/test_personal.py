"""Feeds that are shared show nobody what is another's: what depends on who asks is marked, and not shared."""

import ast
import json
from pathlib import Path

import pytest

import app.api.types
from app.api.measuring import Measurer
from app.api.schema import schema
from app.api.shareable import shareable
from tests.api.people import account
from tests.api.wire import begin
from tests.support.system import System
from tests.support.world import task, world

TYPES = Path(app.api.types.__file__).parent
WHO = {"viewer", "principal"}
SECRETS = """subscription($id: ID!) { deploymentEvents(id: $id) { events {
  ... on DeploymentStatusChanged { deployment { createdBy {
    id ... on ServiceAccount { grants { role } tokens { prefix } } } viewerCan { approve { reason } } } } } } }"""


def functions() -> dict[str, tuple[set[str], bool]]:
    """Return what each function of the types names, and whether it is a field that is marked (or no field at all)."""
    found: dict[str, tuple[set[str], bool]] = {}
    for path in TYPES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = [inner for part in node.body for inner in ast.walk(part)]
                names = {one.attr for one in body if isinstance(one, ast.Attribute)}
                names |= {one.id for one in body if isinstance(one, ast.Name)}
                fields = [ast.unparse(one) for one in node.decorator_list if "field" in ast.unparse(one)]
                marked = all("metadata=DEPENDS_ON_ACTOR" in one for one in fields)
                found[f"{path.stem}.{node.name}"] = (names, marked)
    return found


def test_whatever_asks_who_asks_is_marked() -> None:
    known = functions()
    personal, more = set(WHO), True
    while more:
        found = {name.partition(".")[2] for name, (names, _) in known.items() if names & personal}
        more = not found <= personal
        personal |= found
    asking = {name: marked for name, (names, marked) in known.items() if names & personal}
    assert {"access.email", "access.grants", "access.tokens", "tasks.viewer_can"} <= asking.keys()
    assert [name for name, marked in asking.items() if not marked] == []


PERSONAL = {
    "createdBy { ... on User { email } }": True,
    "createdBy { ... on ServiceAccount { tokens { id } } }": True,
    "createdBy { ... on ServiceAccount { grants { role } } }": True,
    "viewerCan { approve { allowed } }": True,
    "approvals { viewerCanDecide { reason } }": True,
    "tasks { viewerCan { skip { allowed } } }": True,
    "...Inner": True,
    "... on Deployment { ...Inner }": True,
    "createdBy { id name }": False,
    "tasks { status attempts { number } }": False,
}


@pytest.mark.parametrize("selected", PERSONAL)
def test_a_feed_depends_on_who_asks_where_a_marked_field_is_selected(selected: str) -> None:
    inner = " fragment Inner on Deployment { ...Most } fragment Most on Deployment { viewerCan { start { allowed } } }"
    event = f"... on DeploymentStatusChanged {{ deployment {{ {selected} }} }}"
    text = f"subscription($id: ID!) {{ deploymentEvents(id: $id) {{ events {{ {event} }} }} }}"
    found = shareable(text + (inner if "..." in selected else ""), {"id": "a"}, None)
    assert found is not None and found[0].personal is PERSONAL[selected]


def test_a_mark_on_a_type_counts_for_its_interfaces() -> None:
    measurer = Measurer(schema._schema)
    assert measurer.is_personal(schema._schema.get_type("ServiceAccount"), "tokens")
    assert not measurer.is_personal(schema._schema.get_type("Actor"), "name")


@pytest.mark.parametrize("first", ["alice", "bob"])
@pytest.mark.parametrize("left", [False, True])
async def test_a_feed_shows_what_is_ones_own_to_nobody_else(system: System, first: str, left: bool) -> None:
    grant = {"role": "DEPLOYER"}
    people = {name: (await account(system.admin, grant)).client for name in ("alice", "bob")}
    here = await world(system.admin)
    await here.application("web")
    made = type(here)(people["alice"], here.environment_id, dict(here.applications))
    id_ = await made.deploy(tasks=[task("a")], autoStart=False)
    order = [first, *(people.keys() - {first})]
    seen = {}
    async with people[order[0]].socket() as one:
        await begin(one, "1", SECRETS, id=id_)
        seen[order[0]] = json.loads(await one.recv())
        if not left:
            async with people[order[1]].socket() as two:
                await begin(two, "1", SECRETS, id=id_)
                seen[order[1]] = json.loads(await two.recv())
    if left:
        async with people[order[1]].socket() as two:
            await begin(two, "1", SECRETS, id=id_)
            seen[order[1]] = json.loads(await two.recv())
    assert "errors" not in seen["alice"]["payload"]
    assert "prefix" in str(seen["alice"]["payload"]["data"])
    codes = {error["extensions"]["code"] for error in seen["bob"]["payload"]["errors"]}
    assert codes == {"FORBIDDEN"} and "prefix" not in str(seen["bob"]["payload"]["data"])
