"""Reading declarations: YAML of several documents, each checked against its kind, with the place of every fault."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from app.cli.apply.specs import Spec
from app.cli.apply.yaml_loader import Loader
from app.cli.client import ApiError

AT = " - at `$"
ANY = "[...]"
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration, and where it stands: file, number of the document (from 1), line."""

    spec: Spec
    file: str
    number: int
    line: int

    @property
    def title(self) -> str:
        """What it is of, for people."""
        return f"{type(self.spec).__name__} {self.spec.name}"

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.file}, document {self.number} (line {self.line})"


def read(files: Sequence[str]) -> list[Declared]:
    """Return what all files declare. Raises ApiError with everything that is wrong with them."""
    found: list[Declared] = []
    wrong: list[str] = []
    for file in files:
        for each in _documents(file):
            if isinstance(each, Declared):
                found.append(each)
            else:
                wrong.append(each)
    wrong += _twice(found)
    if not wrong and not found:
        wrong.append(f"{', '.join(files)}: there is nothing declared")
    if wrong:
        raise ApiError("\n".join(wrong))
    return found


def _twice(found: Sequence[Declared]) -> Iterator[str]:
    places: dict[str, str] = {}
    for each in found:
        if each.title in places:
            yield f"{each.place}: {each.title} is declared in {places[each.title]} already"
        places.setdefault(each.title, each.place)


def _documents(file: str) -> Iterator[Declared | str]:
    """Yield each declaration of a file, or what is wrong with it."""
    name = "standard input" if file == STDIN else file
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
        loader = Loader(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        yield f"{name}: it can not be read: {error}"
        return
    try:
        number = 0
        while loader.check_node():
            number += 1
            node = loader.get_node()
            value = loader.whole(node) if node else None
            if node and value is not None:
                yield _declared(value, name, number, node.start_mark.line + 1)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        yield f"{name}, document {max(number, 1)}: it is no YAML: {_told(error)}"
    finally:
        loader.dispose()


def _told(error: Exception) -> str:
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem is None:
        return str(error) or type(error).__name__
    return f"{problem} (line {mark.line + 1})" if mark else str(problem)


def _declared(value: Any, file: str, number: int, line: int) -> Declared | str:
    name = value.get("name") if isinstance(value, dict) else None
    kind = value.get("kind") if isinstance(value, dict) else None
    whose = f" ({kind} {name})" if isinstance(kind, str) and isinstance(name, str) else ""
    place = f"{file}, document {number} (line {line}){whose}"
    try:
        return Declared(msgspec.convert(value, Spec), file, number, line)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(AT)
        where = _named(where.removesuffix("`").removeprefix("."), value)
        hint = ": write it in quotes" if "Expected `str`, got" in what else ""
        return f"{place}: {where}: {what}{hint}" if where else f"{place}: {what}"


def _named(where: str, value: Any) -> str:
    """Return the place of a fault with the name of what is wrong in an object of texts, for which only […] stands."""
    path, some, rest = where.partition(ANY)
    if not some:
        return where
    for step in re.findall(r"[^.\[\]]+", path):
        value = value[int(step)] if isinstance(value, list) else value.get(step)
    wrong = [name for name, content in value.items() if not isinstance(content, str)] if isinstance(value, dict) else []
    return f"{path}.{wrong[0]}{rest}" if wrong else where
