"""Operations that cannot be executed get a code and no data, over every transport."""

import json
from typing import Any

import httpx
import pytest

from tests.api.support.wire import begin, code, send
from tests.support.client import Data
from tests.support.system import System

GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
PARTS = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0'
BY_ID = "query($a: ID!) { application(id: $a) { id } }"
WINDOW = "mutation($w: CreateFreezeWindowInput!) { createFreezeWindow(input: $w) { errors { code } } }"
HASH = {"persistedQuery": {"version": 1, "sha256Hash": "ecf4edb46db4" * 5}}

NOT_RUN: dict[str, tuple[str, dict[str, Any]]] = {
    "no GraphQL": ("GRAPHQL_PARSE_FAILED", {"query": "{"}),
    "a text that does not end": ("GRAPHQL_PARSE_FAILED", {"query": '{ application(id: "a) { id } }'}),
    "a field that is not there": ("GRAPHQL_VALIDATION_FAILED", {"query": "{ nothing }"}),
    "an argument that is not there": ("GRAPHQL_VALIDATION_FAILED", {"query": "{ viewer(id: 1) { id } }"}),
    "a literal of another type": ("GRAPHQL_VALIDATION_FAILED", {"query": '{ deployments(first: "x") { totalCount } }'}),
    "a directive that is not there": ("GRAPHQL_VALIDATION_FAILED", {"query": "{ viewer { ... @defer { id } } }"}),
    "two operations of one name": ("GRAPHQL_VALIDATION_FAILED", {"query": "query A { __typename } " * 2}),
    "a variable that is missing": ("BAD_USER_INPUT", {"query": BY_ID}),
    "a variable that is null": ("BAD_USER_INPUT", {"query": BY_ID, "variables": {"a": None}}),
    "a variable of another type": ("BAD_USER_INPUT", {"query": BY_ID, "variables": {"a": {}}}),
    "a time that is none": ("BAD_USER_INPUT", {"query": WINDOW, "variables": {"w": {
        "environmentId": "e", "name": "n", "reason": "r", "startsAt": "soon", "endsAt": "2030-01-01T00:00:00Z"}}}),
    "no operation": ("OPERATION_RESOLUTION_FAILURE", {"query": "fragment F on Query { viewer { id } }"}),
    "none of several": ("OPERATION_RESOLUTION_FAILURE", {"query": "query A { __typename } query B { __typename }"}),
    "another name": ("OPERATION_RESOLUTION_FAILURE", {"query": "query A { __typename }", "operationName": "B"}),
    "too many aliases": ("TOO_LARGE", {"query": "{" + " ".join(f"a{n}: __typename" for n in range(51)) + "}"}),
    "too many tokens": ("TOO_LARGE", {"query": "{ viewer { " + "id " * 5000 + "} }"}),
    "a hash": ("PERSISTED_QUERY_NOT_SUPPORTED", {"extensions": HASH}),
}  # fmt: skip


def result_of(response: httpx.Response) -> Data:
    """Return the only result of a response of any media type."""
    media_type = response.headers["content-type"].partition(";")[0]
    if media_type == EVENTS:
        (line,) = [line for line in response.text.splitlines() if line.startswith("data: ")]
        result: Data = json.loads(line.removeprefix("data: "))
    elif media_type == "multipart/mixed":
        (line,) = [line for line in response.text.splitlines() if line.startswith('{"payload":')]
        result = json.loads(line)["payload"]
    else:
        result = response.json()
    return result


@pytest.mark.parametrize("case", NOT_RUN)
async def test_an_invalid_operation_has_a_code_and_no_data(shared: System, case: str) -> None:
    expected, operation = NOT_RUN[case]
    body = json.dumps(operation).encode()
    for accept in ("application/json", GRAPHQL, EVENTS, PARTS):
        result = result_of(await send(shared.admin, body, accept=accept))
        assert list(result) == ["errors"] and result["errors"][0]["message"], (accept, result)
        assert code(result) == expected, (accept, result)
    async with shared.admin.socket() as socket:
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": operation}))
        message = json.loads(await socket.recv())
        assert (message["id"], message["type"]) == ("1", "error")
        assert message["payload"][0]["extensions"]["code"] == expected
        await begin(socket, "1", "{ __typename }")
        assert json.loads(await socket.recv())["payload"] == {"data": {"__typename": "Query"}}


