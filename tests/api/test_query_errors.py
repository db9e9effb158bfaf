"""Errors of queries: a code and the argument, without internal details."""

import base64
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import get_introspection_query

from app.api.scalars import encode_cursor
from tests.api.support.rows import contents, database
from tests.api.support.wire import answers, code, execute, get, send
from tests.support.client import Data
from tests.support.system import System
from tests.support.world import world

# Ids


BY_ID = ("node", "application", "environment", "version", "deployment", "task")


async def test_an_unknown_id_reads_as_null(shared: System) -> None:
    body = (await world(shared.admin)).environment_id.partition("_")[2]
    kinds = ("app", "env", "ver", "dep", "tsk", "usr", "sac", "tok")
    unknown = ["", "nobody", "app_", "x" * 10_000, "app", f"zzz_{body}", *(f"{kind}_{body[::-1]}" for kind in kinds)]
    document = "query($id: ID!) {" + " ".join(f"{field}(id: $id) {{ id }}" for field in BY_ID) + "}"
    for id_ in unknown:
        assert await shared.admin.query(document, id=id_) == dict.fromkeys(BY_ID), id_


async def test_an_id_of_another_kind_reads_as_null(shared: System) -> None:
    environment = (await world(shared.admin)).environment_id
    for field in ("application", "version", "deployment", "task"):
        document = f"query($id: ID!) {{ {field}(id: $id) {{ id }} }}"
        assert await shared.admin.query(document, id=environment) == {field: None}


async def test_an_unknown_name_reads_as_null_and_two_handles_are_refused(shared: System) -> None:
    for field in ("application", "environment"):
        assert await shared.admin.query(f'{{ {field}(name: "nobody") {{ id }} }}') == {field: None}
        for arguments in ("", '(id: "a", name: "b")', "(id: null, name: null)"):
            refused = await shared.admin.execute(f"{{ {field}{arguments} {{ id }} }}")
            assert (code(refused), refused["errors"][0]["extensions"]["path"]) == ("INVALID", ["id"])


# Pages and cursors

LISTS = {
    # field: the kind of its cursors, whether they hold a number
    "applications": ("applications", False),
    "versions": ("versions", False),
    "deployments": ("deployments", False),
    "events": ("event", True),
    "logs": ("log", True),
}
WRAPPED = {
    "events": "query($id: ID!) { deployment(id: $id) { list: events(%s) { nodes { cursor } } } }",
    "logs": "query($id: ID!) { deployment(id: $id) { tasks { list: logs(%s) { nodes { cursor } } } } }",
}


async def deployment(system: System) -> str:
    """Make a deployment that waits to be started."""
    environment = await world(system.admin)
    await environment.application("shop")
    return await environment.deploy(autoStart=False)


async def page(system: System, field: str, id_: str, arguments: str) -> Data:
    """Ask for a part of a list, and return the whole result."""
    plain = "query($id: ID!) { node(id: $id) { id } list: " + field + "(%s) { nodes { id } } }"
    return await execute(system.admin, WRAPPED.get(field, plain) % arguments, {"id": id_})


async def test_a_cursor_that_no_list_gave_is_refused(shared: System) -> None:
    id_ = await deployment(shared)
    for field, (kind, numbered) in LISTS.items():
        other_kind = "event" if kind != "event" else "log"
        bad = [
            "",
            "zzz",
            "====",
            "é",
            "a b",
            encode_cursor(other_kind, 1),
            encode_cursor(kind, ""),
            encoded(b"\xff\xfe"),
            encoded(b":1"),
        ]
        bad += [encoded(kind.encode()), encode_cursor(kind, "1") + "!"]
        bad += (
            [encode_cursor(kind, position) for position in ("-1", "1.5", "x", str(2**63), "١" * 20)] if numbered else []
        )
        for cursor in bad:
            refused = await page(shared, field, id_, f"after: {json.dumps(cursor)}")
            assert code(refused) == "INVALID", (field, cursor, refused)
            assert refused["errors"][0]["extensions"]["path"] == ["after"]


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


