"""GraphQL over HTTP beyond its audit: media types, statuses and methods, and how they are chosen."""

import json

import httpx
import pytest

from app.api.transport.negotiation import Media, accepted
from app.api.transport.requests import GraphQLRequest
from tests.api.support.wire import code, get, send
from tests.support.system import System

GRAPHQL = "application/graphql-response+json"
SUBSCRIPTION = 'subscription { deploymentEvents(id: "nobody") { cursor } }'
MUTATION = 'mutation { createServiceAccount(input: { name: "unwanted" }) { errors { code } } }'
APOLLO_SUBSCRIPTION = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json'
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


async def ask(system: System, document: str, accept: str) -> httpx.Response:
    """Send an operation that accepts an encoding."""
    return await send(system.admin, json.dumps({"query": document}).encode(), accept=accept)


# Media types

CHOICES = [
    # Accept, for a query, for a subscription
    (None, Media.JSON, Media.JSON),
    ("", Media.JSON, Media.JSON),
    ("*/*", Media.JSON, Media.JSON),
    ("application/*", Media.JSON, Media.JSON),
    ("text/html, */*;q=0.8", Media.JSON, Media.JSON),
    ("APPLICATION/JSON; charset=utf-8", Media.JSON, Media.JSON),
    (GRAPHQL, Media.GRAPHQL, Media.GRAPHQL),
    (f"{GRAPHQL}, application/json", Media.GRAPHQL, Media.GRAPHQL),
    (f"application/json, {GRAPHQL}", Media.GRAPHQL, Media.GRAPHQL),
    (f"{GRAPHQL}, application/json;q=0.9", Media.GRAPHQL, Media.GRAPHQL),
    (f"{GRAPHQL};q=0.5, application/json", Media.JSON, Media.JSON),
    (f"{GRAPHQL}, */*", Media.GRAPHQL, Media.GRAPHQL),
    ("application/json;q=0, */*", Media.GRAPHQL, Media.GRAPHQL),
    ("text/event-stream", Media.EVENTS, Media.EVENTS),
    ("text/event-stream, application/json", Media.JSON, Media.EVENTS),
    ("application/json, text/event-stream;q=0.1", Media.JSON, Media.EVENTS),
    ("text/event-stream, application/json;q=0.1", Media.EVENTS, Media.EVENTS),
    ("text/event-stream, */*;q=0.1", Media.EVENTS, Media.EVENTS),
    (URQL, Media.GRAPHQL, Media.EVENTS),
    (APOLLO_SUBSCRIPTION, Media.JSON, Media.PARTS),
    ('multipart/mixed;subscriptionSpec="1.0", application/json', Media.JSON, Media.PARTS),
    ("multipart/mixed;deferSpec=20220824,application/json", Media.JSON, Media.JSON),
    ("text/event-stream;q=0, application/json", Media.JSON, Media.JSON),
    ('a/b;c="d,application/json;q=1"', None, None),
    ("text/html", None, None),
    ("*/*;q=0", None, None),
    ("multipart/mixed", None, None),
]


@pytest.mark.parametrize(("header", "query", "subscription"), CHOICES)
def test_the_media_type_with_the_highest_quality_is_chosen(
    header: str | None, query: Media | None, subscription: Media | None
) -> None:
    assert accepted(header or None).choose(subscription=False) is query
    assert accepted(header or None).choose(subscription=True) is subscription


def test_a_long_accept_header_is_read() -> None:
    for text in ('"' * 50_000, "," * 50_000, 'a;b="' * 10_000, "a/b;q=" * 10_000):
        assert accepted(f"{text}, application/json").choose(subscription=False) in (Media.JSON, None)


# Statuses

NOT_RUN = {
    "it cannot be parsed": {"query": "{"},
    "it is not valid": {"query": "{ nothing }"},
    "a variable is missing": {"query": "query($id: ID!) { deployment(id: $id) { id } }"},
    "a variable is of another type": {
        "query": "query($id: ID!) { deployment(id: $id) { id } }",
        "variables": {"id": {}},
    },
    "it names none of several operations": {"query": "query A { viewer { id } } query B { viewer { id } }"},
    "it is too deep": {"query": "{ deployments { nodes {" + "tasks { deployment {" * 9 + "id" + "} }" * 10 + "}"},
    "it is a subscription": {"query": SUBSCRIPTION},
}


