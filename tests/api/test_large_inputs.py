"""Long texts and lists in every place of every root field that accepts one.

Each is accepted, or refused with the name of the field, within a short time.

In: the schema, walked. For each place the smallest arguments that the field takes, with something large there.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    get_named_type,
    is_object_type,
    print_type,
)

from app.api.schema import schema
from tests.support.system import System
from tests.support.world import World, world

MIB = 1024 * 1024
TEXTS = {"String", "ID", "Cursor", "JSON", "DateTime"}
SECONDS = 5.0
"""How long an answer may take on a machine that does much else: what is more than linear takes minutes."""
LONGEST_ANSWER = 40_000
DEPTH = 6
Path = tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A place for a text: the root type and field, and the path to it through inputs."""

    root: str
    field: str
    path: Path

    def __str__(self) -> str:
        return ".".join((self.field, *self.path))


def paths_below(type_: Any, path: Path) -> Iterator[Path]:
    """Yield the paths to all texts in a type of input."""
    if isinstance(type_, GraphQLNonNull | GraphQLList):
        yield from paths_below(type_.of_type, path)
    elif isinstance(type_, GraphQLInputObjectType) and len(path) < DEPTH:
        for name, field in type_.fields.items():
            yield from paths_below(field.type, (*path, name))
    elif isinstance(type_, GraphQLScalarType) and type_.name in TEXTS:
        yield path


def places() -> list[Place]:
    core = schema._schema
    return [
        Place(root, name, path)
        for root, type_ in (("query", core.query_type), ("mutation", core.mutation_type))
        for name, field in (type_.fields if type_ else {}).items()
        for argument, value in field.args.items()
        for path in paths_below(value.type, (argument,))
    ]


def minimal_value(type_: Any, name: str, ids: dict[str, str], path: Path, large: Any) -> Any:
    """Return the smallest value of a type, with something large at the end of a path below it."""
    if isinstance(type_, GraphQLNonNull):
        return minimal_value(type_.of_type, name, ids, path, large)
    if isinstance(type_, GraphQLList):
        inner = get_named_type(type_)
        if isinstance(large, list) and not path and not isinstance(inner, GraphQLInputObjectType):
            return large
        return [minimal_value(type_.of_type, name, ids, path, large)]
    if isinstance(type_, GraphQLInputObjectType):
        required_keys = {key for key, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull)} | set(
            path[:1]
        )
        required_keys.discard("")
        return {
            key: minimal_value(type_.fields[key].type, key, ids, path[1:] if key in path[:1] else ("",), large)
            for key in required_keys
        }
    return leaf(type_, name, ids) if path else (large if type_.name != "JSON" else {"A_NAME": large})


def leaf(type_: Any, name: str, ids: dict[str, str]) -> Any:
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    usual: dict[str, Any] = {
        "Int": 1,
        "Float": 1.0,
        "Boolean": True,
        "DateTime": "2030-01-01T00:00:00Z",
        "JSON": {},
        "ID": ids.get(name.removesuffix("s"), ids["deploymentId"]),
        "Cursor": "eA",
    }
    return usual.get(type_.name, "x")


def operation_with(place: Place, ids: dict[str, str], large: Any) -> dict[str, Any]:
    """Return the operation that sends something large to a place."""
    core = schema._schema
    type_ = core.query_type if place.root == "query" else core.mutation_type
    assert type_ is not None
    field = type_.fields[place.field]
    needed = {name for name, value in field.args.items() if isinstance(value.type, GraphQLNonNull)} | {place.path[0]}
    variables = {
        name: minimal_value(field.args[name].type, name, ids, place.path[1:] if name == place.path[0] else ("",), large)
        for name in needed
    }
    heads = ", ".join(f"${name}: {field.args[name].type}" for name in needed)
    arguments = ", ".join(f"{name}: ${name}" for name in needed)
    selection = "__typename"
    result = get_named_type(field.type)
    if is_object_type(result) and "errors" in result.fields:
        selection += " errors { message path code }"
    query = f"{place.root} Large({heads}) {{ {place.field}({arguments}) {{ {selection} }} }}"
    return {"query": query, "variables": variables}


@pytest.fixture(scope="module")
async def environment(shared: System) -> World:
    created = await world(shared.admin)
    await created.application("web")
    return created


