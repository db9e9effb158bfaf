"""Completes many values of a scalar or an enum at once, where each is exactly of the expected type."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from math import isfinite
from types import NoneType
from typing import Any, cast

from graphql import GraphQLEnumType, GraphQLLeafType, Undefined

from app.api.execution import fallbacks

Column = list[Any]
Complete = Callable[[Column], Column | None]
"""Completes values that are not null; None where graphql-core has to complete each of them."""
INT_BOUND = 2**31
UNCHANGED: Mapping[str, type] = {"String": str, "ID": str, "Boolean": bool}
"""The types whose values are sent as they are."""
PLAIN_TYPES = frozenset({str, int, float, bool, dict, list, datetime})
"""The Python types of our own scalars. None of them can be awaited, or is an exception."""
NO_VALUE = frozenset({NoneType, type(Undefined)})


@cache
def completer(type_: GraphQLLeafType) -> Complete:
    """Return the function that completes values of a scalar or an enum."""
    if isinstance(type_, GraphQLEnumType):
        return _enum(type_)
    if type_.name in UNCHANGED:
        expected = {UNCHANGED[type_.name]}
        return lambda values: values if set(map(type, values)) <= expected else None
    if type_.name == "Int":
        return _ints
    if type_.name == "Float":
        return _floats
    return _scalar(type_.coerce_output_value)


def _enum(type_: GraphQLEnumType) -> Complete:
    enum = cast("type[Enum]", cast("Any", type_).wrapped_cls)
    # By identity: members live as long as the process, and hashing one takes a Python call.
    names: dict[int, str] = {id(member): type_.coerce_output_value(member) for member in enum}

    def complete(values: Column) -> Column | None:
        completed = list(map(names.get, map(id, values)))
        return None if None in completed else completed

    return complete


def _ints(values: Column) -> Column | None:
    are_ints = set(map(type, values)) <= {int}
    return values if are_ints and (not values or (min(values) >= -INT_BOUND and max(values) < INT_BOUND)) else None


def _floats(values: Column) -> Column | None:
    return values if set(map(type, values)) <= {float} and all(map(isfinite, values)) else None


def _scalar(coerce: Callable[[Any], Any]) -> Complete:
    def complete(values: Column) -> Column | None:
        if not set(map(type, values)) <= PLAIN_TYPES:
            return None
        try:
            completed = list(map(coerce, values))
        except Exception as error:
            fallbacks.count("scalar", error)
            return None
        return completed if NO_VALUE.isdisjoint(map(type, completed)) else None

    return complete
