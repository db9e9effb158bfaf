"""`deploy`, `watch`, `logs` and `token` against a scripted API: exit status, streams, pages."""

import asyncio
import json
import os
import signal
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result
from graphql import build_schema, parse, validate

from app.cli import main
from app.cli.logs import LEVELS
from app.cli.nouns import queries
from app.wiring import migrations_folder
from tests.cli.support.scripted_api import TOKEN, Answer, Script, data, feed, payload, played

ROOT = migrations_folder().parent
AT = "2026-01-02T03:04:05.000006+00:00"


def story(status: str, id_: str = "dep_1", tasks: tuple[Any, ...] = ()) -> Answer:
    names = {"version": {"name": "v1"}, "environment": {"name": "here"}}
    other_fields: dict[str, Any] = {"progress": 0, "errorMessage": None, "duration": 1.5, "rollback": None}
    return data(deployment={"id": id_, "status": status, "tasks": list(tasks)} | names | other_fields)


def end_event(status: str) -> Answer:
    event = {"__typename": "DeploymentStatusChanged", "cursor": "c", "at": AT, "from": "RUNNING", "to": status}
    return feed({"cursor": "c", "events": [event | {"actor": None, "reason": None}]})


def line(number: int, message: str, attempt: int = 1) -> dict[str, Any]:
    return {"cursor": f"c{number}", "timestamp": AT, "level": "INFO", "message": message, "attempt": attempt}


def page(*lines: dict[str, Any], more: bool = False) -> Answer:
    cursors = [line["cursor"] for line in lines] or [None]
    info = {"hasNextPage": more, "endCursor": cursors[-1], "hasPreviousPage": more, "startCursor": cursors[0]}
    return data(task={"key": "t", "logs": {"nodes": lines, "pageInfo": info}})


def run(script: Script, *arguments: str) -> Result:
    environ = {"BOREAS_URL": script.url, "BOREAS_TOKEN": TOKEN}
    return CliRunner().invoke(main, arguments, env=environ, prog_name="boreas")


@pytest.mark.parametrize(("status", "code"), [("SUCCESS", 0), ("FAILED", 1), ("ROLLED_BACK", 3), ("CANCELLED", 4)])
def test_the_exit_status_is_the_outcome(status: str, code: int) -> None:
    with played(story("RUNNING"), end_event(status), story(status)) as script:
        ran = run(script, "watch", "dep_1")
    assert (ran.exit_code, status in ran.stdout, "\x1b" in ran.stdout) == (code, True, False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("deploy", "--environment", "x"),
        ("deploy", "--version", "v", "--environment", "x", "--batch-size", "-1"),
        ("deploy", "--version", "v", "--environment", "x", "--follow", "--no-start"),
        ("logs", "t", "--level", "loud"),
        ("token", "create", "x", "--scope", "ADMIN", "--create"),
    ],
)
def test_wrong_usage_exits_with_2_and_sends_nothing(arguments: tuple[str, ...]) -> None:
    with played(data()) as script:
        assert run(script, *arguments).exit_code == 2
    assert script.requests == []


@pytest.mark.parametrize("command", ["deploy", "watch", "logs", "token create"])
def test_help_has_examples(command: str) -> None:
    ran = CliRunner().invoke(main, [*command.split(), "--help"], prog_name="boreas")
    examples = ran.output.partition("Examples:")[2]
    assert f"boreas {command} " in examples


async def test_ctrl_c_ends_only_the_watching() -> None:
    with played(story("RUNNING"), feed({"cursor": "c", "events": []}, seconds=30)) as script:
        process = await process_of(script, "watch", "dep_1")
        while len(script.requests) < 2:
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, complained = await process.communicate()
    assert (process.returncode, b"boreas watch dep_1" in complained) == (130, True), complained


async def test_a_closed_pipe_ends_the_command_silently() -> None:
    full = page(*(line(number, "x" * 1000) for number in range(500)), more=True)
    with played(full) as script:
        process = await process_of(script, "logs", "tsk_1")
        assert process.stdout is not None
        await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]
        async with asyncio.timeout(20):
            _, complained = await process.communicate()
    assert complained == b""


async def process_of(script: Script, *arguments: str) -> asyncio.subprocess.Process:
    environ = {"PATH": os.environ["PATH"], "BOREAS_URL": script.url, "BOREAS_TOKEN": TOKEN}
    command = (sys.executable, "-m", "app.cli", *arguments)
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ, stdout=-1, stderr=-1)


def test_a_long_log_comes_in_pages() -> None:
    with played(page(line(1, "a"), more=True), page(line(2, "b"), more=True), page(line(3, "c"))) as script:
        assert run(script, "logs", "tsk_1").stdout == "a\nb\nc\n"
    assert script.variables("after") == [None, "c1", "c2"]


