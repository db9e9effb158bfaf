"""Completing many values of a scalar or an enum at once, where each of them is of just the type that it should be."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from math import isfinite
from types import NoneType
from typing import Any, cast

from graphql import GraphQLEnumType, GraphQLLeafType, Undefined

Column = list[Any]
Complete = Callable[[Column], Column | None]
"""Completes values that are not null; None where graphql-core is to look at each of them."""
MAX_INT = 2**31
AS_IT_IS: Mapping[str, type] = {"String": str, "ID": str, "Boolean": bool}
PLAIN_VALUES = frozenset({str, int, float, bool, dict, list, datetime})
"""What scalars of our own are made of. None of these can be waited for, or is an exception."""
NOTHING = frozenset({NoneType, type(Undefined)})


@cache
def completing(type_: GraphQLLeafType) -> Complete:
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
    # By identity, which nothing else has while they live, as they always do: a member takes a Python call to be hashed.
    names: dict[int, str] = {id(member): type_.coerce_output_value(member) for member in wrapped}

    def complete(values: Column) -> Column | None:
        found = list(map(names.get, map(id, values)))
        return None if None in found else found

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
        return done if NOTHING.isdisjoint(map(type, done)) else None

    return complete
