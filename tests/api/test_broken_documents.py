"""Operations that cannot run are refused with a code and without internal details."""

import json
from typing import Any

import pytest

from tests.api.support.wire import answers, begin, code, send
from tests.support.system import System


def chain(levels: int) -> str:
    parts = [f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(levels)]
    return f"{{ ...F0 }} {' '.join(parts)} fragment F{levels} on Query {{ viewer {{ id }} }}"


def deep_document(levels: int, opening: str, closing: str) -> str:
    return f"{{ application(id: {opening * levels}1{closing * levels}) {{ id }} }}"


def spreading_document(number: int) -> str:
    spread = " ".join(f"...F{n}" for n in range(number))
    return f"{{ {spread} }} " + " ".join(f"fragment F{n} on Query {{ viewer {{ id name }} }}" for n in range(number))


BROKEN: dict[str, Any] = {
    "nothing": "{",
    "a field that is not there": "{ nothing }",
    "400 nested fragments": chain(400),
    "150 nested fragments": chain(150) + " query Two { ...F0 }",
    "nested selections": "{a" * 900,
    "nested lists": deep_document(900, "[", "]"),
    "nested objects": deep_document(900, "{a: ", "}"),
    "fewer nested lists": deep_document(100, "[", "]"),
    "nested types": f"query($a: {'[' * 900}ID{']' * 900}) {{ viewer {{ id }} }}",
    "a variable that is missing": "query($a: ID!) { application(id: $a) { id } }",
    "too many tokens": f"{{ viewer {{ {'id ' * 5000} }} }}",
    "too long": f"{{ viewer {{ id }} }} # {'x' * 70_000}",
    "the same fields too often": f"{{ viewer {{ {'id ' * 1500} }} }}",
    "the same objects too often": f"{{ {'applications { nodes { id } } ' * 100} }}",
    "fragments that are compared": spreading_document(150),
    "too many operations": " ".join(f"query Q{n} {{ viewer {{ id }} }}" for n in range(30)),
    "a type that is not there": "{ viewer { ... on Nothing { id } } }",
    "no operation": "fragment F on Query { viewer { id } }",
    "an SDL": "type Query { a: Int }",
}


CODES = {
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "BAD_USER_INPUT",
    "OPERATION_RESOLUTION_FAILURE",
    "TOO_LARGE",
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_every_error_has_a_code_and_reveals_no_internals(shared: System, fault: str) -> None:
    results = [await shared.admin.execute(BROKEN[fault]), (await answers(shared.admin, BROKEN[fault]))[0]]
    for result in results:
        assert result.get("data") is None and result["errors"]
        for error in result["errors"]:
            assert error["extensions"]["code"] in CODES, error
            assert "recursion" not in error["message"] and "Traceback" not in error["message"]


async def test_errors_still_say_where(shared: System) -> None:
    for _ in range(3):
        (error,) = (await shared.admin.execute("{\n  viewer { nothing }\n}"))["errors"]
        assert error["locations"] == [{"line": 2, "column": 12}]
        (error,) = (await shared.admin.execute("{\n  deployments(first: -1) { totalCount }\n}"))["errors"]
        assert error["locations"] == [{"line": 2, "column": 3}]


async def test_deep_json_in_variables_is_refused(shared: System) -> None:
    for levels, status, expected in ((30, 200, None), (60, 413, "TOO_LARGE"), (100_000, 400, "BAD_REQUEST")):
        deep = '{"b": ' * levels + "1" + "}" * levels
        body = f'{{"query": "{{ viewer {{ id }} }}", "variables": {{"a": {deep}}}}}'
        response = await send(shared.admin, body.encode())
        assert response.status_code == status
        assert code(response.json()) == expected
    async with shared.admin.socket() as socket:
        nest: Any = 1
        for _ in range(60):
            nest = [nest]
        await begin(socket, "1", "{ viewer { id } }", deep=nest)
        refused = json.loads(await socket.recv())
        assert refused["payload"][0]["extensions"]["code"] == "TOO_LARGE"