async def test_a_forged_cursor_that_no_database_can_hold_is_refused(shared: System) -> None:
    id_ = await deployment(shared)
    for field in ("applications", "versions", "deployments"):
        refused = await page(shared, field, id_, f"after: {json.dumps(encode_cursor(field, 'a' + chr(0)))}")
        assert code(refused) == "INVALID", refused


async def test_a_page_of_an_impossible_size_is_refused(shared: System) -> None:
    id_ = await deployment(shared)
    table = {"first: -1": "first", "first: 501": "first"}
    both_ways = {
        "last: -1": "last",
        "last: 501": "last",
        'first: 1, before: "x"': "before",
        'last: 1, after: "x"': "after",
    }
    for field in LISTS:
        for arguments, path in (table | (both_ways if field in ("deployments", "logs") else {})).items():
            refused = await page(shared, field, id_, arguments)
            assert (code(refused), refused["errors"][0]["extensions"]["path"]) == ("INVALID", [path]), (
                field,
                arguments,
            )


async def test_pages_of_the_smallest_and_greatest_size_are_given(shared: System) -> None:
    id_ = await deployment(shared)
    for field in LISTS:
        for arguments in ("first: 0", "first: 500", "first: null"):
            result = await page(shared, field, id_, arguments)
            assert code(result) is None, (field, result)


async def test_a_wrong_argument_in_one_place_leaves_the_rest_readable(shared: System) -> None:
    document = """query($id: ID!) {
      wrong: deployment(id: $id) { events(first: -1) { totalCount } version { name } }
      right: deployment(id: $id) { version { name } environment { name } }
    }"""
    response = await shared.admin.post(document, {"id": await deployment(shared)})
    assert response.status_code == 200, response.text
    result = response.json()
    assert (code(result), result["data"]["wrong"]) == ("INVALID", None)
    assert result["data"]["right"]["version"] == {"name": "v1"}


# Times

BY_TIME = "query($at: DateTime!) { deployments(filter: { createdAfter: $at }) { totalCount } }"


async def test_a_time_that_names_no_moment_is_refused(shared: System) -> None:
    wrong: list[Any] = ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", 5, True, {}]
    for at in wrong:
        (error,) = (await shared.admin.execute(BY_TIME, at=at))["errors"]
        assert "ISO 8601" in error["message"], (at, error)
        document = BY_TIME.replace("query($at: DateTime!)", "").replace("$at", "{}" if at == {} else json.dumps(at))
        (error,) = (await shared.admin.execute(document))["errors"]
        assert "ISO 8601" in error["message"], (at, error)


async def test_a_moment_is_the_same_in_every_zone(shared: System) -> None:
    await deployment(shared)
    for at, counted in (("2026-01-01T00:00:00+14:00", True), ("2999-01-01T00:00:00.000001-12:00", False)):
        result = await shared.admin.query(BY_TIME, at=at)
        assert (result["deployments"]["totalCount"] > 0) is counted


async def test_a_moment_outside_of_the_calendar_is_refused(shared: System) -> None:
    for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        (error,) = (await shared.admin.execute(BY_TIME, at=at))["errors"]
        assert error.get("extensions", {}).get("code") != "INTERNAL" and at in error["message"], error


# Internal errors


async def broken(system: System) -> str:
    """Create a deployment with unreadable rows."""
    id_ = await deployment(system)
    async with database(system) as connection:
        await connection.execute(
            "WITH marked AS (UPDATE deployments SET updated_at = now() WHERE id = $1)"
            " UPDATE tasks SET status = 'TORN ROW' WHERE deployment_id = $1",
            id_,
        )
        await connection.execute("UPDATE deployment_events SET type = 'TORN ROW' WHERE deployment_id = $1", id_)
    return id_


