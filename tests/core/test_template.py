"""Parameters of templates.

In: tasks with `${{ parameters.NAME }}`, declarations and values. Out: tasks with values, or problems.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.application import CommandStep
from app.core.errors import FaultKind, InvalidInput, Problem, WorkflowFault
from app.core.expressions import escape, find_all, unescape
from app.core.template import Parameter, expressions_of, faults, fill, problems, reference, values, without_expressions
from app.core.validation import parameter_checks
from app.core.workflow import WorkflowTask
from tests.core.support.build import node, property_of

EU = Parameter(name="region", default="eu", choices=("eu", "us"))
TAG = Parameter(name="tag", required=True)
NOTE = Parameter(name="note")


def templated_task(text: str) -> WorkflowTask:
    """Return a task that holds a text in each place where parameters are replaced."""
    return WorkflowTask(
        key="x",
        name=f"at {text}",
        type=node("x").type,
        command=CommandStep(("run", text), env={"KEY": f"{text}{text}"}),
    )


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("${{ parameters.region }}", "region"),
        ("${{parameters.region}}", "region"),
        ("${{\n parameters.a-b_9\t}}", "a-b_9"),
        ("${{ parameters. region }}", None),
        ("${{ parameters.9 }}", None),
        ("${{ parameters.a.b }}", None),
        ("${{ parameters.a || 'b' }}", None),
        ("${{ secrets.a }}", None),
        ("${{ }}", None),
        ("${{}}", None),
    ],
)
def test_there_is_one_expression(expression: str, name: str | None) -> None:
    assert reference(expression) == name


@pytest.mark.parametrize("value", ["eu", "", "a b", "\\1 \\g<0> $1 {} %s", "“ü🚀”\n", "a}}b{{", "$HOME", "'; rm -rf /"])
def test_a_value_is_used_exactly_as_it_is(value: str) -> None:
    (filled,) = fill([templated_task("<${{ parameters.region }}>")], {"region": value})
    assert filled.command is not None
    assert (filled.name, filled.command.command, filled.command.env) == (
        f"at <{value}>", ("run", f"<{value}>"), {"KEY": f"<{value}><{value}>"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "stands_for"),
    [
        ("$${{ x }}", "${{ x }}"),
        ("a $${{ x }} b $${{ y }}", "a ${{ x }} b ${{ y }}"),
        ("$$$${{ x }}", "$${{ x }}"),
        ("$${{ x", "$${{ x"),
        ("$$ {{ x }}", "$$ {{ x }}"),
        ("$$HOME $$", "$$HOME $$"),
        ("${{ x }}", "${{ x }}"),
        ("", ""),
    ],
)
def test_the_text_of_an_expression_can_be_written(text: str, stands_for: str) -> None:
    assert unescape(text) == stands_for
    assert unescape(escape(text)) == text and unescape(escape(stands_for)) == stands_for


@pytest.mark.parametrize(
    ("text", "filled", "run"),
    [
        ("$${{ parameters.a }}", "$${{ parameters.a }}", "${{ parameters.a }}"),
        ("$${{ x }}-${{ parameters.a }}", "$${{ x }}-eu", "${{ x }}-eu"),
        ("$$${{ parameters.a }}", "$eu", "$eu"),
        ("$$$${{ parameters.a }}", "$$$${{ parameters.a }}", "$${{ parameters.a }}"),
        ("${{ parameters.dollar }}{{ y }}", "$${{ y }}", "${{ y }}"),
    ],
)
def test_an_escaped_expression_uses_no_parameter(text: str, filled: str, run: str) -> None:
    (task,) = fill([node("x", command=CommandStep((text,)))], {"a": "eu", "dollar": "$"})
    assert task.command is not None
    assert (task.command.command, unescape(task.command.command[0])) == ((filled,), run)


@property_of
@given(st.text("$${} xparameters.", max_size=30), st.text("${} x", max_size=8))
def test_commands_run_with_their_values(text: str, value: str) -> None:
    assert unescape(escape(text)) == text
    if next(find_all(text), None) is None:
        (task,) = fill([node("x", command=CommandStep((text + " ${{ parameters.a }}",)))], {"a": value})
        assert task.command is not None
        argument = task.command.command[0]
        assert next(find_all(argument), None) is None or "${{" in text
        if "{{" not in text:
            assert unescape(argument) == f"{text} {value}"


def test_an_expression_without_a_value_stays() -> None:
    task = templated_task("${{ parameters.other }}${{ x }}")
    assert fill([task], {"region": "eu", "": "no"}) == (task,)
    assert expressions_of(without_expressions([task])[0]) == {}


@property_of
@given(st.text(), st.text())
def test_a_value_is_never_read_as_an_expression(prefix: str, value: str) -> None:
    (filled,) = fill([node("x", command=CommandStep((prefix + "${{ parameters.a }}",)))], {"a": value})
    assert filled.command is not None
    text = prefix + "${{ parameters.a }}"
    assert filled.command.command[0] in (prefix + value, text)
    assert filled.command.command[0] == prefix + value or "${{" in prefix or prefix.endswith("$")


K = FaultKind.MISSING_PARAMETER
"""Short name for the tables below."""


@pytest.mark.parametrize(
    ("task", "count"),
    [
        (templated_task("${{ parameters.region }} ${{parameters.tag}}"), 0),
        (templated_task("${{ parameters.gone }}"), 1),
        (templated_task("${{ parameters.gone }}${{ env.HOME }}"), 2),
        (node("${{ parameters.region }}"), 1),
        (node("x", "${{ parameters.region }}"), 1),
        (node("x", command=CommandStep(("run",), image="app:${{ parameters.tag }}")), 1),
        (node("x", payload={"deep": [{"${{ parameters.tag }}": 1}, "${{ x }}"]}), 2),
        (node("x", payload={"deep": [None, 1, "$x {{ y }}"]}), 0),
    ],
)
def test_only_declared_parameters_in_allowed_places(task: WorkflowTask, count: int) -> None:
    subject = task if task.key == "x" else WorkflowTask(key=task.key, name="n", type=task.type, command=task.command)
    reported = list(faults([subject], [EU, TAG]))
    assert [(fault.kind, fault.task_keys) for fault in reported] == [(K, (task.key,))] * count


@pytest.mark.parametrize(
    ("parameter_values", "expected"),
    [
        ({"tag": "1"}, {"region": "eu", "tag": "1", "note": ""}),
        ({"tag": "1", "region": "us", "note": "n"}, {"region": "us", "tag": "1", "note": "n"}),
        ({"tag": "", "unknown": "x"}, {"region": "eu", "tag": "", "note": ""}),
        ({}, {"region": "eu", "note": ""}),
    ],
)
def test_a_parameter_without_a_value_has_its_default(
    parameter_values: dict[str, object], expected: dict[str, str]
) -> None:
    assert values([EU, TAG, NOTE], parameter_values) == expected


@pytest.mark.parametrize(
    ("values", "kind", "path"),
    [
        ({}, WorkflowFault, "tag"),
        ({"tag": "1", "other": "x"}, WorkflowFault, "other"),
        ({"tag": 1}, InvalidInput, "tag"),
        ({"tag": None}, InvalidInput, "tag"),
        ({"tag": "1", "region": "asia"}, InvalidInput, "region"),
        ({"tag": "${{ parameters.region }}"}, InvalidInput, "tag"),
    ],
)
def test_problems_of_values_are_reported(values: dict[str, object], kind: type[Problem], path: str) -> None:
    (problem,) = problems([templated_task("${{ parameters.tag }}"), node("y")], [EU, TAG, NOTE], values)
    assert (type(problem), problem.path) == (kind, ("parameters", path))
    if isinstance(problem, WorkflowFault) and path == "tag":
        assert (problem.kind, problem.task_keys) == (K, ("x",))


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ([EU, TAG, NOTE], None),
        ([Parameter(name="9")], ("parameters", "0", "name")),
        ([Parameter(name="a b")], ("parameters", "0", "name")),
        ([Parameter(name="")], ("parameters", "0", "name")),
        ([Parameter(name="a" * 64)], ("parameters", "0", "name")),
        ([EU, Parameter(name="region")], ("parameters", "1", "name")),
        ([Parameter(name="a", choices=())], ("parameters", "0", "choices")),
        ([Parameter(name="a", default="x", choices=("y",))], ("parameters", "0", "default")),
        ([Parameter(name="a", default="${{ parameters.b }}")], ("parameters", "0", "default")),
        ([Parameter(name="a", description="\0")], ("parameters", "0", "description")),
        ([Parameter(name=f"a{n}") for n in range(101)], ("parameters",)),
    ],
)
def test_a_declaration_is_checked(parameters: list[Parameter], path: tuple[str, ...] | None) -> None:
    assert [problem.path for problem in parameter_checks.parameters(parameters)] == ([path] if path else [])
