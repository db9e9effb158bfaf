"""Shared feeds show no personal data of others.

Fields that depend on the actor are marked, and not shared.
"""

import ast
import json
from pathlib import Path
from typing import NamedTuple

import pytest

import app.api.types
from app.api.documents.measure import Measurer
from app.api.feeds.shared_operation import shared_operation
from app.api.schema import schema
from tests.api.support.people import account
from tests.api.support.wire import begin
from tests.support.system import System
from tests.support.world import task, world

TYPES = Path(app.api.types.__file__).parent
WHO = {"viewer", "principal"}
SECRETS = """subscription($id: ID!) { deploymentEvents(id: $id) { events {
  ... on DeploymentStatusChanged { deployment { createdBy {
    id ... on ServiceAccount { grants { role } tokens { prefix } } } viewerCan { approve { reason } } } } } } }"""


BY_GRANTS = {"of_application", "of_deployment"}
"""Functions that read only grants and scopes of the viewer, which the key of a shared subscription includes."""


def by_grants_alone(node: ast.AST) -> list[ast.AST]:
    """Return the mentions of the viewer in a call that reads only grants and scopes."""
    if not isinstance(node, ast.Call):
        return []
    if isinstance(node.func, ast.Name) and node.func.id in BY_GRANTS:
        return [inner for argument in node.args[:1] for inner in ast.walk(argument)]
    allows = isinstance(node.func, ast.Attribute) and node.func.attr in ("allows", "allows_on")
    return list(ast.walk(node.func)) if allows else []


class Function(NamedTuple):
    """A function of the types: its qualified name, its calls, and its field decorators."""

    name: str
    calls: frozenset[str]
    fields: tuple[str, ...]


def functions() -> list[Function]:
    """Return the functions of the types. Names with an underscore are private to their module."""
    collected: list[Function] = []
    for path in TYPES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = [inner for part in node.body for inner in ast.walk(part)]
                by_grants = {inner_node for inner in body for inner_node in by_grants_alone(inner)}
                names = {name for inner_node in body if inner_node not in by_grants for name in names_of(inner_node)}
                fields = tuple(
                    ast.unparse(inner_node) for inner_node in node.decorator_list if "field" in ast.unparse(inner_node)
                )
                calls = frozenset(known_as(path.stem, name) for name in names)
                collected.append(Function(known_as(path.stem, node.name), calls, fields))
    return collected


def names_of(node: ast.AST) -> set[str]:
    """Return the names, own methods and viewer fields that a node calls or reads."""
    if isinstance(node, ast.Name):
        return {node.id}
    if not isinstance(node, ast.Attribute):
        return set()
    own = isinstance(node.value, ast.Name) and node.value.id == "self"
    return {node.attr} if own or node.attr in WHO else set()


def known_as(module: str, name: str) -> str:
    return f"{module}.{name}" if name.startswith("_") else name


def test_fields_that_depend_on_the_actor_are_marked() -> None:
    all_functions = functions()
    personal, more = set(WHO), True
    while more:
        names = {function.name for function in all_functions if not function.fields and function.calls & personal}
        more = not names <= personal
        personal |= names
    marked = [function for function in all_functions if function.fields and function.calls & personal]
    assert {"email", "grants", "tokens", "made_by", "viewer_can", "diff"} <= {function.name for function in marked}
    unmarked = [
        function for function in marked if not all("metadata=DEPENDS_ON_ACTOR" in field for field in function.fields)
    ]
    assert [function.name for function in unmarked] == []


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
def test_a_feed_that_selects_a_marked_field_depends_on_the_actor(selected: str) -> None:
    inner = " fragment Inner on Deployment { ...Most } fragment Most on Deployment { viewerCan { start { allowed } } }"
    event = f"... on DeploymentStatusChanged {{ deployment {{ {selected} }} }}"
    text = f"subscription($id: ID!) {{ deploymentEvents(id: $id) {{ events {{ {event} }} }} }}"
    operation = shared_operation(text + (inner if "..." in selected else ""), {"id": "a"}, None)
    assert operation is not None and operation[0].personal is PERSONAL[selected]


def test_a_mark_on_a_type_counts_for_its_interfaces() -> None:
    measurer = Measurer(schema._schema)
    assert measurer.is_personal(schema._schema.get_type("ServiceAccount"), "tokens")
    assert not measurer.is_personal(schema._schema.get_type("Actor"), "name")


@pytest.mark.parametrize("first_reader", ["alice", "bob"])
@pytest.mark.parametrize("disconnects", [False, True])
async def test_a_feed_shows_personal_fields_only_to_their_owner(
    system: System, first_reader: str, disconnects: bool
) -> None:
    grant = {"role": "DEPLOYER"}
    people = {name: (await account(system.admin, grant)).client for name in ("alice", "bob")}
    environment = await world(system.admin)
    await environment.application("web")
    environment_of_alice = type(environment)(
        people["alice"], environment.environment_id, dict(environment.applications)
    )
    id_ = await environment_of_alice.deploy(tasks=[task("a")], autoStart=False)
    order = [first_reader, *(people.keys() - {first_reader})]
    values = {}
    async with people[order[0]].socket() as socket:
        await begin(socket, "1", SECRETS, id=id_)
        values[order[0]] = json.loads(await socket.recv())
        if not disconnects:
            async with people[order[1]].socket() as two:
                await begin(two, "1", SECRETS, id=id_)
                values[order[1]] = json.loads(await two.recv())
    if disconnects:
        async with people[order[1]].socket() as two:
            await begin(two, "1", SECRETS, id=id_)
            values[order[1]] = json.loads(await two.recv())
    assert "errors" not in values["alice"]["payload"]
    assert "prefix" in str(values["alice"]["payload"]["data"])
    codes = {error["extensions"]["code"] for error in values["bob"]["payload"]["errors"]}
    assert codes == {"FORBIDDEN"} and "prefix" not in str(values["bob"]["payload"]["data"])