async def test_a_persisted_query_gets_the_error_that_clients_expect(shared: System) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"authorization": f"Bearer {shared.admin.token}"}
        parameters = {"extensions": json.dumps(HASH), "operationName": "A", "variables": "{}"}
        by_get = await http.get(f"{shared.url}/graphql", params=parameters, headers=headers)
    for accept in ("application/json", GRAPHQL, "*/*"):
        by_post = await send(shared.admin, json.dumps({"extensions": HASH}).encode(), accept=accept)
        assert by_post.status_code == by_get.status_code == 200
        assert by_post.json() == by_get.json()
        assert by_get.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
    body = json.dumps({"query": "{ __typename }", "extensions": HASH}).encode()
    assert (await send(shared.admin, body)).json() == {"data": {"__typename": "Query"}}


async def test_a_document_id_and_a_list_of_operations_are_refused(shared: System) -> None:
    by_id = await send(shared.admin, b'{"documentId": "sha256:abc"}')
    assert (by_id.status_code, code(by_id.json())) == (400, "BAD_REQUEST")
    assert "“query”" in by_id.json()["errors"][0]["message"] and "id" in by_id.json()["errors"][0]["message"]
    batch = await send(shared.admin, b'[{"query": "{ __typename }"}, {"query": "{ __typename }"}]')
    assert (batch.status_code, code(batch.json())) == (400, "BAD_REQUEST")
    assert "one by one" in batch.json()["errors"][0]["message"]
    listed = await send(shared.admin, b"[{}, {}, {}]", accept=f"{GRAPHQL},application/json;q=0.9")
    assert (listed.status_code, listed.json()) == (400, [batch.json()] * 3)
    async with shared.admin.socket() as socket:
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"documentId": "x"}}))
        refused = json.loads(await socket.recv())
        assert refused["type"] == "error" and "“query”" in refused["payload"][0]["message"]


REFUSED: list[tuple[int, str, dict[str, Any]]] = [
    (400, "BAD_REQUEST", {"body": b"{"}),
    (400, "BAD_REQUEST", {"body": b"{}"}),
    (400, "BAD_REQUEST", {"body": b'{"query": "{ __typename }", "variables": []}'}),
    (405, "METHOD_NOT_ALLOWED", {"body": b"{}", "method": "PUT"}),
    (406, "NOT_ACCEPTABLE", {"body": b'{"query": "{ __typename }"}', "accept": "image/png"}),
    (413, "TOO_LARGE", {"body": b'{"query": "{ __typename }"}' + b" " * 2_000_000}),
    (413, "TOO_LARGE", {"body": b" " * 17 * 2**20}),
    (415, "UNSUPPORTED_MEDIA_TYPE", {"body": b"{}", "content_type": "text/plain"}),
    (401, "UNAUTHENTICATED", {"body": b"{}", "authorization": "Bearer nothing"}),
]


@pytest.mark.parametrize(("status", "expected", "request_"), REFUSED)
async def test_an_invalid_request_has_a_code(
    shared: System, status: int, expected: str, request_: dict[str, Any]
) -> None:
    refused = await send(shared.admin, **request_)
    assert (refused.status_code, code(refused.json())) == (status, expected)
    assert list(refused.json()) == ["errors"]


async def test_an_invalid_argument_during_execution_has_a_path(shared: System) -> None:
    document = 'query($a: ID = "x") { viewer { id } deployment(id: $a) { id } }'
    result = await shared.admin.execute(document, a=None)
    assert result["data"]["viewer"]["id"] and result["errors"][-1]["path"] == ["deployment"]
    assert result["errors"][-1]["extensions"]["code"] == "BAD_USER_INPUT"
