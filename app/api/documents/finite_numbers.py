"""Numbers in documents: a Float is one that a double can hold. Variables are looked at where they are coerced."""

from math import isfinite
from typing import Any

from graphql import FloatValueNode, GraphQLError, IntValueNode, ValidationRule, get_named_type
from graphql.type import GraphQLFloat

SHOWN = 40


class FiniteNumbersRule(ValidationRule):
    """Refuses a literal of a Float that is beyond all bounds, which graphql-core takes for infinity."""

    def enter_float_value(self, node: FloatValueNode, *_: Any) -> None:
        """Look at a number."""
        self._look(node)

    def enter_int_value(self, node: IntValueNode, *_: Any) -> None:
        """Look at a whole number."""
        self._look(node)

    def _look(self, node: FloatValueNode | IntValueNode) -> None:
        if get_named_type(self.context.get_input_type()) is GraphQLFloat and not isfinite(float(node.value)):
            message = f"Float cannot represent {node.value[:SHOWN]}: it is beyond the numbers that a double can hold."
            self.report_error(GraphQLError(message, node))
