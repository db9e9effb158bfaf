"""Documents: links, code paths, settings, variables and error codes match the code."""

import ast
import re
from pathlib import Path

import pytest

from tests.rules.support import error_reference

ROOT = Path(__file__).parents[2]
PAPERS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SETTING = re.compile(r"BOREAS_[A-Z_]+")
README_LINES = 120
CODE = re.compile(r"`((?:app|tests|bench|docs|examples|migrations)/[a-z_0-9./-]*)`")
VARIABLE = re.compile(r"BOREAS_[A-Z_]+")
NOT_SETTINGS = {"BOREAS_URL", "BOREAS_TOKEN"}
"""Of the commands, not of a server: they stand with the command line."""


def anchors(path: Path) -> set[str]:
    """Return the anchors of a paper's headings, as the usual viewers make them."""
    headings = HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_in_documents_have_targets(paper: Path) -> None:
    for target, anchor in LINK.findall(paper.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path = paper.parent / target if target else paper
        assert path.exists(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(path), f"{target} has no heading {anchor}"


def test_the_table_has_every_setting() -> None:
    tree = ast.parse((ROOT / "app/settings.py").read_text(encoding="utf-8"))
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    settings = {text for text in texts if SETTING.fullmatch(text)}
    table = set(SETTING.findall((ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")))
    assert settings - NOT_SETTINGS <= table


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_of_code_in_a_document_exist(paper: Path) -> None:
    paths = CODE.findall(paper.read_text(encoding="utf-8"))
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_table_has_every_variable_of_commands() -> None:
    table = set(VARIABLE.findall((ROOT / "docs/reference/variables.md").read_text(encoding="utf-8")))
    sources = [ROOT / "app/services/execution/instructions.py", *(ROOT / "app/gateways/operators").rglob("*.py")]
    variables = {name for path in sources for name in VARIABLE.findall(path.read_text(encoding="utf-8"))}
    assert table - {"BOREAS_"} == variables - {"BOREAS_COMMAND_USER"}


def test_the_reference_of_errors_is_current() -> None:
    assert error_reference.FILE.read_text(encoding="utf-8") == error_reference.reference(), (
        "write it again: make schema"
    )
