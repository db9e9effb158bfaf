"""Runs operations as graphql-core does, and completes plain fields all at once.

Most of what a query brings are plain fields (see `selections`), and completing them value by value costs fifty times as
much as reading them. So a list of objects of which only plain fields are selected is read column by column, and so are
the plain fields of any other object. Everything else, and every value that is not exactly of the expected type, is left
to graphql-core: errors have one way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from types import NoneType
from typing import Any, ClassVar, cast

import msgspec
from graphql import (
    DocumentNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.pyutils import Path

from app.api.execution import fallbacks
from app.api.execution.columns import Unloaded
from app.api.execution.concurrency import scheduler
from app.api.execution.leaves import Column, completer
from app.api.execution.limited_executor import LimitedExecutor, ObjectLimit
from app.api.execution.selections import BACKREF, SelectedField, SelectedFields, Selections
from app.api.execution.shortcuts import FAST, PLAIN, Shortcuts
from app.api.execution.variables import build_lists, restore_lists, without_lists

_encode = msgspec.json.Encoder().encode


class Executor(LimitedExecutor):
    """graphql-core's executor, except for plain fields, unloaded lists, and long lists in variables."""

    shortcuts: ClassVar[Shortcuts] = FAST

    def __init__(self, *args: Any, selections: Selections | None = None, **others: Any) -> None:
        super().__init__(*args, **others)
        self._selections = selections or Selections()

    @classmethod
    def build(  # noqa: PLR0917
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,
        context_value: Any = None,
        raw_variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        *args: Any,
        **others: Any,
    ) -> Any:
        """Build an executor, or return errors: graphql-core sees empty lists in place of those built here."""

        def build(variables: Mapping[str, Any] | None) -> Any:
            values: Any = variables
            return super(Executor, cls).build(
                schema, document, root_value, context_value, values, operation_name, *args, **others
            )

        sent = raw_variable_values or {}
        lists = build_lists(schema, document, operation_name, sent) if cls.shortcuts.variables and sent else []
        if not lists:
            return build(raw_variable_values)
        executor = build(without_lists(sent, lists))
        if isinstance(executor, list):
            return build(raw_variable_values)
        restore_lists(executor.variable_values, sent, lists)
        return executor

    def collect_subfields(self, return_type: GraphQLObjectType, field_details_list: Any) -> Any:
        """Return the fields below a field, collected once for as long as the selections last."""
        key = (return_type, *(id(details.node) for details in field_details_list))
        entry = self._selections.collected.get(key)
        if entry is None:
            collected = super().collect_subfields(return_type, field_details_list)
            entry = self._selections.collected[key] = (field_details_list, collected)
        return entry[1]

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Return an object with the given fields: the plain ones at once, the others field by field."""
        if path is None or not self.shortcuts.objects:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        completed: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for field in self._selections.of(self.schema, parent_type, grouped_field_set).fields:
            column = self._complete_field(field, [source_value])
            if column is None:
                others[field.name] = field.details
            completed[field.name] = column and column[0]
        if not others:
            self.count_objects(1)
            return completed
        rest: Any = super().execute_fields(parent_type, source_value, path, others, position_context)
        if self.is_awaitable(rest):
            return _merge_later(completed, others, rest)
        return _merge(completed, others, cast("dict[str, Any]", rest))

    def complete_list_value(  # noqa: PLR0917
        self, return_type: Any, field_details_list: Any, info: Any, path: Path, result: Any, position_context: Any
    ) -> Any:
        """Return a list; an unloaded one is loaded now."""
        if isinstance(result, Unloaded) and self.shortcuts.columns:
            return self._load(return_type, field_details_list, info, path, result)
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    async def _load(self, return_type: Any, details: Any, info: Any, path: Path, unloaded: Unloaded) -> Any:
        if scheduler.is_turn_over:
            await self.wait_for_turn()
        rows = await self._load_columns(return_type.of_type, details, unloaded)
        if rows is not None:
            return rows
        objects = await unloaded.objects()
        completed: Any = super().complete_list_value(return_type, details, info, path, objects, None)
        return await completed if self.is_awaitable(completed) else completed

    async def _load_columns(self, type_: Any, details: Any, unloaded: Unloaded) -> Column | None:
        """Return the objects of a list by column; None where a selected field needs the objects."""
        named = type_.of_type if is_non_null_type(type_) else type_
        if not is_object_type(named):
            return None
        fields = self._fields(named, details)
        if not fields.attributes or not unloaded.ATTRIBUTES.issuperset(fields.attributes):
            return None
        columns = await unloaded.columns(fields.attributes)
        self.count_objects(len(columns.values[0]))
        encoding = columns.encodings.get(id(fields))
        if encoding is not None:
            return cast("Column", encoding[1])
        rows = self._complete_rows(named, fields, dict(zip(fields.attributes, columns.values, strict=True)))
        if rows is not None and self._selections.encoded:
            encoded = _encoded(rows)
            columns.keep_encoding(fields, encoded)
            return cast("Column", encoded)
        return rows

    def _complete_rows(
        self, type_: GraphQLObjectType, selected: SelectedFields, values: Mapping[str, Column]
    ) -> Column | None:
        size = len(values[selected.attributes[0]])
        columns = list[Column]()
        for field in selected.fields:
            column = self._complete(
                field.type, field.details, values[field.attribute] if field.attribute else [type_.name] * size
            )
            if column is None:
                return None
            columns.append(column)
        return selected.make_rows(columns, size)

    def complete_iterable_value(  # noqa: PLR0917
        self, item_type: Any, field_details_list: Any, info: Any, path: Path, items: Any, position_context: Any
    ) -> Any:
        """Return the items of a list: all at once where they are plain."""
        if type(items) is list and self.shortcuts.leaves:
            completed = self._complete(item_type, field_details_list, items)
            if completed is not None:
                return completed
        return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)

    def _complete_field(self, field: SelectedField, objects: Sequence[Any]) -> Column | None:
        if field.read is None:
            return None
        try:
            values = list(map(field.read, objects))
        except Exception as error:
            fallbacks.count("attribute", error)
            return None
        return self._complete(field.type, field.details, values)

    def _complete(self, type_: GraphQLOutputType, details: Any, values: Column) -> Column | None:
        """Return values as a type shows them; None where graphql-core has to complete each of them."""
        if is_non_null_type(type_):
            return self._complete_present(type_.of_type, details, values)
        if NoneType not in set(map(type, values)):
            return self._complete_present(type_, details, values)
        completed = self._complete_present(type_, details, [value for value in values if value is not None])
        rest = iter(completed or ())
        return None if completed is None else [None if value is None else next(rest) for value in values]

    def _complete_present(self, type_: GraphQLOutputType, details: Any, values: Column) -> Column | None:
        if is_leaf_type(type_):
            leaves = completer(type_)(values)
            if leaves is None:
                fallbacks.count("value")
            return leaves
        if is_list_type(type_):
            if not all(type(value) is list for value in values):
                return None
            completed = self._complete(type_.of_type, details, list(chain.from_iterable(values)))
            rest = iter(completed or ())
            return None if completed is None else [list(islice(rest, len(value))) for value in values]
        return self._complete_objects(type_, details, values) if is_object_type(type_) else None

    def _complete_objects(self, type_: GraphQLObjectType, details: Any, values: Column) -> Column | None:
        if not _are_instances(type_, values):
            return None
        selected = self._fields(type_, details)
        if not selected.are_plain:
            return None
        columns = list[Column]()
        for field in selected.fields:
            column = self._complete_field(field, values)
            if column is None:
                return None
            columns.append(column)
        self.count_objects(len(values))
        return selected.make_rows(columns, len(values))

    def _fields(self, type_: GraphQLObjectType, details: Any) -> SelectedFields:
        return self._selections.of(self.schema, type_, self.collect_subfields(type_, details).grouped_field_set)


def _encoded(rows: Column) -> Any:
    """Return objects encoded, unless a text among them has no encoding in UTF-8."""
    try:
        return msgspec.Raw(_encode(rows))
    except UnicodeEncodeError as error:
        fallbacks.count("encoding", error)
        return rows


def _merge(completed: dict[str, Any], others: Mapping[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """Put the other fields in their places; an unknown field has no value."""
    for name in others:
        if name in rest:
            completed[name] = rest[name]
        else:
            del completed[name]
    return completed


async def _merge_later(completed: dict[str, Any], others: Mapping[str, Any], rest: Any) -> dict[str, Any]:
    return _merge(completed, others, await rest)


def _are_instances(type_: GraphQLObjectType, values: Column) -> bool:
    """Whether graphql-core would take all values for objects of a type."""
    if type_.is_type_of is None:
        return not any(isinstance(value, Exception) for value in values)
    origin = type_.extensions[BACKREF].origin
    return set(map(type, values)) <= {origin}


def executor_class(shortcuts: Shortcuts, limit: ObjectLimit) -> type[LimitedExecutor]:
    """Return the class of executors with some short cuts and a limit."""
    in_executor = replace(shortcuts, cache=False, coalescing=False)
    base = LimitedExecutor if in_executor == PLAIN else Executor
    return type("ApiExecutor", (base,), {"object_limit": limit, "shortcuts": shortcuts})
