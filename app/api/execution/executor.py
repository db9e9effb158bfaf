"""Runs operations as graphql-core does, and completes plain fields all at once.

A plain field is an attribute of the object: no resolver, no arguments, nothing to wait for. Most of what a query brings
is of that kind, and completing it value by value costs fifty times as much as reading it. So a list of objects of which
only plain fields are selected is read column by column, and so are the plain fields of any other object. Everything
else, and every value that is not of just the type that it should be, is left to graphql-core: errors have one way.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice, starmap
from operator import attrgetter
from types import NoneType
from typing import Any, ClassVar, cast

import msgspec
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.pyutils import Path
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from app.api.execution.concurrency import scheduler
from app.api.execution.counting import CountingExecutor
from app.api.execution.leaves import Column, completing

_encode = msgspec.json.Encoder().encode
MAX_STRUCTS = 500
MAX_ENCODINGS = 4
"""In how many ways the same values are kept encoded."""
BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF


@dataclass(slots=True)
class Columns:
    """Values of many objects, a list per attribute: loaded once for everybody who wants the same.

    What they look like to those who select the same is `known` to all of them, for as long as any of them needs it.
    """

    values: Sequence[Column]
    known: dict[int, tuple["Fields", Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many values it holds."""
        return sum(map(len, self.values))

    def know(self, fields: "Fields", shown: Any) -> None:
        """Remember what they look like to those who select `fields`; of too many, what was remembered first goes."""
        if len(self.known) >= MAX_ENCODINGS:
            del self.known[next(iter(self.known))]
        self.known[id(fields)] = fields, shown


class Unloaded(ABC):
    """A list of objects that a resolver leaves to be loaded when it is known what is wanted of them.

    Plain graphql-core loads the objects, by iterating. `ATTRIBUTES` are those that can be had without them.
    """

    ATTRIBUTES: ClassVar[frozenset[str]]

    @abstractmethod
    async def objects(self) -> list[Any]:
        """Load the objects."""

    @abstractmethod
    async def columns(self, attributes: tuple[str, ...]) -> "Columns":
        """Load, for each of some attributes, its values of all objects."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        for one in await self.objects():
            yield one


@dataclass(frozen=True, slots=True)
class Selected:
    """A selected field. `attribute` is what a plain field shows: of its object, or "" where of none; else None."""

    name: str
    details: Any
    type: GraphQLOutputType
    attribute: str | None
    read: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a selection set, and what makes objects of as many columns.

    `grouped` is kept for its identity. `attributes` are what all fields show together; empty where some are not plain.
    """

    grouped: Any
    selected: tuple[Selected, ...]
    attributes: tuple[str, ...]
    rows: Callable[[Sequence[Column], int], Column]


@dataclass(slots=True)
class Selections:
    """What is known of the selections of one document, by type and place. Lasts as long as nothing can change them.

    Objects are dicts, or where they are only to be `encoded`, structs, which are made and encoded in half the time.
    """

    encoded: bool = False
    collected: dict[Any, Any] = field(default_factory=dict)
    fields: dict[int, Fields] = field(default_factory=dict)

    def of(self, schema: GraphQLSchema, parent: GraphQLObjectType, grouped: Any) -> Fields:
        """Return the fields of a selection set."""
        found = self.fields.get(id(grouped))
        if found is None:
            selected = tuple(_selected(schema, parent, name, details) for name, details in grouped.items())
            rows = (_structs if self.encoded else _dicts)(tuple(grouped))
            plain = all(one.attribute is not None for one in selected)
            attributes = dict.fromkeys(one.attribute for one in selected if plain and one.attribute)
            found = self.fields[id(grouped)] = Fields(grouped, selected, tuple(attributes), rows)
        return found


def _dicts(names: tuple[str, ...]) -> Callable[[Sequence[Column], int], Column]:
    def rows(columns: Sequence[Column], size: int) -> Column:
        found = zip(*columns, strict=True) if columns else ((),) * size
        return [dict(zip(names, row, strict=True)) for row in found]

    return rows


