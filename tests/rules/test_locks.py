"""Locked packages are pinned by their content, and name no registry."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("web", "tests/node", "tests/browser", "bench/peers/node")
PYTHON = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-web.lock",
    "requirements-browser.lock",
    "requirements-docs.lock",
)


@pytest.mark.parametrize("folder", FOLDERS)
def test_packages_of_npm_are_pinned_by_their_content(folder: str) -> None:
    text = (ROOT / folder / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    root_package = packages.pop("")
    manifest = json.loads((ROOT / folder / "package.json").read_text())
    for kind in ("dependencies", "devDependencies"):
        assert root_package.get(kind) == manifest.get(kind)
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in manifest.get(kind, {}).values()), kind
    assert [name for name, package in packages.items() if "integrity" not in package] == []
    assert "resolved" not in text


@pytest.mark.parametrize("name", PYTHON)
def test_packages_of_python_are_pinned_by_their_content(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    pinned = re.findall(r"^(\S+==\S+)(.*\n(?:    .*\n?)*)", text, re.MULTILINE)
    assert pinned and [package for package, hashes in pinned if "--hash=sha256:" not in hashes] == []
