"""Values built by columns equal values built one by one."""

import pytest

from app.core.columnar import columns_of, from_columns
from app.core.task import Task
from app.core.workflow import Position
from tests.core.support.build import task


def test_values_of_columns_equal_values_built_singly() -> None:
    tasks = [task("a"), task("b", attempt=2, worker="w")]
    rebuilt = from_columns(Task, columns_of(tasks, Task.__dataclass_fields__))
    assert rebuilt == tasks and from_columns(Position, {"x": (), "y": ()}) == []


@pytest.mark.parametrize("columns", [{"x": [1]}, {"x": [1], "y": [1], "z": [1]}])
def test_each_field_needs_a_column(columns: dict[str, list[int]]) -> None:
    with pytest.raises(TypeError, match="not the fields of Position"):
        from_columns(Position, columns)
