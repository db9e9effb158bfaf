"""Which YAML `boreas apply` accepts: the values of JSON, as people write them, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from app.cli.apply.diff import is_same
from app.cli.apply.files import read_documents
from app.cli.client import ApiError

TEMPLATE = "kind: WorkflowTemplate\nname: x\ntasks: [{key: a, type: CUSTOM, payload: {v: %s}}]\n"


def payload(folder: Path, text: str) -> Any:
    file = folder / "boreas.yaml"
    file.write_text(TEMPLATE % text, encoding="utf-8")
    (document,) = read_documents([str(file)])
    return document.spec.fields()["tasks"][0]["payload"]["v"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "{80: web, true: x, 1.5: y, null: z, 1e3: w}",
            {"80": "web", "true": "x", "1.5": "y", "null": "z", "1e3": "w"},
        ),
        ("{2027-01-01: x}", {"2027-01-01": "x"}),
        ("1e3", 1000.0),
        ("-1E-2", -0.01),
        (".5", 0.5),
        ("1.5e+3", 1500.0),
        ("0x10", 16),
        ("1_000", 1000),
        ("12:30:00", "12:30:00"),
        ("2027-01-01", "2027-01-01"),
        ("2027-01-01 12:00:00", "2027-01-01 12:00:00"),
        ("1.2.3", "1.2.3"),
        ("1e", "1e"),
        ("yes", True),
        ("~", None),
        ('"\\ud83d\\ude80 \\u00fc"', "🚀 ü"),
        ('{"\\ud83d\\ude80": "\\ud83d\\ude80"}', {"🚀": "🚀"}),
        ("[&a {b: 1}, *a, &a 2, *a]", [{"b": 1}, {"b": 1}, 2, 2]),
        ("{base: &b {c: 1}, more: {<<: *b, d: 2}}", {"base": {"c": 1}, "more": {"c": 1, "d": 2}}),
    ],
)
def test_accepted_yaml(tmp_path: Path, text: str, value: object) -> None:
    fields = payload(tmp_path, text)
    assert fields == value and type(fields) is type(value)


LAUGHS = "[" + ", ".join(["&l0 [x]", *(f"&l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9))]) + "]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".inf", "not a finite number"),
        ("-.INF", "not a finite number"),
        (".nan", "not a finite number"),
        ("1e400", "not a finite number"),
        ('"\\ud83d"', "lone surrogate"),
        ('{"\\ud83d": 1}', "lone surrogate"),
        ("{a: 1, a: 2}", "“a” is there twice"),
        ("{80: 1, '80': 2}", "“80” is there twice"),
        ("{[a]: 1}", "a key must be a text"),
        ("&a [*a]", "it contains itself"),
        ("*gone", "undefined alias"),
        (LAUGHS, "more than 100000 values"),
        ("[" * 3000 + "]" * 3000, "recursion"),
    ],
)
def test_refused_yaml(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ApiError, match=message) as refused:
        payload(tmp_path, text)
    assert "boreas.yaml, document 1: " in refused.value.message and len(refused.value.message) < 500


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "kind: Application\nname: w\nbuild: {command: [a], env: {OK: a, PORT: 80}}\nshell: {command: [b]}",
            "build.env.PORT",
        ),
        (
            "kind: WorkflowTemplate\nname: w\ntasks:\n- {key: a, type: CUSTOM}\n"
            "- {key: b, type: CUSTOM, command: {command: [x], env: {A.B: null}}}",
            "tasks[1].command.env.A.B",
        ),
        ("kind: Application\nname: 5", "name"),
    ],
)
def test_an_invalid_variable_is_named(tmp_path: Path, text: str, place: str) -> None:
    file = tmp_path / "boreas.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ApiError) as refused:
        read_documents([str(file)])
    assert f": {place}: Expected `str`" in refused.value.message and "in quotes" in refused.value.message


def test_names_are_normalized_as_in_the_api(tmp_path: Path) -> None:
    file = tmp_path / "boreas.yaml"
    file.write_text(
        'kind: WorkflowTemplate\nname: " x "\ntasks:\n- {key: "a ", type: CUSTOM}\n'
        '- {key: b, name: "e\\u0301", type: CUSTOM, blockBy: [" a"]}\n',
        encoding="utf-8",
    )
    fields = read_documents([str(file)])[0].spec.fields()
    assert fields["name"] == "x"
    assert [(task["key"], task["name"], task["blockBy"]) for task in fields["tasks"]] == [
        ("a", None, []),
        ("b", "é", ["a"]),
    ]


@pytest.mark.parametrize(
    ("left", "right", "alike"),
    [
        (1, 1.0, True),
        (1e23, 10**23, True),
        ({"a": [1e22]}, {"a": [10**22]}, True),
        (True, 1, False),
        (0, False, False),
        ("1", 1, False),
        (0.1, 0.2, False),
        ([1], [1, 2], False),
        ({"a": None}, {}, False),
        (None, 0.0, False),
    ],
)
def test_values_differ_as_in_json(left: object, right: object, alike: bool) -> None:
    assert is_same(left, right) is is_same(right, left) is alike
