"""Long lists in variables: values and errors are the same as graphql-core's.

In: operations with variables of which any part may be odd. Out: the resolver's arguments, or the errors. Tested: both
equal those of plain graphql-core and Strawberry, and valid lists skip these libraries.
"""

from copy import deepcopy
from typing import Any

import pytest
import strawberry
from graphql import execute, parse
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.api.execution import executor as executor_module
from app.api.execution.executor import Executor
from app.api.execution.variables import LONG_LIST, BuiltList, build_lists
from app.api.inputs.deployments import CreateDeploymentInput
from app.api.inputs.templates import SaveWorkflowTemplateInput
from app.api.inputs.workflows import SetTaskPositionsInput, UpdateWorkflowInput, WorkflowTaskInput
from app.api.scalars import SCALARS
from tests.support.client import Data


@strawberry.type
class Query:
    @strawberry.field
    def update(self, info: strawberry.Info, input: UpdateWorkflowInput) -> int:
        info.context.append(input)
        return 1

    @strawberry.field
    def create(self, info: strawberry.Info, input: CreateDeploymentInput | None) -> int:
        info.context.append(input)
        return 1

    @strawberry.field
    def template(self, info: strawberry.Info, input: SaveWorkflowTemplateInput) -> int:
        info.context.append(input)
        return 1

    @strawberry.field
    def positions(self, info: strawberry.Info, input: SetTaskPositionsInput) -> int:
        info.context.append(input)
        return 1

    @strawberry.field
    def tasks(self, info: strawberry.Info, tasks: list[WorkflowTaskInput]) -> int:
        info.context.append(tasks)
        return 1


SMALL = strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS), execution_context_class=Executor)
IDS = {"deploymentId": "d", "expectedRevision": 1}
GOOD: Data = {"key": "k", "name": "n", "type": "BUILD"}
COMMAND: Data = {"command": ["make", "x"]}
FULL: Data = GOOD | {
    "applicationId": "a",
    "blockBy": ["x", "y"],
    "requireConfirm": True,
    "command": COMMAND | {"image": "i", "env": {"A": "b"}, "timeoutSeconds": 60, "maxAttempts": 2},
    "payload": {"deep": [[1, None, {"a": 1.5}]]},
    "timeoutSeconds": 1.0,
    "maxAttempts": None,
    "position": {"x": 1, "y": 2.5},
}
ODD: list[Any] = [None, "", "BUILD", "build", 0, 1, -(2**31), 2**31, 1.0, 1.5, True, [], ["a"], [1], [None], {}]
ODD += [{"x": 1}, GOOD, COMMAND, {"x": float("nan"), "y": 1}, {"command": [None]}, {"command": "make"}, [["a"]], "\0"]
odd = st.sampled_from(ODD)
names = st.sampled_from([*FULL, "x", "image", "env"])
tasks = st.builds(
    lambda base, changes, gone: {name: value for name, value in (base | changes).items() if name not in gone},
    st.sampled_from([GOOD, FULL]),
    st.dictionaries(names, odd, max_size=2),
    st.sets(st.sampled_from(list(FULL)), max_size=1),
)
lists = st.lists(tasks | odd, max_size=2).map(lambda some: [*some, *[GOOD] * LONG_LIST])


def run(executor: Any, document: str, variables: Data) -> tuple[Any, Any, list[Any]]:
    inputs: list[Any] = []
    values = deepcopy(variables)
    result: Any = execute(
        SMALL._schema,
        parse(document),
        variable_values=values,
        context_value=inputs,
        executor_class=executor,
        hide_suggestions=True,
    )
    assert repr(values) == repr(variables)
    return result.data, [error.formatted for error in result.errors or ()], inputs


def assert_same(document: str, variables: Data) -> list[Any]:
    """Both get the same values, compared by their text because NaN does not equal itself."""
    expected = run(StrawberryGraphQLCoreExecutionContext, document, variables)
    answer = run(Executor, document, variables)
    assert repr(answer) == repr(expected)
    return answer[2]


UPDATE = "query($input: UpdateWorkflowInput!) { update(input: $input) }"
CREATE = "query A($input: CreateDeploymentInput) { create(input: $input) } query B($x: Int) { create(input: null) }"
TEMPLATE = "query($input: SaveWorkflowTemplateInput!) { template(input: $input) }"
POSITIONS = "query($input: SetTaskPositionsInput!) { positions(input: $input) }"
TASKS = """query($tasks: [WorkflowTaskInput!]!) {
  tasks(tasks: $tasks)
  update(input: {deploymentId: 1, expectedRevision: 1, tasks: $tasks})
}"""


@settings(max_examples=300, deadline=None)
@given(lists, st.dictionaries(st.sampled_from([*IDS, "summary", "x"]), odd, max_size=1))
def test_a_graph_is_coerced_as_in_graphql_core(some: list[Any], changes: Data) -> None:
    assert_same(UPDATE, {"input": IDS | {"tasks": some} | changes})
    assert_same(TASKS, {"tasks": some})


@settings(max_examples=100, deadline=None)
@given(
    lists, st.dictionaries(st.sampled_from(["strategy", "parameters", "mustInOrder", "description"]), odd, max_size=1)
)
def test_an_input_that_contains_a_graph_is_coerced_as_in_graphql_core(some: list[Any], changes: Data) -> None:
    steps = [{"batchSize": 1}] * LONG_LIST
    place = {"versionId": "v", "environmentIds": ["e"], "strategy": {"kind": "CANARY", "steps": steps}}
    assert_same(CREATE.partition(" query B")[0], {"input": place | {"tasks": some} | changes})
    assert_same(TEMPLATE, {"input": {"name": "t", "parameters": [{"name": "p"}] * LONG_LIST, "tasks": some} | changes})


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (UPDATE, {}),
        (UPDATE, {"input": None}),
        (UPDATE, {"input": []}),
        (UPDATE, {"input": IDS | {"tasks": []}}),
        (UPDATE, {"input": IDS | {"tasks": {"a": 1}}}),
        (UPDATE, {"input": IDS | {"gone": [GOOD] * LONG_LIST}}),
        (CREATE, {"input": {"tasks": [GOOD] * LONG_LIST}}),
        (CREATE.partition(" query B")[0], {"input": None}),
        (
            POSITIONS,
            {"input": {"deploymentId": "d", "positions": [{"key": "a", "position": {"x": 1, "y": 1}}] * LONG_LIST}},
        ),
        ("query($input: Gone) { tasks(tasks: []) }", {"input": {"tasks": [GOOD] * LONG_LIST}}),
        ("query($x: [Int]) { tasks(tasks: []) }", {"x": [1] * LONG_LIST}),
        ("query($x: [[Int]]) { tasks(tasks: []) }", {"x": [[1]] * LONG_LIST}),
    ],
)
def test_any_other_input_is_coerced_as_in_graphql_core(document: str, variables: Data) -> None:
    assert_same(document, variables)


@pytest.mark.parametrize("task", [GOOD, FULL])
def test_valid_tasks_are_built_at_once(task: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []

    def count_built(*args: Any) -> list[BuiltList]:
        lists = build_lists(*args)
        built.extend(len(item.items) for item in lists)
        return lists

    monkeypatch.setattr(executor_module, "build_lists", count_built)
    (built_input,) = assert_same(UPDATE, {"input": IDS | {"tasks": [task] * LONG_LIST}})
    assert built == [LONG_LIST]
    assert [type(built_task) for built_task in built_input.tasks] == [WorkflowTaskInput] * LONG_LIST
