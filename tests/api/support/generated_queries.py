"""Queries drawn from the schema, as clients might send them.

They have aliases, fragments, arguments, nesting and conditions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
)
from hypothesis import strategies as st

from tests.api.support.root_field_calls import SCHEMA

WIDTH, DEPTH = 6, 5
VALUES: Mapping[str, Sequence[str]] = {
    "Int": ("0", "1", "2", "3", "-1", "501"),
    "Float": ("0.5",),
    "Boolean": ("true", "false"),
    "String": ('"app"', '"none"', '""'),
    "Cursor": ('"junk"', "null"),
    "DateTime": ('"2026-03-29T12:00:00Z"',),
    "JSON": ("{}",),
}
"""Values of arguments in the query language. Some of them are refused when they are used."""
Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@dataclass
class Writing:
    """A document in the making. `ids` are values for arguments that are ids."""

    draw: st.DrawFn
    ids: Sequence[str]
    fragments: list[str] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)

    def selection(self, type_: Composite, depth: int) -> str:
        """Return the selection set of a type."""
        fields = {} if isinstance(type_, GraphQLUnionType) else self._affordable(type_, depth)
        names = self.draw(st.lists(st.sampled_from(sorted(fields)), max_size=WIDTH)) if fields else []
        parts = [self._field(name, fields[name], depth) for name in names]
        parts += [self._fragment(type_, depth) for _ in range(self.draw(st.integers(0, 2 if depth else 0)))]
        parts += ["__typename"] * self.draw(st.integers(0 if parts else 1, 1))
        return "{ " + " ".join(self.draw(st.permutations(parts))) + " }"

    def _affordable(self, type_: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> dict[str, GraphQLField]:
        return {
            name: of
            for name, of in type_.fields.items()
            if (depth > 0 or not is_composite_type(get_named_type(of.type)))
            and not any(isinstance(get_named_type(arg.type), GraphQLInputObjectType) for arg in of.args.values())
        }

    def _field(self, name: str, of: GraphQLField, depth: int) -> str:
        chosen = {
            argument: self._value(argument, arg)
            for argument, arg in of.args.items()
            if is_required_argument(arg) or self.draw(st.integers(0, 3)) == 0
        }
        # A field with arguments gets an alias: it cannot be merged with another.
        alias = f"x{next(self.numbers)}: " if chosen or self.draw(st.integers(0, 5)) == 0 else ""
        arguments = (
            "(" + ", ".join(f"{argument}: {value}" for argument, value in chosen.items()) + ")" if chosen else ""
        )
        type_ = get_named_type(of.type)
        below = self.selection(type_, depth - 1) if isinstance(type_, Composite) else ""
        return f"{alias}{name}{arguments} {self._condition()} {below}"

    def _condition(self) -> str:
        choice = self.draw(st.integers(0, 12))
        return {0: "@include(if: $yes)", 1: "@skip(if: $yes)"}.get(choice, "")

    def _value(self, name: str, argument: GraphQLArgument) -> str:
        type_ = get_named_type(argument.type)
        if isinstance(type_, GraphQLEnumType):
            value = self.draw(st.sampled_from(sorted(type_.values)))
        elif type_.name == "ID":
            value = self.draw(st.sampled_from([f'"{id_}"' for id_ in (*self.ids, "nobody")]))
        else:
            value = self.draw(st.sampled_from(VALUES[type_.name]))
        return f"[{value}]" if "[" in str(argument.type) else value

    def _fragment(self, type_: Composite, depth: int) -> str:
        possible = () if isinstance(type_, GraphQLObjectType) else SCHEMA.get_possible_types(type_)
        on = self.draw(st.sampled_from([type_, *possible]))
        below = self.selection(on, depth - 1)
        if self.draw(st.booleans()):
            return f"... on {on.name} {self._condition()} {below}"
        name = f"f{next(self.numbers)}"
        self.fragments.append(f"fragment {name} on {on.name} {below}")
        return f"...{name}"


@st.composite
def queries(draw: st.DrawFn, ids: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Draw a document with its variables. It may be one that validation refuses."""
    assert SCHEMA.query_type is not None
    writing = Writing(draw, ids)
    selection = writing.selection(SCHEMA.query_type, DEPTH)
    return "\n".join([f"query($yes: Boolean! = true) {selection}", *writing.fragments]), {"yes": draw(st.booleans())}