async def known_ids(environment: World) -> dict[str, str]:
    version = await environment.version()
    deployment = await environment.deploy(version, autoStart=False)
    application = environment.applications["web"]
    return {
        "environmentId": environment.environment_id,
        "applicationId": application,
        "mustInOrder": application,
        "versionId": version,
        "deploymentId": deployment,
    }


async def answer(environment: World, operation: dict[str, Any], place_name: str) -> str:
    start = time.monotonic()
    response = await environment.client.post(operation["query"], operation["variables"])
    seconds = time.monotonic() - start
    text = response.text
    assert response.status_code in (200, 400, 413), (place_name, response.status_code, text[:300])
    assert "INTERNAL" not in text, (place_name, text[:300])
    assert len(text) < LONGEST_ANSWER, (place_name, len(text), text[:300])
    assert seconds < SECONDS, (place_name, seconds)
    return text


PLACES = places()
FIELDS = sorted({(place.root, place.field) for place in PLACES})


@pytest.mark.parametrize(("root", "field"), FIELDS)
async def test_a_text_of_a_mebibyte_anywhere(environment: World, root: str, field: str) -> None:
    ids = await known_ids(environment)
    for place in PLACES:
        if (place.root, place.field) == (root, field):
            await answer(environment, operation_with(place, ids, "x" * MIB), str(place))


ONCE = list({(place.root, place.path[-1]): place for place in PLACES}.values())


@pytest.mark.parametrize("place", ONCE, ids=str)
async def test_a_text_of_ten_mebibytes(environment: World, place: Place) -> None:
    await answer(environment, operation_with(place, await known_ids(environment), "${{" * (10 * MIB // 3)), str(place))


@pytest.mark.parametrize("place", [place for place in ONCE if place.root == "mutation"], ids=str)
async def test_a_list_of_many_items(environment: World, place: Place) -> None:
    await answer(environment, operation_with(place, await known_ids(environment), ["x"] * 200_000), str(place))


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"env": {"A": "x" * 131_070}}, ["tasks", "0", "command", "env", "A"]),
        ({"env": {f"A{n}": "x" * 130_000 for n in range(9)}}, ["tasks", "0", "command", "env"]),
        ({"env": {"PASSWORD": "\n".join(f"{n:05}" for n in range(18_000))}}, ["tasks", "0", "command", "env"]),
        ({"env": {"x" * 300: "x"}}, ["tasks", "0", "command", "env", "x" * 200]),
        ({"command": ["${{" * 40_000 + "…" * 10_000]}, ["tasks", "0", "command", "command"]),
        ({"command": ["x"] + ["x" * 130_000] * 9}, ["tasks", "0", "command", "command"]),
        ({"command": ["x"] * 1001}, ["tasks", "0", "command", "command"]),
        ({"image": "x" * 1001}, ["tasks", "0", "command", "image"]),
    ],
)
async def test_the_field_that_is_too_large_is_named(
    environment: World, fields: dict[str, Any], path: list[str]
) -> None:
    ids = await known_ids(environment)
    task = {"key": "x", "name": "x", "type": "CUSTOM", "command": {"command": ["x"]} | fields}
    payload = await environment.try_deploy(ids["versionId"], tasks=[task])
    assert [error["path"] for error in payload["errors"]] == [path], payload["errors"]
    assert len(json.dumps(payload)) < 2000


async def test_parameters_cannot_make_a_small_template_large(environment: World) -> None:
    """Each task alone is within the limit of a command; together they would be gigabytes."""
    uses = ["run", *["${{ parameters.p }}" * 13] * 8]
    tasks = [{"key": f"t{n}", "name": "x", "type": "CUSTOM", "command": {"command": uses}} for n in range(2000)]
    saved = await environment.client.change(
        "saveWorkflowTemplate", "version { id }", name="large", tasks=tasks, parameters=[{"name": "p"}]
    )
    ids = await known_ids(environment)
    start = time.monotonic()
    payload = await environment.try_deploy(
        ids["versionId"], templateVersionId=saved["version"]["id"], parameters={"p": "x" * 9_900}
    )
    assert "16777216" in str(payload["errors"])[:2000] or "characters together" in str(payload["errors"])
    assert time.monotonic() - start < SECONDS


def test_the_walk_finds_deep_fields() -> None:
    paths = set(map(str, PLACES))
    assert len(PLACES) > 150
    assert {"createDeployment.input.tasks.command.command", "deploymentPlan.input.tasks.payload"} <= paths
    assert "input CreateDeploymentInput" in print_type(schema._schema.type_map["CreateDeploymentInput"])
