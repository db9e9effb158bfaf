"""Every regular expression of the application takes linear time on any text.

Each expression in a module or in a call of `re` runs over hostile texts of two lengths. The texts repeat parts of the
expression, alone or between other texts. A quadratic expression takes sixteen times as long for four times the text.
"""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import app
from app.core import escapes, expressions, masking, texts

ROOT = Path(app.__file__).parent
SIZE = 8_000
LARGE_SECONDS = 0.1
"""What takes no longer with the large text is linear, or might as well be."""
LARGE = 4 * SIZE
USUAL = [
    "a",
    " ",
    "-",
    "_",
    '"',
    "${{",
    "}}",
    "\x1b[",
    "\x1b]",
    "0",
    "A",
    ".",
    "://a:",
    "a@",
    "\n",
    "\t",
    ",",
    "=",
    "12:13:14 ",
]


def patterns_in(value: Any) -> Iterator[re.Pattern[str]]:
    """Yield the expressions that a value of a module holds."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from patterns_in(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from patterns_in(inner)


def patterns_of_calls(source: str) -> Iterator[re.Pattern[str]]:
    """Yield the expressions that are written in calls of `re`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            module, argument = node.func.value, node.args[0]
            if isinstance(module, ast.Name) and module.id == "re" and isinstance(argument, ast.Constant):
                assert isinstance(argument.value, str)
                yield re.compile(argument.value)


def all_patterns() -> dict[str, re.Pattern[str]]:
    patterns: dict[str, re.Pattern[str]] = {}
    for module in pkgutil.walk_packages([str(ROOT)], "app."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                patterns |= {pattern.pattern: pattern for pattern in patterns_in(value) if not name.startswith("__")}
    for path in ROOT.rglob("*.py"):
        patterns |= {pattern.pattern: pattern for pattern in patterns_of_calls(path.read_text(encoding="utf-8"))}
    return {pattern: compiled for pattern, compiled in patterns.items() if isinstance(pattern, str)}


PATTERNS = all_patterns()


def pieces(pattern: str) -> list[str]:
    """Return what an expression is made of, more or less."""
    plain = re.sub(r"\\[bBdDsSwWAZ]", "", re.sub(r"\\u001b|\\x1b", "\x1b", pattern))
    return [piece for piece in re.findall(r"[\x1b\w:/ .@=,\"`$-]{2,}", plain.replace("\\", "")) if piece.strip()][:4]


def hostile_texts(pattern: str, size: int) -> Iterator[str]:
    units = list(dict.fromkeys([*USUAL, *pieces(pattern)]))
    for unit in units:
        yield (unit * size)[:size]
    for prefix, unit in product([*pieces(pattern), '"', "["], units):
        yield prefix + (unit * size)[:size]
        yield ((prefix + unit) * size)[:size]
        yield (unit * size)[:size] + prefix


def seconds_of(run: Any, text: str) -> float:
    start = time.process_time()
    run(text)
    return time.process_time() - start


def is_linear(run: Any, pattern: str) -> bool:
    """Return whether time grows with the length of the text, or stays short."""
    for large_text, small_text in zip(hostile_texts(pattern, LARGE), hostile_texts(pattern, SIZE), strict=True):
        if seconds_of(run, large_text) > LARGE_SECONDS and all(
            seconds_of(run, large_text) > 9 * seconds_of(run, small_text) for _ in range(3)
        ):
            return False
    return True


@pytest.mark.parametrize("pattern", PATTERNS)
def test_time_is_linear(pattern: str) -> None:
    expression = PATTERNS[pattern]

    def run(text: str) -> None:
        expression.sub("", text)
        expression.fullmatch(text)
        expression.match(text)

    assert is_linear(run, pattern)


SECRETS = ("a" * 100 + "b", "ab" * 50, "${{" * 20)
READERS: dict[str, Any] = {
    "cleaned": escapes.clean,
    "cleaned in part": lambda text: escapes.clean(text, final=False),
    "plain": escapes.strip,
    "expressions": lambda text: list(expressions.find_all(text)),
    "replaced": lambda text: expressions.replace(text, lambda _: "x", 10**9),
    "masked": masking.Masker(SECRETS).mask,
    "open end": masking.Masker(SECRETS).partial_secret_start,
    "tidy": texts.normalized,
    "unseen": texts.first_invisible,
}


@pytest.mark.parametrize("name", READERS)
def test_parsers_without_regular_expressions_are_linear(name: str) -> None:
    assert is_linear(READERS[name], r"\x1b]8;;\x1bP\x9b\u200d a${{")


def test_expressions_that_are_not_linear_are_found() -> None:
    assert len(PATTERNS) > 50
    for pattern in (r"\$\{\{.*?\}\}", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ"):
        assert not is_linear(_sub(pattern), pattern)


def _sub(pattern: str) -> Any:
    expression = re.compile(pattern, re.DOTALL)
    return lambda text: (expression.sub("", text), expression.fullmatch(text))