def test_the_last_lines_then_live() -> None:
    live = feed({"cursor": "c4", "lines": [line(4, "live"), line(5, "other", attempt=2)]})
    with played(page(line(3, "stored")), live) as script:
        ran = run(script, "logs", "tsk_1", "-f", "--last", "1", "--attempt", "1")
    assert ran.stdout == "stored\nlive\n"
    assert script.variables("after") == [None, "c3"]


def test_the_last_lines_may_need_several_pages() -> None:
    with played(page(line(9, "c"), more=True), page(line(4, "a"), line(5, "b"))) as script:
        assert run(script, "logs", "tsk_1", "--last", "3", "--contains", "x").stdout == "a\nb\nc\n"
    assert (script.variables("last"), script.variables("before")) == ([3, 2], [None, "c9"])


@pytest.mark.parametrize(
    ("arguments", "levels"),
    [
        ((), None),
        (("--level", "debug"), None),
        (("--level", "error", "--level", "warn"), ["WARN", "ERROR"]),
        (("--level", "info"), list(LEVELS[1:])),
    ],
)
def test_a_level_includes_those_above_it(arguments: tuple[str, ...], levels: list[str] | None) -> None:
    with played(page()) as script:
        run(script, "logs", "tsk_1", *arguments)
    assert script.variables("levels") == [levels]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((), "a red b\n"), (("--raw",), "a \x1b[31mred\x1b[0m b\x1b[0m\n")],
)
def test_a_log_cannot_control_the_terminal(arguments: tuple[str, ...], expected: str) -> None:
    wild = "a\x07 \x1b[31mred\x1b[0m\x9b2K b\r"
    with played(page(line(1, wild))) as script:
        assert run(script, "logs", "tsk_1", *arguments).stdout == expected


def test_json_lines_are_as_stored() -> None:
    with played(page(line(1, "a"))) as script:
        assert json.loads(run(script, "logs", "tsk_1", "--json").stdout) == line(1, "a")


def test_a_service_account_is_created_for_its_token() -> None:
    token = {"id": "tok_1", "name": "ci", "prefix": "bor_x", "scopes": ["VIEWER"], "expiresAt": AT}
    account = payload(serviceAccount={"id": "sva_1", "name": "bot"})
    with played(account, payload(token=token, secret="bor_secret")) as script:
        ran = run(script, "token", "create", "ci", "--scope", "viewer", "--service-account", "bot", "--create")
    assert ran.stdout == "bor_secret\n"
    assert "sva_1" in ran.stderr
    assert AT not in ran.stderr, "people see their own zone"
    assert [input_.get("serviceAccountId") for input_ in script.variables("input")] == [None, "sva_1"]


def test_the_document_of_accounts_fits_the_schema() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    assert validate(schema, parse(queries.CREATE_ACCOUNT)) == []


def test_a_task_that_an_edit_adds_is_named_by_its_key() -> None:
    moved = {"__typename": "TaskStatusChanged", "cursor": "c2", "at": AT, "actor": None, "taskFrom": "PENDING"}
    edited = {"__typename": "WorkflowChanged", "cursor": "c1", "at": AT, "actor": None, "revision": 2, "summary": "+"}
    events = [edited, moved | {"taskId": "tsk_2", "taskTo": "SUCCESS", "reason": None}]
    added = story("RUNNING", tasks=({"id": "tsk_2", "key": "b", "status": "SUCCESS"},))
    for arguments in ((), ("--json",)):
        answers = (story("RUNNING"), feed({"cursor": "c2", "events": events}), added, story("SUCCESS"))
        with played(*answers) as script:
            ran = run(script, "watch", "dep_1", "--no-logs", *arguments)
        assert ran.exit_code == 0
        assert ('"task": "b"' in ran.stdout) if arguments else ("SUCCESS      b" in ran.stdout), ran.stdout
        assert "None" not in ran.stdout


def test_the_key_of_an_unknown_task_is_fetched() -> None:
    moved = {"__typename": "TaskStatusChanged", "cursor": "c2", "at": AT, "actor": None, "taskFrom": "PENDING"}
    for task_, expected in (({"id": "tsk_2", "key": "b"}, "b"), (None, "tsk_2")):
        events = [moved | {"taskId": "tsk_2", "taskTo": "CANCELLED", "reason": None}]
        answers = (story("RUNNING"), feed({"cursor": "c2", "events": events}), data(task=task_), story("SUCCESS"))
        with played(*answers) as script:
            ran = run(script, "watch", "dep_1", "--no-logs")
        assert (ran.exit_code, f"CANCELLED    {expected}\n" in ran.stdout) == (0, True), ran.stdout
