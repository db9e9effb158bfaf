"""Runs operations as graphql-core does, and completes plain fields all at once.

A plain field is an attribute of the object: no resolver, no arguments, nothing to wait for. Most of what a query brings
is of that kind, and completing it value by value costs fifty times as much as reading it. So a list of objects of which
only plain fields are selected is read column by column, and so are the plain fields of any other object. Everything
else, and every value that is not of just the type that it should be, is left to graphql-core: errors have one way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cache
from itertools import chain, islice
from math import isfinite
from operator import attrgetter
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

Column = list[Any]
Complete = Callable[[Column], Column | None]
"""Completes values that are not null; None where graphql-core is to look at each of them."""
MAX_INT = 2**31
AS_IT_IS: Mapping[str, type] = {"String": str, "ID": str, "Boolean": bool}
PLAIN_VALUES = frozenset({str, int, float, bool, dict, list, datetime})
"""What scalars of our own are made of. None of these can be waited for, or is an exception."""
BACKREF = GraphQLCoreConverter.DEFINITION_BACKREF


@dataclass(frozen=True, slots=True)
class Selected:
    """A selected field. `read` gives a plain field's value of an object; None: the field is not plain."""

    name: str
    details: Any
    type: GraphQLOutputType
    read: Callable[[Any], Any] | None


@dataclass(slots=True)
class Selections:
    """What is known of the selections of one document, by type and place. Lasts as long as nothing can change them."""

    collected: dict[Any, Any] = field(default_factory=dict)
    fields: dict[int, tuple[Any, tuple[Selected, ...]]] = field(default_factory=dict)

    def of(self, schema: GraphQLSchema, parent: GraphQLObjectType, grouped: Any) -> tuple[Selected, ...]:
        """Return the fields of a selection set, which is kept, so that its identity stays its own."""
        found = self.fields.get(id(grouped))
        if found is None:
            made = tuple(_selected(schema, parent, name, details) for name, details in grouped.items())
            found = self.fields[id(grouped)] = (grouped, made)
        return found[1]


def _selected(schema: GraphQLSchema, parent: GraphQLObjectType, name: str, details: Any) -> Selected:
    node = details[0].node
    found = schema.get_field(parent, node.name.value)
    if found is None:
        return Selected(name, details, parent, None)
    if node.name.value == "__typename":
        return Selected(name, details, found.type, lambda _: parent.name)
    return Selected(name, details, found.type, _reader(found))


def _reader(found: GraphQLField) -> Callable[[Any], Any] | None:
    definition = found.extensions.get(BACKREF)
    plain = getattr(found.resolve, "_is_default", False) and not found.args
    if not plain or not isinstance(definition, StrawberryField) or not definition.is_basic_field:
        return None
    return attrgetter(definition.python_name)


class Executor(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, except for plain fields."""

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
        done: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for selected in self._selections.of(self.schema, parent_type, grouped_field_set):
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
        if not is_non_null_type(type_):
            present = [value for value in values if value is not None]
            if len(present) < len(values):
                done = self._completed_present(type_, details, present)
                rest = iter(done or ())
                return None if done is None else [None if value is None else next(rest) for value in values]
            return self._completed_present(type_, details, values)
        return self._completed_present(type_.of_type, details, values)

    def _completed_present(self, type_: GraphQLOutputType, details: Any, values: Column) -> Column | None:
        if is_leaf_type(type_):
            return _leaf(type_)(values)
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
        grouped = self.collect_subfields(type_, details).grouped_field_set
        names, columns = [], list[Column]()
        for selected in self._selections.of(self.schema, type_, grouped):
            column = self._column(selected, values)
            if column is None:
                return None
            names.append(selected.name)
            columns.append(column)
        rows = zip(*columns, strict=True) if columns else ((),) * len(values)
        return [dict(zip(names, row, strict=True)) for row in rows]


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


@cache
def _leaf(type_: GraphQLLeafType) -> Complete:
    """Return what completes values of a scalar or an enum."""
    if isinstance(type_, GraphQLEnumType):
        return _enum(type_)
    if type_.name in AS_IT_IS:
        only = {AS_IT_IS[type_.name]}
        return lambda values: values if set(map(type, values)) <= only else None
    if type_.name == "Int":
        return _ints
    if type_.name == "Float":
        return _floats
    return _scalar(type_.coerce_output_value)


def _enum(type_: GraphQLEnumType) -> Complete:
    wrapped = cast("type[Enum]", cast("Any", type_).wrapped_cls)
    names = {member: type_.coerce_output_value(member) for member in wrapped}

    def complete(values: Column) -> Column | None:
        return list(map(names.__getitem__, values)) if set(map(type, values)) <= {wrapped} else None

    return complete


def _ints(values: Column) -> Column | None:
    whole = set(map(type, values)) <= {int}
    return values if whole and (not values or (min(values) >= -MAX_INT and max(values) < MAX_INT)) else None


def _floats(values: Column) -> Column | None:
    return values if set(map(type, values)) <= {float} and all(map(isfinite, values)) else None


def _scalar(coerce: Callable[[Any], Any]) -> Complete:
    def complete(values: Column) -> Column | None:
        if not set(map(type, values)) <= PLAIN_VALUES:
            return None
        try:
            done = list(map(coerce, values))
        except Exception:
            return None
        return None if any(value is None or value is Undefined for value in done) else done

    return complete
