"""One encoding: an event has the same bytes over every transport, shared or executed alone.

In: events with texts beyond ASCII. Out: the bytes of each result on the wire.
Tested: UTF-8 everywhere, and an escaped body where a text has no UTF-8 form.
"""

import json

import httpx
import pytest
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError

from app.api.encoding import encode_body, error_body, result_body
from app.api.request_codes import RequestCode
from tests.api.support.feeds import chain
from tests.api.support.wire import begin
from tests.support.system import System

REASON = "Größe 東京 🚀 \u2028"
SHARED = "subscription($id: ID!) { deploymentEvents(id: $id) { events { ... on DeploymentStatusChanged { reason } } } }"
ALONE = SHARED.replace("(id: $id) {", "(id: $id, after: null) {")
EVENTS = "text/event-stream"
PARTS = 'multipart/mixed; subscriptionSpec="1.0"'


async def over_http(system: System, deployment: str, document: str, accept: str) -> bytes:
    """Return the body of a stream, read to its end."""
    headers = {"Authorization": f"Bearer {system.admin.token}", "Accept": accept}
    body = {"query": document, "variables": {"id": deployment}}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        return (await http.post(f"{system.url}/graphql", json=body, headers=headers)).content


async def over_socket(system: System, deployment: str, document: str) -> bytes:
    """Return the messages of a socket, up to the completion of an operation."""
    messages: list[str] = []
    async with system.admin.socket() as socket:
        await begin(socket, "1", document, id=deployment)
        while not messages or '"complete"' not in messages[-1]:
            messages.append(str(await socket.recv()))
    return "\n".join(messages).encode()


@pytest.mark.parametrize("document", [SHARED, ALONE], ids=["shared", "alone"])
async def test_an_event_has_the_same_bytes_over_http(shared: System, document: str) -> None:
    deployment = await chain(shared, 1)
    await shared.admin.change("cancelDeployment", "__typename", id=deployment, reason=REASON)
    reason = f'"reason":"{REASON}"'.encode()
    for accept in (EVENTS, PARTS):
        assert (await over_http(shared, deployment, document, accept)).count(reason) == 1


@pytest.mark.parametrize("document", [SHARED, ALONE], ids=["shared", "alone"])
async def test_an_event_has_the_same_bytes_over_a_socket(shared: System, document: str) -> None:
    deployment = await chain(shared, 1)
    await shared.admin.change("cancelDeployment", "__typename", id=deployment, reason=REASON)
    stream = await over_http(shared, deployment, SHARED, EVENTS)
    (payload,) = [line.removeprefix(b"data: ") for line in stream.split(b"\n") if line.startswith(b'data: {"data"')]
    assert payload in await over_socket(shared, deployment, document)


def test_a_text_without_a_utf_8_form_is_escaped() -> None:
    assert encode_body({"data": {"name": "é"}}) == '{"data":{"name":"é"}}'.encode()
    body = {"data": {"name": "é\ud800"}}
    assert encode_body(body) == b'{"data":{"name":"\\u00e9\\ud800"}}'
    assert json.loads(encode_body(body)) == body


def test_a_result_that_was_not_executed_has_no_data() -> None:
    assert result_body(ExecutionResult(data=None, errors=None, extensions={"a": 1})) == {
        "data": None,
        "extensions": {"a": 1},
    }
    assert result_body(PreExecutionError(data=None, errors=[])) == {}
    assert error_body("No.", RequestCode.BAD_REQUEST) == {
        "errors": [{"message": "No.", "extensions": {"code": "BAD_REQUEST"}}]
    }
