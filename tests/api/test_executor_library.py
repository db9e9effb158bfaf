"""The executor is a library: of the modules of Boreas it imports only its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

from app.api import execution


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or "app"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_it_imports_nothing_else_of_boreas() -> None:
    """import-linter forbids the modules that it lists; here a new one is forbidden as well."""
    files = sorted(Path(execution.__path__[0]).glob("*.py"))
    assert len(files) > 5
    ours = {name for path in files for name in imported_modules(path) if name.partition(".")[0] == "app"}
    assert {name for name in ours if not f"{name}.".startswith("app.api.execution.")} == set()
