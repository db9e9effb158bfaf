"""The fields that a document selects, by type and place, collected once per document.

A plain field is an attribute of its object: it has no resolver of its own, no arguments, and nothing to await.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import starmap
from operator import attrgetter
from typing import Any

import msgspec
from graphql import GraphQLField, GraphQLObjectType, GraphQLOutputType, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from app.api.execution.leaves import Column

MAX_STRUCTS = 500
BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF
MakeRows = Callable[[Sequence[Column], int], Column]
"""Makes objects of as many columns as there are fields, so many."""


@dataclass(frozen=True, slots=True)
class SelectedField:
    """A selected field. `read` returns a plain field's value from its object; it is None for other fields.

    `attribute` is the attribute that a plain field shows, "" for `__typename`.
    """

    name: str
    details: Any
    type: GraphQLOutputType
    attribute: str | None
    read: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class SelectedFields:
    """The fields of a selection set, and what makes objects of their columns.

    `grouped` is graphql-core's own form, whose identity finds this; it is kept alive here. `attributes` are those of
    all fields, empty unless all of them `are_plain`.
    """

    grouped: Any
    fields: tuple[SelectedField, ...]
    attributes: tuple[str, ...]
    make_rows: MakeRows
    are_plain: bool = True


@dataclass(slots=True)
class Selections:
    """The collected fields of one document, by type and place.

    They hold as long as no variable changes them.

    Objects are dicts. Where they are only `encoded` they are structs, which takes half the time.

    Both dictionaries are keyed by the identity of syntax nodes or of graphql-core's groups. An identity is only unique
    while its object lives, so each entry also holds the object.
    """

    encoded: bool = False
    collected: dict[Any, Any] = field(default_factory=dict)
    fields: dict[int, SelectedFields] = field(default_factory=dict)

    def of(self, schema: GraphQLSchema, parent: GraphQLObjectType, grouped: Any) -> SelectedFields:
        """Return the fields of a selection set."""
        selected = self.fields.get(id(grouped))
        if selected is None:
            fields = tuple(_selected_field(schema, parent, name, details) for name, details in grouped.items())
            make_rows = (_make_structs if self.encoded else _make_dicts)(tuple(grouped))
            are_plain = all(field.attribute is not None for field in fields)
            attributes = dict.fromkeys(field.attribute for field in fields if are_plain and field.attribute)
            selected = SelectedFields(grouped, fields, tuple(attributes), make_rows, are_plain)
            self.fields[id(grouped)] = selected
        return selected


def _make_dicts(names: tuple[str, ...]) -> MakeRows:
    def make_rows(columns: Sequence[Column], size: int) -> Column:
        rows = zip(*columns, strict=True) if columns else ((),) * size
        return [dict(zip(names, row, strict=True)) for row in rows]

    return make_rows


@lru_cache(maxsize=MAX_STRUCTS)
def _make_structs(names: tuple[str, ...]) -> MakeRows:
    python_names = [f"field_{number}" for number in range(len(names))]
    rename = dict(zip(python_names, names, strict=True))
    struct = msgspec.defstruct("Selected", python_names, rename=rename, gc=False)

    def make_rows(columns: Sequence[Column], size: int) -> Column:
        return list(starmap(struct, zip(*columns, strict=True))) if columns else [struct() for _ in range(size)]

    return make_rows


def _selected_field(schema: GraphQLSchema, parent: GraphQLObjectType, name: str, details: Any) -> SelectedField:
    node = details[0].node
    definition = schema.get_field(parent, node.name.value)
    if definition is None:
        return SelectedField(name, details, parent, None, None)
    if node.name.value == "__typename":
        return SelectedField(name, details, definition.type, "", lambda _: parent.name)
    attribute = _attribute(definition)
    return SelectedField(name, details, definition.type, attribute, attrgetter(attribute) if attribute else None)


def _attribute(definition: GraphQLField) -> str | None:
    """Return the attribute that a plain field shows, None for other fields."""
    field = definition.extensions.get(BACKREF)
    is_default = getattr(definition.resolve, "_is_default", False) and not definition.args
    if not is_default or not isinstance(field, StrawberryField) or not field.is_basic_field:
        return None
    return field.python_name