def check_masked(result: Data, log: pytest.LogCaptureFixture) -> None:
    """Check that an error shows only an id, and that the log has the details under that id."""
    (error,) = result["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["id"] in error["message"]
    assert "TORN" not in json.dumps(result) and "Traceback" not in json.dumps(result)
    (record,) = (entry for entry in log.records if error["extensions"]["id"] in entry.getMessage())
    assert record.levelno == logging.ERROR and record.exc_info is not None
    assert "TORN ROW" in str(record.exc_info[1])


async def test_an_unexpected_error_of_a_query_is_masked_and_logged(
    shared: System, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = await broken(shared)
    for field in ("tasks { status }", "events { totalCount }", "gate { canProceed }"):
        result = await shared.admin.execute(f"query($id: ID!) {{ deployment(id: $id) {{ id {field} }} }}", id=id_)
        assert result["data"] == {"deployment": None}
        check_masked(result, caplog)


async def test_an_unexpected_error_of_a_mutation_is_masked_and_changes_nothing(
    shared: System, caplog: pytest.LogCaptureFixture
) -> None:
    id_ = await broken(shared)
    contents_before = await contents(shared)
    document = 'mutation($id: ID!) { cancelDeployment(input: { id: $id, reason: "a test" }) { errors { code } } }'
    check_masked(await shared.admin.execute(document, id=id_), caplog)
    assert await contents(shared) == contents_before


async def test_an_unexpected_error_of_a_subscription_is_masked_and_logged(
    shared: System, caplog: pytest.LogCaptureFixture
) -> None:
    document = "subscription($id: ID!) { deploymentEvents(id: $id) { cursor } }"
    (result,) = await answers(shared.admin, document, id=await broken(shared))
    check_masked(result, caplog)


# Internal details


async def test_no_field_is_suggested(shared: System) -> None:
    for document in ("{ deploymentz { totalCount } }", "{ viewer { nam } }", "mutation { createVersio }"):
        errors = (await shared.admin.execute(document))["errors"]
        assert errors and "Did you mean" not in json.dumps(errors)


async def test_an_unknown_fragment_is_named(shared: System) -> None:
    (error, *_) = (await shared.admin.execute("{ viewer { ...Missing } }"))["errors"]
    assert "Unknown fragment" in error["message"]


# Limits


def deep(levels: int) -> str:
    """Return a query with its deepest field `levels` below the root field."""
    inner = "id"
    for level in range(levels - 3, 0, -1):
        inner = f"deployment {{ {inner} }}" if level % 2 == 0 else f"tasks {{ {inner} }}"
    return f"{{ deployments(first: 0) {{ nodes {{ {inner} }} }} }}"


@pytest.mark.parametrize("limit", ["alias", "token", "depth"])
async def test_an_operation_has_a_maximum_size(shared: System, limit: str) -> None:
    within, beyond = {
        "alias": (aliased(50), aliased(51)),
        "token": (worded(4900), worded(5000)),
        "depth": (deep(15), deep(18)),
    }[limit]
    assert "errors" not in await shared.admin.execute(within)
    refused = await shared.admin.execute(beyond)
    assert "data" not in refused
    assert limit in refused["errors"][0]["message"]


def worded(number: int) -> str:
    return f"{{ deployments(filter: {{ statuses: [{'SUCCESS ' * number}] }}) {{ totalCount }} }}"


def aliased(number: int) -> str:
    return "{" + " ".join(f"a{n}: viewer {{ id }}" for n in range(number)) + "}"


async def test_limits_hold_over_a_socket_too(shared: System) -> None:
    for document in (aliased(51), deep(18)):
        (result,) = await answers(shared.admin, document)
        assert result["data"] is None and result["errors"]


async def test_the_usual_introspection_is_within_the_limits(shared: System) -> None:
    result = await shared.admin.query(get_introspection_query(input_value_deprecation=True))
    assert result["__schema"]["queryType"]["name"] == "Query"


# HTTP


async def test_a_body_that_is_no_operation_is_a_bad_request(shared: System) -> None:
    bodies = [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"query": 5}', b'{"query": ""}', b'{"query": null}']
    bodies += [b'{"query": "{ viewer { id } }", "variables": []}', b'{"query": "{ viewer { id } }", "variables": "x"}']
    bodies += [b'{"query": "{ viewer { id } }", "operationName": "Missing"}']
    for body in bodies:
        assert (await send(shared.admin, body)).status_code == 400, body


async def test_a_body_that_is_no_object_is_a_bad_request(shared: System) -> None:
    for body in (b"null", b"5", b'"text"', b"true"):
        assert (await send(shared.admin, body)).status_code == 400, body


async def test_of_several_operations_one_must_be_named(shared: System) -> None:
    document = "query A { viewer { id } } query B { viewer { name } }"
    for name, field in (("A", "id"), ("B", "name")):
        body = json.dumps({"query": document, "operationName": name}).encode()
        assert list((await send(shared.admin, body)).json()["data"]["viewer"]) == [field]
    response = await send(shared.admin, json.dumps({"query": document}).encode())
    assert response.status_code == 400 or response.json()["errors"]


async def test_a_get_request_changes_nothing(shared: System) -> None:
    mutation = 'mutation B { createServiceAccount(input: { name: "by-get" }) { errors { code } } }'
    contents_before = await contents(shared)
    for document, name in ((mutation, {}), (f"query A {{ viewer {{ id }} }} {mutation}", {"operationName": "B"})):
        response = await get(shared.admin, document, **name)
        assert response.status_code in (400, 405)
    assert await contents(shared) == contents_before


async def test_a_subscription_without_a_stream_is_refused_with_advice(shared: System) -> None:
    document = 'subscription { deploymentEvents(id: "nobody") { cursor } }'
    for response in (await shared.admin.post(document), await get(shared.admin, document)):
        assert "INTERNAL" not in response.text, response.text


LARGE = b'{"query": "{ viewer { id } }", "variables": {"text": "' + b"x" * (17 * 1024 * 1024) + b'"}}'


async def test_a_body_that_is_too_large_is_413(shared: System) -> None:
    assert (await send(shared.admin, LARGE)).status_code == 413


async def test_a_body_that_is_too_large_is_413_also_when_it_does_not_tell_its_length(shared: System) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(LARGE), 1024 * 1024):
            yield LARGE[start : start + 1024 * 1024]

    assert (await send(shared.admin, chunks())).status_code == 413


PLAIN = b"query($text: String) { applications(contains: $text) { totalCount } }"
PLAN = b"query($text: String, $input: CreateDeploymentInput!) { deploymentPlan(input: $input) { levels } }"


async def test_a_body_has_a_maximum_size(shared: System) -> None:
    async def status_of(query: bytes, size: int) -> int:
        body = b'{"query": "%s", "variables": {"text": "%s"}}' % (query, b"x" * size)
        return (await send(shared.admin, body)).status_code

    mebibyte = 1024 * 1024
    assert await status_of(PLAIN, mebibyte // 2) == 200
    assert await status_of(PLAIN, 2 * mebibyte) == 413
    assert await status_of(PLAN, 15 * mebibyte) == 200
    assert await status_of(PLAN, 17 * mebibyte) == 413


async def test_a_body_has_a_maximum_number_of_values(shared: System) -> None:
    async def status_of(query: bytes, inner: str) -> int:
        body = b'{"query": "%s", "variables": {"x": %s}}' % (query, inner.encode())
        return (await send(shared.admin, body)).status_code

    def listed(number: int) -> str:
        return f"[{','.join(['1'] * number)}]"

    assert await status_of(PLAIN, listed(19_000)) == 200
    assert await status_of(PLAIN, listed(21_000)) == 413
    assert await status_of(PLAN, listed(190_000)) == 200
    assert await status_of(PLAN, listed(210_000)) == 413
    assert await status_of(PLAN, listed(1_000_000)) == 413
    assert await status_of(PLAN, listed(1_000_000).replace("1", "{}")) == 413
    assert await status_of(PLAIN, "[" * 40 + "]" * 40) == 200
    assert await status_of(PLAIN, "[" * 60 + "]" * 60) == 413
    assert await status_of(PLAIN, "[" * 60_000 + "]" * 60_000) == 400
