"""Finds every argument of root and nested fields in the schema, and draws odd values for each.

For each place it builds the minimal arguments of its field with an odd value in it, as a literal, as a variable, or as
the default of one. The choice is random, but the same in each run.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
)

from app.api.schema import schema

CORE = schema._schema
ROOTS = {"query": CORE.query_type, "mutation": CORE.mutation_type, "subscription": CORE.subscription_type}
FORMS = ("literal", "variable", "default")
DEPTH = 6
KIB_100 = "x" * 102_400
HUGE = 10**400
BEYOND = float("inf")
"""Is sent as 1e400."""
Path = tuple[str, ...]


@dataclass(frozen=True)
class Word:
    """A name in a literal, such as that of an enum's value."""

    text: str


@dataclass(frozen=True)
class Place:
    """A place for a value: the root field, and the path through its inputs. "*" is an item of a list."""

    root: str
    field: str
    path: Path
    type: Any

    def __str__(self) -> str:
        return ".".join((self.field, *self.path))


def below(type_: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield every place in an input type: lists and objects as well as single values."""
    yield path, type_
    bare = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(bare, GraphQLList):
        yield from below(bare.of_type, (*path, "*"))
    elif isinstance(bare, GraphQLInputObjectType) and sum(step != "*" for step in path) < DEPTH:
        for name, field in bare.fields.items():
            yield from below(field.type, (*path, name))


def places(root: str) -> list[Place]:
    """Return every place in the arguments of the root fields of a kind of operation."""
    type_ = ROOTS[root]
    assert type_ is not None
    return [
        Place(root, name, path, of)
        for name, field in type_.fields.items()
        for argument, value in field.args.items()
        for path, of in below(value.type, (argument,))
    ]


def values_per_place(all_: Sequence[Place], most: int, repeats: int) -> dict[Place, int]:
    """Return the number of values for each place.

    An input field that occurs often gets most at its first place.
    """
    paths = set[tuple[str, ...]]()
    counts = {}
    for place in all_:
        key = (str(place.type), *place.path[-2:])
        counts[place] = repeats if key in paths else most
        paths.add(key)
    return counts


TEXTS: tuple[Any, ...] = (
    *("", " ", "\0", "a\0b", "a\ud83db", "\udc00", "🚀", "👩\u200d🚀", "أهلا", "\u202eabc", "a\u200bb", "\ufeff"),
    *("a\nb\tc\r", "\x1b[31m", "\x7f", "e\u0301", " a ", "${{ x }}", "${{ parameters.p }}", "%s%n", "'; DROP --"),
    *("null", "0", "-1", "../../etc/passwd", "***", "{{.}}", "%00", "\\u0000", KIB_100, "ü" * 4000, 1, 1.5, True),
    *([], ["a"], {}, {"a": 1}, None),
)
CURSORS: tuple[Any, ...] = (
    *("ZGVwbG95bWVudHM6AA", "ZGVwbG95bWVudHM6YQ", "ZXZlbnQ6OTk5OTk5OTk5OTk5OTk5OTk5OTk", "ZXZlbnQ6LTE", "bG9nOjE"),
    *("eA", "==", "____", "4pyT"),
)
NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 2, 2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**63, -(2**63) - 1, HUGE, -HUGE, BEYOND, -BEYOND),
    *(1.0, 0.5, -0.0, 1e22, 1e308, 5e-324, "1", "", True, [], {}, None),
)
TIMES: tuple[Any, ...] = (
    *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z"),
    *("9999-12-31T23:59:59-14:00", "2028-12-31T23:59:60Z", "2028-02-30T00:00:00Z", "2028-06-01T12:00:00.123456789Z"),
    *("2028-06-01T12:00:00", "2028-06-01", "20280601T120000Z", "2028-W01-1T00:00Z", "2028-06-01T24:00:00Z"),
    *("2028-06-01T12:00:00+05:45:30.5", "2028-06-01T12:00:00.1Z", "2028-06-01 12:00Z", "-2028-06-01T12:00:00Z"),
    *("2028-06-01T12:00:00\0Z", "٢٠٢٨-06-01T12:00:00Z", "", "now", 0, 1e9, True, [], {}, None),
)


def nest(levels: int) -> Any:
    """Return a value inside this many lists."""
    nested: Any = 1
    for level in range(levels):
        nested = [nested] if level % 2 else {"a": nested}
    return nested


VALUES: tuple[Any, ...] = (
    *({}, {"a": 1e22}, {"a": 10**22}, {"a": 1e23}, {"a": 1e308}, {"a": 5e-324}, {"a": BEYOND}, {"a": [-BEYOND]}),
    *({"a": HUGE}, {"a": 2**63}, {"a": -(2**63) - 1}, {"a": 2**64 + 1}, {"a": -0.0}, {"a": 0.1}, {"a": 2**53 + 1}),
    *({"a\0": 1}, {"\ud83d": 1}, {"a": "\0"}, {"a": {"b": ["\udc00"]}}, {"": ""}, {"\x01\n": "\x01"}, {"🚀": "🚀"}),
    *({"__proto__": {}}, {"a.b": {"c": None}}, {"A": "${{ x }}"}, {"A_NAME": "x"}, {"A_NAME": 1}, {"A_NAME": None}),
    *({"A": KIB_100}, nest(30), nest(40), nest(60), {str(n): n for n in range(3000)}, [], [1], "x", 1, True, None),
)
BOOLEANS: tuple[Any, ...] = (True, False, 0, 1, "true", "", [], {}, None)
ENUMS: tuple[Any, ...] = (Word("NOTHING"), Word("true_"), "ADMIN", "", 0, [], {}, None)


def odd_values(type_: Any, ids: Mapping[str, str]) -> list[Any]:
    """Return the odd values for a type."""
    bare = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(bare, GraphQLList):
        item = get_named_type(bare)
        scalar = {"Int": 1, "Float": 1.0, "Boolean": True}.get(item.name, "x")
        return [[], None, [None], [[]], {}, "x", [scalar] * 3, [scalar] * 1500]
    if isinstance(bare, GraphQLInputObjectType):
        return [None, {}, [], "x", {"noSuchField": 1}]
    if isinstance(bare, GraphQLEnumType):
        return [*map(Word, bare.values), *ENUMS]
    values: dict[str, tuple[Any, ...]] = {
        "Int": NUMBERS,
        "Float": NUMBERS,
        "Boolean": BOOLEANS,
        "DateTime": TIMES,
        "JSON": VALUES,
        "String": TEXTS,
        "Cursor": TEXTS + CURSORS,
        "ID": (*TEXTS, *ids.values(), "dep_0", "act_01JE0000000000000000000000"),
    }
    return list(values.get(bare.name, TEXTS + NUMBERS + VALUES))


def literal(type_: Any, value: Any) -> str | None:
    """Return a value as a GraphQL literal, None if it has none."""
    bare = get_named_type(type_)
    if isinstance(value, Word):
        return value.text
    if isinstance(value, Hole):
        return "$hole"
    if isinstance(value, list):
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        items = [literal(inner.of_type if isinstance(inner, GraphQLList) else bare, item) for item in value]
        return None if None in items else f"[{', '.join(map(str, items))}]"
    if isinstance(value, dict):
        fields = bare.fields if isinstance(bare, GraphQLInputObjectType) else {}
        parts = [
            (name, literal(fields[name].type if name in fields else CORE.type_map["JSON"], content))
            for name, content in value.items()
        ]
        good = all(text is not None and re.fullmatch("[_A-Za-z][_0-9A-Za-z]*", name) for name, text in parts)
        return f"{{{', '.join(f'{name}: {text}' for name, text in parts)}}}" if good else None
    return to_json(value)


def to_json(value: Any) -> str:
    """Return JSON, in which a number may be beyond the range of a double."""
    return json.dumps(value, default=lambda word: word.text).replace("Infinity", "1e400")


class Hole:
    """The placeholder of a variable in arguments."""


HOLE = Hole()


def filled(value: Any, path: Path, content: Any) -> Any:
    """Return arguments with another value at a place."""
    if not path:
        return content
    if path[0] == "*":
        other_items = value[1:] if isinstance(value, list) else []
        return [filled(value[0] if isinstance(value, list) and value else None, path[1:], content), *other_items]
    other_fields = value if isinstance(value, dict) else {}
    return other_fields | {path[0]: filled(other_fields.get(path[0]), path[1:], content)}


def least(type_: Any, name: str, usual: Mapping[str, Any], path: Path = ()) -> Any:
    """Return the minimal valid value of a type that has a place at the end of a path in it."""
    bare = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if name in usual and not path:
        return usual[name]
    if isinstance(bare, GraphQLList):
        return [least(bare.of_type, name.removesuffix("s"), usual, path[1:])]
    if isinstance(bare, GraphQLInputObjectType):
        needed = {key for key, field in bare.fields.items() if isinstance(field.type, GraphQLNonNull)}
        start = usual.get(f"{bare.name}", {})
        names = needed | set(path[:1])
        fields = {
            key: least(bare.fields[key].type, key, usual, path[1:] if key in path[:1] else ())
            for key in names
            if key in bare.fields and (key not in start or key in path[:1])
        }
        return {key: default for key, default in start.items() if key not in fields} | fields
    if isinstance(bare, GraphQLEnumType):
        return Word(next(iter(bare.values)))
    scalars = {"Int": 1, "Float": 1.0, "Boolean": False, "DateTime": "2030-01-01T00:00:00Z", "JSON": {}}
    return scalars.get(bare.name, "x")


def operation(place: Place, usual: Mapping[str, Any], value: Any, form: str, selection: str) -> dict[str, Any]:
    """Return the operation that sends a value to a place in some form.

    Values without a literal are variables.
    """
    root = ROOTS[place.root]
    assert root is not None
    field = root.fields[place.field]
    needed = {name for name, argument in field.args.items() if isinstance(argument.type, GraphQLNonNull)} | {
        place.path[0]
    }
    fields = {
        name: least(field.args[name].type, name, usual, place.path[1:] if name == place.path[0] else ())
        for name in sorted(needed)
    }
    target = place.path[0]
    text = literal(place.type, value) if form != "variable" else None
    if text is None:
        variables = fields | {target: filled(fields[target], place.path[1:], value)}
        heads = ", ".join(f"${name}: {field.args[name].type}" for name in variables)
        arguments = ", ".join(f"{name}: ${name}" for name in variables)
        return {
            "query": f"{place.root} Nasty({heads}) {{ {place.field}({arguments}) {selection} }}",
            "variables": variables,
        }
    with_hole = fields | {target: filled(fields[target], place.path[1:], HOLE)}
    arguments = ", ".join(f"{name}: {literal(field.args[name].type, content)}" for name, content in with_hole.items())
    head = "Nasty"
    if form == "default":
        bare = place.type.of_type if isinstance(place.type, GraphQLNonNull) else place.type
        head = f"Nasty($hole: {bare} = {text})"
    else:
        arguments = arguments.replace("$hole", text)
    return {"query": f"{place.root} {head} {{ {place.field}({arguments}) {selection} }}"}


def draw_values(place: Place, ids: Mapping[str, str], chance: Random, most: int) -> list[tuple[Any, str]]:
    """Return some of the odd values of a place, so that each form occurs."""
    values = odd_values(place.type, ids)
    chosen = values if len(values) <= most else chance.sample(values, most)
    start = chance.randrange(len(FORMS))
    return [(value, FORMS[(start + number) % len(FORMS)]) for number, value in enumerate(chosen)]


def selection(type_: Any) -> str:
    """Return the selection for a result: the errors of a payload, else only that it exists."""
    output_type = get_named_type(type_)
    if not isinstance(output_type, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
        return ""
    errors = " errors { message path code }" if "errors" in getattr(output_type, "fields", {}) else ""
    return f"{{ __typename{errors} }}"


@dataclass(frozen=True)
class Inner:
    """A nested field with arguments, and how it is reached from an object with an id."""

    type: str
    path: Path
    field: str

    def __str__(self) -> str:
        return ".".join((self.type, *self.path, self.field))

    @property
    def definition(self) -> Any:
        """The field in the schema."""
        type_: Any = CORE.type_map[self.type]
        for step in self.path:
            type_ = get_named_type(type_.fields[step].type)
        return type_.fields[self.field]


def inner() -> list[Inner]:
    """Return the fields with arguments of objects with ids, and of their children."""
    node = CORE.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    starts = [(type_.name, type_, ()) for type_ in CORE.get_possible_types(node)]
    fields: list[Inner] = []
    names = {name for name, _, _ in starts}
    waiting: list[tuple[str, Any, Path]] = list(starts)
    while waiting:
        start, type_, path = waiting.pop(0)
        for name, field in type_.fields.items():
            output_type = get_named_type(field.type)
            if field.args:
                fields.append(Inner(start, path, name))
            elif isinstance(output_type, GraphQLObjectType) and output_type.name not in names:
                names.add(output_type.name)
                waiting.append((start, output_type, (*path, name)))
    return fields


def inner_operation(inner_field: Inner, id_: str, argument: str, value: Any, form: str) -> dict[str, Any]:
    """Return the operation that sends a value to an argument of a field below the root."""
    field = inner_field.definition
    fields = {
        name: least(value_.type, name, {})
        for name, value_ in field.args.items()
        if isinstance(value_.type, GraphQLNonNull)
    }
    of = field.args[argument].type
    text = literal(of, value) if form != "variable" else None
    other_arguments = [
        f"{name}: {literal(field.args[name].type, content)}" for name, content in fields.items() if name != argument
    ]
    bare = of.of_type if isinstance(of, GraphQLNonNull) else of
    variables: dict[str, Any] = {}
    if form == "literal" and text is not None:
        head, arguments = "", [*other_arguments, f"{argument}: {text}"]
    elif form == "default" and text is not None:
        head, arguments = f"($hole: {bare} = {text})", [*other_arguments, f"{argument}: $hole"]
    else:
        head, arguments, variables = f"($hole: {of})", [*other_arguments, f"{argument}: $hole"], {"hole": value}
    body = f"{inner_field.field}({', '.join(arguments)}) {selection(field.type)}"
    for step in reversed(inner_field.path):
        body = f"{step} {{ {body} }}"
    return {
        "query": f'query Inner{head} {{ node(id: "{id_}") {{ ... on {inner_field.type} {{ {body} }} }} }}',
        "variables": variables,
    }