@pytest.mark.parametrize("case", NOT_RUN)
async def test_an_invalid_operation_is_400_as_graphql_response_and_200_as_json(shared: System, case: str) -> None:
    body = json.dumps(NOT_RUN[case]).encode()
    modern = await send(shared.admin, body, accept=GRAPHQL)
    assert (modern.status_code, modern.headers["content-type"]) == (400, f"{GRAPHQL}; charset=utf-8")
    assert list(modern.json()) == ["errors"] and modern.json()["errors"][0]["message"]
    legacy = await send(shared.admin, body, accept="application/json")
    assert (legacy.status_code, legacy.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert legacy.json() == modern.json()


async def test_an_executed_operation_is_200_also_with_errors_of_fields(shared: System) -> None:
    partial = await ask(shared, "{ viewer { id } application { id } }", GRAPHQL)
    assert (partial.status_code, code(partial.json())) == (200, "INVALID")
    assert partial.json()["data"]["viewer"]["id"] and partial.json()["data"]["application"] is None
    nothing = await ask(shared, "{ applications(first: -1) { totalCount } }", GRAPHQL)
    assert (nothing.status_code, nothing.json()["data"], code(nothing.json())) == (200, None, "INVALID")


@pytest.mark.parametrize("accept", [GRAPHQL, "application/json"])
async def test_a_missing_operation_is_400(shared: System, accept: str) -> None:
    body = json.dumps({"query": "query A { viewer { id } }", "operationName": "B"}).encode()
    refused = await send(shared.admin, body, accept=accept)
    assert (refused.status_code, code(refused.json())) == (400, "OPERATION_RESOLUTION_FAILURE")
    assert "B" in refused.json()["errors"][0]["message"]


async def test_an_unavailable_media_type_is_406(shared: System) -> None:
    for accept in ("text/html", "image/png, text/plain;q=0.5", "*/*;q=0", "multipart/mixed"):
        refused = await ask(shared, "{ viewer { id } }", accept)
        assert refused.status_code == 406, accept
        assert "application/json" in refused.json()["errors"][0]["message"]


async def test_a_body_of_another_content_type_is_415(shared: System) -> None:
    body = b'{"query": "{ viewer { id } }"}'
    kinds = [
        "",
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ]
    kinds += ["application/json; charset=utf-16", "application/json-patch+json", "text/plain; application/json"]
    for kind in kinds:
        assert (await send(shared.admin, body, content_type=kind)).status_code == 415, kind
    for kind in ("application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'):
        assert (await send(shared.admin, body, content_type=kind)).status_code == 200, kind


async def test_invalid_json_is_400(shared: System) -> None:
    bodies = [b"\x80", b"[" * 200_000, b'{"query": "{ viewer { id } }", "variables": {"n": NaN}}']
    for body in bodies:
        refused = await send(shared.admin, body)
        assert (refused.status_code, code(refused.json())) == (400, "BAD_REQUEST")


# Methods


async def test_other_methods_are_405_with_the_allowed_ones(shared: System) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        refused = await send(shared.admin, b"{}", method)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")


async def test_a_mutation_by_get_is_405_in_every_form(shared: System) -> None:
    disguises: list[tuple[str, dict[str, str]]] = [
        (MUTATION, {}),
        (f"fragment F on Query {{ __typename }} {MUTATION}", {}),
        (MUTATION.replace("mutation", "mutation M") + " query Q { __typename }", {"operationName": "M"}),
    ]
    for document, parameters in disguises:
        refused = await get(shared.admin, document, **parameters)
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST"), document
    body = {"query": "{ viewer { id } }"}
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"authorization": f"Bearer {shared.admin.token}", "accept": "text/event-stream"}
        refused = await http.get(f"{shared.url}/graphql", params=body | {"query": MUTATION}, headers=headers)
        assert refused.status_code == 405


async def test_a_query_by_get_has_its_variables_and_its_name(shared: System) -> None:
    document = "query A { viewer { id } } query B($id: ID!) { deployment(id: $id) { id } }"
    response = await get(shared.admin, document, variables='{"id": "x"}', operationName="B", extensions="")
    assert (response.status_code, response.json()) == (200, {"data": {"deployment": None}})
    for parameters in ({"variables": "{"}, {"variables": "[]"}, {"variables": "5"}, {"extensions": '"x"'}):
        assert (await get(shared.admin, document, operationName="A", **parameters)).status_code == 400
    plain = await get(shared.admin, "{ viewer { id } }", variables="", operationName="")
    assert plain.status_code == 200


def test_the_kind_of_an_operation_comes_from_its_document() -> None:
    kinds = {
        "{ a }": "query",
        "mutation { a }": "mutation",
        "subscription { a }": "subscription",
        "fragment F on T { a } mutation { ...F }": "mutation",
        "query A { a } mutation B { a }": None,
        "fragment F on T { a }": None,
        "{": None,
        "{ a" * 10_000: None,
        "# " + "x" * 30_000 + "\nmutation { a }": "mutation",
    }
    for text, kind in kinds.items():
        kind_ = GraphQLRequest(text).kind()
        assert (kind_.value if kind_ else None) == kind, text[:40]
    assert GraphQLRequest("query A { a } mutation B { a }", name="C").kind() is None
