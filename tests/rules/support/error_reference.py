"""Writes the reference of error codes from the code: `python -m tests.rules.support.error_reference`."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from graphql import GraphQLEnumType, build_schema

from app.api import request_codes
from app.api.schema import schema

FILE = Path(__file__).parents[3] / "docs" / "reference" / "errors.md"
HEAD = """# Errors

Written from the code by `make schema`. A refusal of a mutation is in `errors` of its payload; every other refusal is a
GraphQL error with its code in `extensions.code`. Codes are stable; messages are for people and may change. `path`
names the field of the input that is wrong.

## Codes of refusals

"""
FAULTS = """
## Faults of workflows

Kinds of the entries of `WorkflowFault` and of `deploymentPlan.faults`. All faults of a graph are reported at once.

"""
REQUESTS = """
## Codes of requests that cannot run

In `extensions.code` of an answer without `data`.

"""
SOCKETS = """
## Close codes of sockets

| code | meaning | what to do |
|---|---|---|
| 1009 | A message is longer than the limit | Send less in one message |
| 1012 | The process stops, or a feed broke | Reconnect, with `after` of the last event |
| 4400 | A message breaks graphql-transport-ws | Mend the client |
| 4401 | An operation was sent before `connection_init` was acknowledged | Send `connection_init` first |
| 4403 | The token is missing, invalid, expired or revoked | Reconnect with a valid token |
| 4408 | No `connection_init` came in time | Send it within 10 s |
| 4409 | An operation with this id already runs | Use a new id |
| 4429 | The actor has too many connections, or the socket too many operations | Close some |
"""


def enum_rows(name: str) -> Iterator[str]:
    """Yield a row for each value of an enum of the schema, with its description."""
    enum = build_schema(schema.as_str()).type_map[name]
    assert isinstance(enum, GraphQLEnumType)
    for value, definition in enum.values.items():
        yield f"| `{value}` | {(definition.description or '').strip()} |"


def request_rows() -> Iterator[str]:
    """Yield a row for each code of requests, with the docstring below it."""
    (codes,) = (
        node
        for node in ast.parse(inspect.getsource(request_codes)).body
        if isinstance(node, ast.ClassDef) and node.name == "RequestCode"
    )
    for node, after in zip(codes.body, [*codes.body[1:], None], strict=True):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            yield f"| `{node.value.value!s}` | {text!s} |"


def reference() -> str:
    """Return the reference of error codes as Markdown."""
    head = "| code | meaning |\n|---|---|\n"
    tables = (HEAD, head, *lines(enum_rows("ErrorCode")), FAULTS, head, *lines(enum_rows("FaultKind")))
    return "".join((*tables, REQUESTS, head, *lines(request_rows()), SOCKETS))


def lines(rows: Iterator[str]) -> Iterator[str]:
    """Yield rows as lines."""
    return (f"{row}\n" for row in rows)


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
