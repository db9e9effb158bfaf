"""Validation of input.

In: a value, and the path of the field that has it. Out: every problem, each with the path of the field that is wrong.
Tested: a table for each check, that a nested problem names its own field, that all are reported at once, and that
every value that passes can be stored.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.core.application import Application, CommandStep, HealthCheck, KubernetesTarget, MetricCheck, ShellTarget
from app.core.environment import Environment, OperatorKind
from app.core.errors import InvalidInput
from app.core.strategy.model import Strategy, StrategyKind, StrategyStep
from app.core.validation import (
    application_checks,
    checks,
    command_checks,
    environment_checks,
    strategy_checks,
    task_checks,
)
from app.core.validation.checks import Problems
from tests.core.support.build import NOW, application, node

GOOD = application("shop")
ENVIRONMENT = Environment(
    id="e",
    name="dev",
    rank=0,
    operator=OperatorKind.SHELL,
    worker_pool="default",
    max_concurrent_deployments=10,
    created_at=NOW,
)


def paths(problems: Problems) -> list[str]:
    reported = list(problems)
    assert all(isinstance(problem, InvalidInput) and problem.message for problem in reported)
    return [".".join(problem.path or ()) for problem in reported]


@pytest.mark.parametrize("value", ["a", "0", "shop", "a-b", "a--b", "x9", "a" * 63])
def test_a_label(value: str) -> None:
    assert paths(checks.dns_label(value, "name")) == []


@pytest.mark.parametrize(
    "value", ["", "A", "-a", "a-", "-", "a.b", "a_b", "a b", "a\n", "\na", "é", "٣", "a/b", "a" * 64, "a\0"]
)
def test_invalid_labels(value: str) -> None:
    assert paths(checks.dns_label(value, "name")) == ["name"]


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("x", True),
        ("Größe 😀 日本", True),
        ("x" * 20, True),
        ("", False),
        (" \t\n", False),
        ("x" * 21, False),
        ("a\nb", False),
        ("a\0b", False),
        ("a\x7fb", False),
        ("a\x1b[31mb", False),
    ],
)
def test_a_display_name_is_one_printable_line(value: str, good: bool) -> None:
    assert paths(checks.display_name(value, 20, "a", "b")) == ([] if good else ["a.b"])


@pytest.mark.parametrize(
    ("value", "good"),
    [(None, True), ("", True), ("a\nb\t😀", True), ("x" * 10_000, True), ("x" * 10_001, False), ("\0", False)],
)
def test_a_text_may_have_lines(value: str | None, good: bool) -> None:
    assert paths(checks.text(value, "t")) == ([] if good else ["t"])


@pytest.mark.parametrize(("value", "good"), [(1, True), (2, True), (3, True), (0, False), (4, False), (-1, False)])
def test_bounds_are_inside(value: int, good: bool) -> None:
    assert paths(checks.in_range(value, 1, 3, "n")) == ([] if good else ["n"])


@pytest.mark.parametrize(
    "value",
    [
        "http://a",
        "https://a.example/x?y=1#z",
        "http://a:8080",
        "http://127.0.0.1:1/",
        "http://[::1]:80/",
        "https://ü.example",
    ],
)
def test_valid_urls(value: str) -> None:
    assert paths(checks.http_url(value, "u")) == []


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a",
        "/path",
        "a.example/x",
        "ftp://a",
        "file:///etc",
        "http:",
        "http://",
        "http:///x",
        "http://[::1",
        "http://:80/",
        "http://u@/",
    ],
)
def test_invalid_urls(value: str) -> None:
    assert paths(checks.http_url(value, "u")) == ["u"]


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (["make"], 0),
        (["make", "", " "], 0),
        (["x"] * 1000, 0),
        ([], 1),
        ([""], 1),
        ([" "], 1),
        (["x"] * 1001, 1),
        (["make", "a\0b"], 1),
        (["", "a\0b"], 2),
    ],
)
def test_a_command_is_a_program_and_its_arguments(value: Sequence[str], count: int) -> None:
    assert paths(command_checks.command(value, "c")) == ["c"] * count


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({}, []),
        ({"A": "", "_b9": "x\ny", "lower": "😀"}, []),
        ({"9A": "x", "A-B": "x", "": "x", "É": "x", "A=B": "x", "A\n": "x"}, ["9A", "A-B", "", "É", "A=B", "A\n"]),
        ({"BOREAS_X": "x", "BOREAS": "x", "MY_BOREAS_": "x"}, ["BOREAS_X"]),
        ({"A": 1, "B": None, "C": "a\0b"}, ["A", "B", "C"]),
    ],
)
def test_variables_are_names_and_texts(value: Mapping[str, object], wrong: list[str]) -> None:
    assert paths(command_checks.variables(value, "env")) == [f"env.{name}" for name in wrong]


WEEK = 7 * 86_400


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        (None, []),
        (CommandStep(("make",)), []),
        (CommandStep(("make",), timeout_seconds=WEEK, max_attempts=100), []),
        (CommandStep(("make",), timeout_seconds=0), ["build.timeoutSeconds"]),
        (CommandStep(("make",), timeout_seconds=WEEK + 1), ["build.timeoutSeconds"]),
        (CommandStep(("make",), max_attempts=0), ["build.maxAttempts"]),
        (CommandStep(("make",), max_attempts=101), ["build.maxAttempts"]),
        (
            CommandStep((), env={"9": "x"}, timeout_seconds=-1, max_attempts=0),
            ["build.command", "build.env.9", "build.timeoutSeconds", "build.maxAttempts"],
        ),
    ],
)
def test_a_step(step: CommandStep | None, wrong: list[str]) -> None:
    assert paths(application_checks.command_step(step, "build")) == wrong


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        (ShellTarget(("deploy",)), []),
        (ShellTarget(("deploy",), ("a", "b"), ("back",)), []),
        (ShellTarget(("deploy",), tuple(map(str, range(1000)))), []),
        (ShellTarget(()), ["shell.command"]),
        (ShellTarget(("deploy",), rollback_command=()), ["shell.rollbackCommand"]),
        (ShellTarget(("deploy",), ()), ["shell.instances"]),
        (ShellTarget(("deploy",), ("a", "a")), ["shell.instances"]),
        (ShellTarget(("deploy",), ("a", "")), ["shell.instances"]),
        (ShellTarget(("deploy",), tuple(map(str, range(1001)))), ["shell.instances"]),
    ],
)
def test_a_shell_target(target: ShellTarget, wrong: list[str]) -> None:
    assert paths(application_checks.shell_target(target, "shell")) == wrong


METRIC = MetricCheck("errors", "http://prometheus:9090", "up", maximum=1.0)
PROBE = HealthCheck(command=("probe",))
HTTP = HealthCheck(http_url="http://{instance}:8080/{version}/health")


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (None, []),
        (PROBE, []),
        (HTTP, []),
        (HealthCheck(), [""]),
        (replace(HTTP, command=("probe",)), [""]),
        (HealthCheck(http_url="http://{instance}:80/{color}", metrics=(METRIC,)), []),
        (HealthCheck(http_url="http://{service}.shop.svc:80/health"), []),
        (HealthCheck(metrics=(METRIC,)), []),
        (HealthCheck(metrics=(METRIC,) * 51), ["metrics"]),
        (HealthCheck(metrics=(METRIC, replace(METRIC, maximum=None))), ["metrics.1"]),
        (HealthCheck(metrics=(replace(METRIC, minimum=2.0, maximum=1.0),)), ["metrics.0.max"]),
        (HealthCheck(metrics=(replace(METRIC, minimum=1.0, maximum=1.0),)), []),
        (HealthCheck(metrics=(replace(METRIC, maximum=math.nan),)), ["metrics.0"]),
        (
            HealthCheck(metrics=(replace(METRIC, name=" ", prometheus_url="prometheus:9090", query=" "),)),
            ["metrics.0.name", "metrics.0.prometheusUrl", "metrics.0.query"],
        ),
        (HealthCheck(metrics=(replace(METRIC, query="u" * 4001),)), ["metrics.0.query"]),
        (HealthCheck(command=()), ["command"]),
        (HealthCheck(http_url="{instance}/health"), ["httpUrl"]),
        (replace(PROBE, expect_status=99), ["expectStatus"]),
        (replace(PROBE, expect_status=600), ["expectStatus"]),
        (replace(PROBE, interval_seconds=0, timeout_seconds=0), ["intervalSeconds", "timeoutSeconds"]),
        (replace(PROBE, interval_seconds=3601, timeout_seconds=3601), ["intervalSeconds", "timeoutSeconds"]),
        (replace(PROBE, success_threshold=0, failure_threshold=0), ["successThreshold", "failureThreshold"]),
    ],
)
def test_a_health_check(check: HealthCheck | None, wrong: list[str]) -> None:
    assert paths(application_checks.health_check(check, "h")) == [f"h.{path}" if path else "h" for path in wrong]


def test_everything_about_an_application_is_checked_at_once() -> None:
    bad = CommandStep(())
    broken = Application(
        id="a",
        name="No Label",
        description="\0",
        repository_url=" ",
        build=bad,
        test=bad,
        shell=ShellTarget(()),
        health_check=HealthCheck(),
        archived_at=None,
        created_at=NOW,
    )
    assert paths(application_checks.application(GOOD)) == []
    assert " ".join(paths(application_checks.application(broken))) == (
        "name description repositoryUrl build.command test.command shell.command healthCheck"
    )


@pytest.mark.parametrize(("service", "wrong"), [("web", []), (None, ["healthCheck.httpUrl"])])
def test_a_health_check_names_an_existing_service(service: str | None, wrong: list[str]) -> None:
    target, check = KubernetesTarget("web", "main", service), HealthCheck(http_url="http://{service}/")
    assert (
        paths(application_checks.application(replace(GOOD, shell=None, kubernetes=target, health_check=check))) == wrong
    )


def test_everything_about_an_environment_is_checked_at_once() -> None:
    broken = replace(ENVIRONMENT, name="", worker_pool="a b", rank=9999, max_concurrent_deployments=0)
    assert paths(environment_checks.environment(ENVIRONMENT)) == []
    assert paths(environment_checks.environment(broken)) == ["name", "workerPool", "rank", "maxConcurrentDeployments"]


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        ([StrategyStep()], []),
        ([StrategyStep(1000, WEEK)] * 100, []),
        ([], [""]),
        ([StrategyStep()] * 101, [""]),
        ([StrategyStep(), StrategyStep(-1, -1)], [".1.batchSize", ".1.batchInterval"]),
        ([StrategyStep(1001, WEEK + 1)], [".0.batchSize", ".0.batchInterval"]),
    ],
)
def test_a_strategy(steps: list[StrategyStep], wrong: list[str]) -> None:
    assert paths(strategy_checks.strategy(Strategy(steps=tuple(steps)))) == [f"strategy.steps{path}" for path in wrong]


def canary(*ratios: float) -> Strategy:
    return Strategy(StrategyKind.CANARY, tuple(StrategyStep(canary_ratio=ratio) for ratio in ratios))


BLUE_GREEN = Strategy(StrategyKind.BLUE_GREEN)


@pytest.mark.parametrize(
    ("strategy", "wrong"),
    [
        (canary(1), []),
        (canary(0.1, 0.5, 1), []),
        (replace(canary(1), steps=(StrategyStep(5, 60, canary_ratio=1.0),)), []),
        (canary(0.1, 0.5), ["1.canaryRatio"]),
        (canary(0.5, 0.5, 1), ["1.canaryRatio"]),
        (canary(0.5, 0.1, 1), ["1.canaryRatio"]),
        (canary(1, 1), ["1.canaryRatio"]),
        (canary(0, 1), ["0.canaryRatio"]),
        (canary(-0.5, 1.5), ["0.canaryRatio", "1.canaryRatio"]),
        (canary(math.nan, 1), ["0.canaryRatio"]),
        (BLUE_GREEN, []),
        (replace(BLUE_GREEN, steps=(StrategyStep(0, 60), StrategyStep(0, 60))), []),
        (replace(BLUE_GREEN, steps=(StrategyStep(2),)), ["0.batchSize"]),
        (replace(BLUE_GREEN, steps=(StrategyStep(canary_ratio=0.5),)), ["0.canaryRatio"]),
        (Strategy(steps=(StrategyStep(canary_ratio=0.5),)), ["0.canaryRatio"]),
    ],
)
def test_the_steps_of_a_kind(strategy: Strategy, wrong: list[str]) -> None:
    assert paths(strategy_checks.strategy(strategy)) == [f"strategy.steps.{path}" for path in wrong]


def test_the_fields_of_tasks_are_checked_at_once() -> None:
    command = CommandStep(("a\0",), env={"9": "x"})
    tasks = [node("ok"), replace(node("", timeout_seconds=0, max_attempts=0), name="\n", command=command)]
    assert " ".join(paths(task_checks.workflow_tasks(tasks))) == (
        "tasks.1.key tasks.1.name tasks.1.command.env.9 tasks.1.command.command tasks.1.timeoutSeconds "
        "tasks.1.maxAttempts"
    )


def test_a_task_without_a_command_is_left_to_the_check_of_the_graph() -> None:
    assert paths(task_checks.workflow_tasks([node("a", command=None), node("b", command=CommandStep(()))])) == []


WORDS: list[tuple[str, Callable[[str], Problems]]] = [
    ("title", lambda value: checks.display_name(value, 200, "f")),
    ("text", lambda value: checks.text(value, "f")),
    ("address", lambda value: checks.http_url(f"http://a/{value}", "f")),
    ("argument", lambda value: command_checks.command(["make", value], "f")),
    ("variable", lambda value: command_checks.variables({"A": value}, "f")),
    ("image", lambda value: application_checks.command_step(CommandStep(("make",), image=value), "f")),
    ("payload", lambda value: task_checks.workflow_tasks([node("x", payload={"a": [value]})])),
    ("payload key", lambda value: task_checks.workflow_tasks([node("x", payload={value: 1})])),
    ("command of a task", lambda value: task_checks.workflow_tasks([node("x", command=CommandStep((value,)))])),
    (
        "image of a task",
        lambda value: task_checks.workflow_tasks([node("x", command=CommandStep(("a",), image=value))]),
    ),
]


@pytest.mark.parametrize("check", [check for _, check in WORDS], ids=[name for name, _ in WORDS])
@pytest.mark.parametrize("letter", ["\0", "\ud800"], ids=["NUL", "half a character"])
def test_text_that_postgresql_cannot_store_is_refused(check: Callable[[str], Problems], letter: str) -> None:
    assert len(paths(check(f"a{letter}b"))) == 1
    assert paths(check("ab")) == []


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"build": CommandStep(("make", "${{ x }}"))}, "build.command"),
        ({"test": CommandStep(("make",), env={"TAG": "v${{ parameters.tag }}"})}, "test.env.TAG"),
        ({"shell": ShellTarget(("run", "${{x}}"))}, "shell.command"),
        ({"shell": ShellTarget(("run",), rollback_command=("back", "${{ x }}"))}, "shell.rollbackCommand"),
        ({"health_check": HealthCheck(command=("ok", "${{ x }}"))}, "healthCheck.command"),
        ({"build": CommandStep(("make", "$${{ x }}", "${{ open"), env={"A": "$${{ secrets.A }}"})}, None),
        ({"shell": ShellTarget(("run", "$${{ x }}")), "description": "${{ x }}"}, None),
    ],
)
def test_an_application_contains_no_expression(fields: dict[str, Any], path: str | None) -> None:
    assert paths(application_checks.application(replace(GOOD, **fields))) == ([path] if path else [])
