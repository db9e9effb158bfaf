"""Reads files of YAML documents. Validation errors name file, document, line and field."""

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

PATH_MARK = " - at `$"
ANY_KEY = "[...]"
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Document:
    """A declaration, and its place: file, number of the document (from 1) and line."""

    spec: Spec
    file: str
    number: int
    line: int

    @property
    def title(self) -> str:
        """The kind and the name of what it declares."""
        return f"{type(self.spec).__name__} {self.spec.name}"

    @property
    def place(self) -> str:
        """Its place, for people."""
        return f"{self.file}, document {self.number} (line {self.line})"


def read_documents(files: Sequence[str]) -> list[Document]:
    """Return the documents of all files. Raises ApiError, which lists every error."""
    documents: list[Document] = []
    errors: list[str] = []
    for file in files:
        for result in _documents(file):
            if isinstance(result, Document):
                documents.append(result)
            else:
                errors.append(result)
    errors += _duplicates(documents)
    if not errors and not documents:
        errors.append(f"{', '.join(files)}: there is nothing declared")
    if errors:
        raise ApiError("\n".join(errors))
    return documents


def _duplicates(documents: Sequence[Document]) -> Iterator[str]:
    places: dict[str, str] = {}
    for document in documents:
        if document.title in places:
            yield f"{document.place}: {document.title} is declared in {places[document.title]} already"
        places.setdefault(document.title, document.place)


def _documents(file: str) -> Iterator[Document | str]:
    """Yield each document of a file, or its error."""
    name = "standard input" if file == STDIN else file
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
        loader = Loader(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        yield f"{name}: it cannot be read: {error}"
        return
    try:
        number = 0
        while loader.check_node():
            number += 1
            node = loader.get_node()
            value = loader.construct(node) if node else None
            if node and value is not None:
                yield _document(value, name, number, node.start_mark.line + 1)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        yield f"{name}, document {max(number, 1)}: it is not valid YAML: {_yaml_error(error)}"
    finally:
        loader.dispose()


def _yaml_error(error: Exception) -> str:
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem is None:
        return str(error) or type(error).__name__
    return f"{problem} (line {mark.line + 1})" if mark else str(problem)


def _document(value: Any, file: str, number: int, line: int) -> Document | str:
    name = value.get("name") if isinstance(value, dict) else None
    kind = value.get("kind") if isinstance(value, dict) else None
    title = f" ({kind} {name})" if isinstance(kind, str) and isinstance(name, str) else ""
    place = f"{file}, document {number} (line {line}){title}"
    try:
        return Document(msgspec.convert(value, Spec), file, number, line)
    except msgspec.ValidationError as error:
        problem, path = validation_problem(error)
        path = _with_key(path, value)
        hint = ": write it in quotes" if "Expected `str`, got" in problem else ""
        return f"{place}: {path}: {problem}{hint}" if path else f"{place}: {problem}"


def validation_problem(error: Exception) -> tuple[str, str]:
    """Return the problem of a validation error, and the path of the field (empty: the whole document)."""
    problem, _, path = str(error).partition(PATH_MARK)
    return problem, path.removesuffix("`").removeprefix(".")


def _with_key(path: str, value: Any) -> str:
    """Return the path of an error with the key of an invalid variable, for which msgspec writes […]."""
    parent, mark, rest = path.partition(ANY_KEY)
    if not mark:
        return path
    for step in re.findall(r"[^.\[\]]+", parent):
        value = value[int(step)] if isinstance(value, list) else value.get(step)
    invalid = [key for key, content in value.items() if not isinstance(content, str)] if isinstance(value, dict) else []
    return f"{parent}.{invalid[0]}{rest}" if invalid else path