@lru_cache(maxsize=MAX_STRUCTS)
def _structs(names: tuple[str, ...]) -> Callable[[Sequence[Column], int], Column]:
    inner = [f"field_{number}" for number in range(len(names))]
    made = msgspec.defstruct("Selected", inner, rename=dict(zip(inner, names, strict=True)), gc=False)

    def rows(columns: Sequence[Column], size: int) -> Column:
        return list(starmap(made, zip(*columns, strict=True))) if columns else [made() for _ in range(size)]

    return rows


def _selected(schema: GraphQLSchema, parent: GraphQLObjectType, name: str, details: Any) -> Selected:
    node = details[0].node
    found = schema.get_field(parent, node.name.value)
    if found is None:
        return Selected(name, details, parent, None, None)
    if node.name.value == "__typename":
        return Selected(name, details, found.type, "", lambda _: parent.name)
    attribute = _attribute(found)
    return Selected(name, details, found.type, attribute, attrgetter(attribute) if attribute else None)


def _attribute(found: GraphQLField) -> str | None:
    definition = found.extensions.get(BACKREF)
    plain = getattr(found.resolve, "_is_default", False) and not found.args
    if not plain or not isinstance(definition, StrawberryField) or not definition.is_basic_field:
        return None
    return definition.python_name


class Executor(CountingExecutor):
    """graphql-core's executor, except for plain fields, for what is much, and for long lists in variables."""

    def __init__(self, *args: Any, selections: Selections | None = None, **others: Any) -> None:
        super().__init__(*args, **others)
        self._selections = selections or Selections()

    def collect_subfields(self, return_type: GraphQLObjectType, field_details_list: Any) -> Any:
        """Return the fields below a field, collected once for as long as the selections last."""
        key = (return_type, *(id(details.node) for details in field_details_list))
        found = self._selections.collected.get(key)
        if found is None:
            collected = super().collect_subfields(return_type, field_details_list)
            # The list keeps the nodes alive, by whose identity it is found.
            found = self._selections.collected[key] = (field_details_list, collected)
        return found[1]

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Return an object with the given fields: the plain ones at once, the others as ever."""
        if path is None:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        self.count_objects(1)
        done: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for selected in self._selections.of(self.schema, parent_type, grouped_field_set).selected:
            column = self._column(selected, [source_value])
            if column is None:
                others[selected.name] = selected.details
            done[selected.name] = column and column[0]
        if not others:
            return done
        rest: Any = super().execute_fields(parent_type, source_value, path, others, position_context)
        return (
            _merged_later(done, others, rest) if self.is_awaitable(rest) else _merged(done, others, cast("Any", rest))
        )

    def complete_list_value(  # noqa: PLR0917
        self, return_type: Any, field_details_list: Any, info: Any, path: Path, result: Any, position_context: Any
    ) -> Any:
        """Return a list; one that is not loaded yet is loaded now."""
        if isinstance(result, Unloaded):
            return self._loaded(return_type, field_details_list, info, path, result)
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    async def _loaded(self, return_type: Any, details: Any, info: Any, path: Path, unloaded: Unloaded) -> Any:
        if scheduler.is_turn_over:
            await self.wait_for_turn()
        done = await self._completed_columns(return_type.of_type, details, unloaded)
        if done is not None:
            return done
        objects = await unloaded.objects()
        completed: Any = super().complete_list_value(return_type, details, info, path, objects, None)
        return await completed if self.is_awaitable(completed) else completed

    async def _completed_columns(self, type_: Any, details: Any, unloaded: Unloaded) -> Column | None:
        """Return the objects of a list of which only attributes are wanted that can be had without them, else None."""
        named = type_.of_type if is_non_null_type(type_) else type_
        if not is_object_type(named):
            return None
        fields = self._fields(named, details)
        if not fields.attributes or not unloaded.ATTRIBUTES.issuperset(fields.attributes):
            return None
        columns = await unloaded.columns(fields.attributes)
        self.count_objects(len(columns.values[0]))
        known = columns.known.get(id(fields))
        if known is not None:
            return known[1]
        done = self._completed_rows(named, fields, dict(zip(fields.attributes, columns.values, strict=True)))
        if done is not None and self._selections.encoded:
            done = _raw(done)
            columns.know(fields, done)
        return done

    def _completed_rows(self, type_: GraphQLObjectType, fields: Fields, values: Mapping[str, Column]) -> Column | None:
        size = len(values[fields.attributes[0]])
        columns = list[Column]()
        for one in fields.selected:
            column = self._completed(
                one.type, one.details, values[one.attribute] if one.attribute else [type_.name] * size
            )
            if column is None:
                return None
            columns.append(column)
        return fields.rows(columns, size)

    def complete_iterable_value(  # noqa: PLR0917
        self, item_type: Any, field_details_list: Any, info: Any, path: Path, items: Any, position_context: Any
    ) -> Any:
        """Return the items of a list: all at once where they are plain."""
        done = self._completed(item_type, field_details_list, items) if type(items) is list else None
        if done is not None:
            return done
        return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)

    def _column(self, selected: Selected, sources: Sequence[Any]) -> Column | None:
        if selected.read is None:
            return None
        try:
            values = list(map(selected.read, sources))
        except Exception:
            return None
        return self._completed(selected.type, selected.details, values)

    def _completed(self, type_: GraphQLOutputType, details: Any, values: Column) -> Column | None:
        """Return values as a type shows them; None where graphql-core is to look at each of them."""
        if is_non_null_type(type_):
            return self._completed_present(type_.of_type, details, values)
        if NoneType not in set(map(type, values)):
            return self._completed_present(type_, details, values)
        done = self._completed_present(type_, details, [value for value in values if value is not None])
        rest = iter(done or ())
        return None if done is None else [None if value is None else next(rest) for value in values]

    def _completed_present(self, type_: GraphQLOutputType, details: Any, values: Column) -> Column | None:
        if is_leaf_type(type_):
            return completing(type_)(values)
        if is_list_type(type_):
            if not all(type(value) is list for value in values):
                return None
            done = self._completed(type_.of_type, details, list(chain.from_iterable(values)))
            rest = iter(done or ())
            return None if done is None else [list(islice(rest, len(value))) for value in values]
        return self._completed_objects(type_, details, values) if is_object_type(type_) else None

    def _completed_objects(self, type_: GraphQLObjectType, details: Any, values: Column) -> Column | None:
        if not _are(type_, values):
            return None
        fields = self._fields(type_, details)
        columns = list[Column]()
        for selected in fields.selected:
            column = self._column(selected, values)
            if column is None:
                return None
            columns.append(column)
        self.count_objects(len(values))
        return fields.rows(columns, len(values))

    def _fields(self, type_: GraphQLObjectType, details: Any) -> Fields:
        return self._selections.of(self.schema, type_, self.collect_subfields(type_, details).grouped_field_set)


def _raw(rows: Column) -> Any:
    """Return objects encoded, unless a text among them has no encoding."""
    try:
        return msgspec.Raw(_encode(rows))
    except UnicodeEncodeError:
        return rows


def _merged(done: dict[str, Any], others: Mapping[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """Put the rest where it was asked for; a field may have turned out to be none."""
    for name in others:
        if name in rest:
            done[name] = rest[name]
        else:
            del done[name]
    return done


async def _merged_later(done: dict[str, Any], others: Mapping[str, Any], rest: Any) -> dict[str, Any]:
    return _merged(done, others, await rest)


def _are(type_: GraphQLObjectType, values: Column) -> bool:
    """Whether graphql-core would take all values for objects of a type."""
    if type_.is_type_of is None:
        return not any(isinstance(value, Exception) for value in values)
    origin = type_.extensions[BACKREF].origin
    return set(map(type, values)) <= {origin}
