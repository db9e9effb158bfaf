"""Refuses Float literals that a double cannot hold. Variables are checked when they are coerced."""

from math import isfinite
from typing import Any

from graphql import FloatValueNode, GraphQLError, IntValueNode, ValidationRule, get_named_type
from graphql.type import GraphQLFloat

MAX_SHOWN = 40
"""Characters of a number that its error shows."""


class FiniteNumbersRule(ValidationRule):
    """Refuses Float literals out of range, which graphql-core takes for infinity."""

    def enter_float_value(self, node: FloatValueNode, *_: Any) -> None:
        """Check a number."""
        self._check(node)

    def enter_int_value(self, node: IntValueNode, *_: Any) -> None:
        """Check a whole number."""
        self._check(node)

    def _check(self, node: FloatValueNode | IntValueNode) -> None:
        if get_named_type(self.context.get_input_type()) is GraphQLFloat and not isfinite(float(node.value)):
            message = f"Float cannot represent {node.value[:MAX_SHOWN]}: a double cannot hold this number."
            self.report_error(GraphQLError(message, node))
