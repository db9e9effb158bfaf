"""No module and no function of the application is too long to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "app").rglob("*.py"))
MODULE_LINES, BODY_LINES = 350, 50


def bodies(source: str) -> Iterator[tuple[str, int]]:
    """Yield the name of each function, and how many lines stand between its head and its end."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or 0) - node.body[0].lineno + 1


def test_modules_are_short() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert len(lines) > 50
    assert {name: number for name, number in lines.items() if number > MODULE_LINES} == {}


def test_functions_are_short() -> None:
    functions = [(path, *body) for path in MODULES for body in bodies(path.read_text(encoding="utf-8"))]
    assert len(functions) > 300
    assert [f"{path.relative_to(ROOT)}: {name}" for path, name, lines in functions if lines > BODY_LINES] == []


def test_a_long_function_is_found() -> None:
    source = "class A:\n    async def long(self):\n" + "        pass\n" * 51 + "    def short(self): ...\n"
    assert dict(bodies(source)) == {"long": 51, "short": 1}
