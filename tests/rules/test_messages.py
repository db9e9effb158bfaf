"""Messages are whole sentences, also where they quote the message of another program."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import app

ROOT = Path(app.__file__).parent
ENDS = (".", "!", "?", "…")
TOLD = {"name_taken": 0, "GraphQLError": 0, "beyond": 0, "_wrong_state": 1, "_closed": 0}
"""Functions that are given a message without naming it, and which argument it is."""
ATTEMPTS = "gateways"
"""Messages of gateways about an attempt are phrases: services put them into sentences."""
FINISHED = frozenset({"sentence"})
"""What ends what it is given."""


def messages(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield every expression that makes a message."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "message")
            place = TOLD.get(getattr(node.func, "id", ""))
            if place is not None and len(node.args) > place:
                yield node.args[place]
        elif isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "message" for target in node.targets):
            yield node.value


def is_unfinished(value: ast.expr) -> bool:
    """Whether a message is written here, and ends in the middle of a sentence."""
    if isinstance(value, ast.IfExp):
        return is_unfinished(value.body) or is_unfinished(value.orelse)
    if isinstance(value, ast.JoinedStr):
        return is_unfinished(value.values[-1])
    if isinstance(value, ast.FormattedValue):
        of = value.value
        if isinstance(of, ast.Call):
            return getattr(of.func, "id", "") not in FINISHED
        return getattr(of, "attr", getattr(of, "id", "")) != "message"
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and not value.value.endswith(ENDS)


def unfinished_messages() -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{value.lineno}"
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).parts[0] != ATTEMPTS
        for value in messages(ast.parse(path.read_text(encoding="utf-8")))
        if is_unfinished(value)
    ]


def test_every_message_ends_its_last_sentence() -> None:
    assert unfinished_messages() == []


@pytest.mark.parametrize(
    "source",
    [
        'f(message="It is past")',
        'f(message=f"It is {value}")',
        'f(message=f"It failed: {task.error_message}")',
        'message = f"“{key}” waits"',
        'raise name_taken("There is one already")',
        'f(message="It is past." if past else "It is not")',
    ],
)
def test_a_message_that_does_not_end_is_found(source: str) -> None:
    assert any(map(is_unfinished, messages(ast.parse(source))))


@pytest.mark.parametrize(
    "source", ['f(message="It is past.")', 'f(message=f"{sentence(said)}")', 'f(message=f"No. {problem.message}")']
)
def test_a_message_that_ends_is_none(source: str) -> None:
    assert not any(map(is_unfinished, messages(ast.parse(source))))
