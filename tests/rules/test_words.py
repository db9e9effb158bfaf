"""Plain English.

Code and documents have no forbidden phrases, and no long first lines of docstrings.
"""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("app", "bench", "examples", "tests")
CODE = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if path != Path(__file__))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "Makefile", ROOT / "schema.graphql"])
FIRST_LINE = 100
"""Characters of a docstring's first line."""
PHRASES = {
    "no good": "say what is wrong: invalid, missing, too long",
    "as may": "name the limit",
    "is told": "name who says what to whom",
    "are told": "name who says what to whom",
    "be told": "name who says what to whom",
    "nothing is": "say what is missing",
    "it says itself": "name the field",
    "can not": "cannot",
    "any more": "no longer",
    "in hand": "held, running, locked",
    "as far as": "where, if",
}
"""Phrases that hide the subject or the term, with what to write in their place."""
PATTERN = re.compile("|".join(rf"\b{phrase}\b" for phrase in PHRASES), re.IGNORECASE)


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the strings and comments of a module, with their lines."""
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type in (tokenize.STRING, tokenize.COMMENT):
                yield token.start[0], re.sub(r"\s+", " ", token.string)


def phrases_in(texts: Iterator[tuple[int, str]]) -> list[str]:
    """Return each forbidden phrase with its line and what to write instead."""
    matches = ((line, match.group().lower()) for line, text in texts for match in PATTERN.finditer(text))
    return [f"line {line}: {phrase!r}: {PHRASES[phrase]}" for line, phrase in matches]


@pytest.mark.parametrize("folder", FOLDERS)
def test_code_has_no_phrase_of_the_old_style(folder: str) -> None:
    paths = [path for path in CODE if path.is_relative_to(ROOT / folder)]
    assert paths
    assert {str(path.relative_to(ROOT)): phrases for path in paths if (phrases := phrases_in(texts_of(path)))} == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_have_no_phrase_of_the_old_style(document: Path) -> None:
    lines = document.read_text(encoding="utf-8").splitlines()
    assert phrases_in(iter(enumerate(lines, 1))) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_first_lines_of_docstrings_are_short(folder: str) -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    long_lines = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
        for path in CODE
        if path.is_relative_to(ROOT / folder)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, kinds) and len((ast.get_docstring(node) or "").partition("\n")[0]) > FIRST_LINE
    ]
    assert long_lines == []
