"""Random documents, variables, bodies and messages of a bounded size."""

import json
from random import Random
from typing import Any

from graphql import GraphQLSchema, get_named_type, is_composite_type, is_leaf_type

INPUTS = ('"a"', "1", "-1", "null", "500", "true", "$v", "{a: 1}", "[1, [2]]", "SUCCESS", '"""b"""', "1e400")
NAMES = ("id", "nothing", "__typename", "a" * 300)


class Documents:
    """Documents for a schema, most of which are valid in parts."""

    def __init__(self, schema: GraphQLSchema, chance: Random) -> None:
        self._schema = schema
        self._chance = chance
        self._left = 0

    def document(self, size: int) -> str:
        """Return a document with about as many selections as `size`."""
        self._left = size
        chance, fragments = self._chance, self._chance.randint(0, 40)
        types = [name for name in ("Query", "Deployment", "Task", "Actor", "Application", "Node") for _ in range(4)]
        on = [chance.choice(types) for _ in range(fragments)]
        parts = [
            f"fragment F{number} on {type_} {self._selections(self._schema.get_type(type_), number + 1, on, 3)}"
            for number, type_ in enumerate(on)
        ]
        root = chance.choice([self._schema.query_type, self._schema.query_type, self._schema.mutation_type])
        head = chance.choice(["query($v: Int)", "{}", "query", "mutation", "query($v: [ID!]!)"]).replace(
            "{}", "query Q"
        )
        return f"{head} {self._selections(root, 0, on, 6)} {' '.join(parts)}"

    def _selections(self, type_: Any, behind: int, on: list[str], depth: int) -> str:
        chance, selections = self._chance, list[str]()
        fields = list(getattr(type_, "fields", {}).items())
        for _ in range(chance.choice([1, 2, 3, 8, 40])):
            if self._left <= 0:
                break
            self._left -= 1
            if on[behind:] and chance.random() < 0.3:
                selections += [f"...F{chance.randrange(behind, len(on))}"] * chance.choice([1, 2, 5])
            elif not fields or chance.random() < 0.03:
                selections.append(chance.choice(NAMES))
            else:
                name, of = chance.choice(fields)
                selections.append(self._field(name, of, behind, on, depth))
        return "{ " + " ".join(selections or ["__typename"]) + " }"

    def _field(self, name: str, of: Any, behind: int, on: list[str], depth: int) -> str:
        chance, type_ = self._chance, get_named_type(of.type)
        alias = f"a{chance.randint(0, 9)}: " if chance.random() < 0.1 else ""
        chosen_arguments = [f"{argument}: {chance.choice(INPUTS)}" for argument in of.args if chance.random() < 0.7]
        arguments = f"({', '.join(chosen_arguments)})" if chosen_arguments else ""
        if is_leaf_type(type_) or depth == 0:
            return alias + name + arguments
        below = self._selections(type_, behind, on, depth - 1) if is_composite_type(type_) else ""
        return f"{alias}{name}{arguments} {below}"


def mangled(chance: Random, text: str) -> str:
    """Return a text in which something is removed, doubled or inserted."""
    at, to = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    return chance.choice(
        [text, text, text[:at] + text[to:], text[:to] + text[at:], text[:at] + "{" * 500 + text[at:], text + "}" * 9]
    )


def value(chance: Random, size: int) -> Any:
    """Return JSON with about as many values as `size`."""
    kind = chance.choice(["flat", "texts", "deep", "objects", "long", "mixed"])
    if kind == "flat":
        return [chance.randint(-9, 9)] * size
    if kind == "texts":
        return ["x" * chance.randint(0, 30)] * size
    if kind == "deep":
        nested: Any = 1
        for _ in range(min(size, 300)):
            nested = [nested] if chance.random() < 0.5 else {"a": nested}
        return nested
    if kind == "objects":
        return [{"b": 1}] * (size // 2)
    if kind == "long":
        return "é" * size
    return {f"k{number}": value(chance, size // 8) for number in range(8)} if size > 8 else None


def body(chance: Random, document: str, size: int) -> bytes:
    """Return the body of a request."""
    names = ["v", "i", "input"]
    variables = {chance.choice(names): chance.choice([value(chance, size), {"tasks": value(chance, size)}])}
    text = json.dumps({"query": document, "variables": variables}).encode()
    at = chance.randrange(len(text))
    return chance.choice(
        [text, text, text, text[:at], text[:at] + b"\xff" + text[at:], b"[" * min(size, 100_000) + text]
    )
