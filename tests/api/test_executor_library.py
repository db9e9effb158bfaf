"""The executor is a library: what it imports, transitively, is Python, graphql-core, Strawberry and msgspec."""

import subprocess
import sys

IMPORT = """
import importlib, pathlib, sys
import app.api.execution as package
for path in sorted(pathlib.Path(package.__path__[0]).glob("[!_]*.py")):
    importlib.import_module(f"app.api.execution.{path.stem}")
print(*sorted(name for name in sys.modules if name.partition(".")[0] == "app"))
"""


def test_it_imports_nothing_else_of_boreas() -> None:
    """import-linter lists the forbidden modules; here a new one counts as well."""
    run = subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True)
    modules = run.stdout.split()
    assert "app.api.execution.executor" in modules
    assert [name for name in modules if not name.startswith("app.api.execution")] == ["app", "app.api"]
