"""The shell operator with real processes: their output and their environment."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from app.core.attempt import Ending, Outcome
from app.core.log_levels import Stream
from app.gateways.operators.shell import ShellOperator
from app.ports import Instruction
from tests.gateways.support.shell import ERR, MODES, OUT, Log, execute, instruct, is_alive, operator_of, python, shell


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "workspaces"
    path.mkdir()
    return path


@pytest.fixture(params=MODES)
async def operator(root: Path, request: pytest.FixtureRequest) -> AsyncIterator[ShellOperator]:
    operator = operator_of(root, request.param)
    yield operator
    await operator.close()


@pytest.fixture
def log() -> Log:
    return Log()


# What a command prints


async def test_each_stream_keeps_its_order(operator: ShellOperator, log: Log) -> None:
    outcome = await operator.start(shell("for n in 1 2 3; do echo out $n; echo err $n >&2; done"), log).wait()
    assert outcome == Outcome(Ending.SUCCEEDED, exit_code=0)
    assert log.lines(OUT) == ["out 1", "out 2", "out 3"]
    assert log.lines(ERR) == ["err 1", "err 2", "err 3"]


async def test_a_hundred_thousand_lines_are_complete_and_come_in_batches(operator: ShellOperator, log: Log) -> None:
    await operator.start(python("for n in range(100_000): print(n, 'línea 行 🚀')"), log).wait()
    assert log.lines() == [f"{n} línea 行 🚀" for n in range(100_000)]
    assert log.calls < 5_000


async def test_lines_arrive_while_the_command_runs(operator: ShellOperator, root: Path, log: Log) -> None:
    script = "echo first; while [ ! -e go ]; do sleep 0.02; done; echo second"
    execution = asyncio.create_task(execute(operator, shell(script), log))
    assert await log.line(1) == "first"
    (root / "d1/web/go").touch()
    await execution
    assert log.lines() == ["first", "second"]


async def test_a_character_split_between_writes_is_kept(operator: ShellOperator, log: Log) -> None:
    await operator.start(shell(r"printf 'a\360\237'; sleep 0.1; printf '\232\200\n\344\270'"), log).wait()
    assert log.lines() == ["a🚀", "\ufffd"]


async def test_binary_output_is_logged(operator: ShellOperator, log: Log) -> None:
    data = bytes(byte for byte in range(256) if byte != 13) * 500
    code = "import sys; sys.stdout.buffer.write(bytes(byte for byte in range(256) if byte != 13) * 500)"
    outcome = await operator.start(python(code), log).wait()
    assert outcome.ending is Ending.SUCCEEDED
    assert log.lines() == data.decode(errors="replace").split("\n")


async def test_the_line_end_after_a_passed_piece_is_no_extra_line(operator: ShellOperator, log: Log) -> None:
    code = "import time; print('x' * 65537, end='', flush=True); time.sleep(0.2); print(); print('end')"
    await operator.start(python(code), log).wait()
    assert log.lines() == ["x" * 65537, "end"]


async def test_a_very_long_line_comes_in_pieces(operator: ShellOperator, log: Log) -> None:
    await operator.start(python("print('x' * 1_000_000); print('end')"), log).wait()
    *pieces, last_piece = log.lines()
    assert "".join(pieces) == "x" * 1_000_000
    assert all(0 < len(piece) <= 2 * 65536 for piece in pieces)
    assert last_piece == "end"


@pytest.mark.parametrize(
    ("output_text", "lines"), [(r"a\nb", ["a", "b"]), (r"a\r\n\nb\n", ["a", "", "b"]), ("", []), (r"\n", [""])]
)
async def test_line_ends(operator: ShellOperator, log: Log, output_text: str, lines: list[str]) -> None:
    await operator.start(shell(f"printf '{output_text}'"), log).wait()
    assert log.lines() == lines


async def test_a_slow_log_slows_the_command_down(operator: ShellOperator, root: Path, log: Log) -> None:
    code = """if True:
        import pathlib
        for block in range(200):
            print('x' * 32767, flush=True)
            pathlib.Path('progress').write_text(str(block + 1))"""
    ready = asyncio.Event()

    async def slow(stream: Stream, lines: Sequence[str]) -> None:
        await ready.wait()
        await log(stream, lines)

    execution = asyncio.create_task(execute(operator, python(code), slow))
    output, previous_output = "", "none"
    while not output or output != previous_output:
        await asyncio.sleep(0.3)
        progress = root / "d1/web/progress"
        previous_output, output = output, progress.read_text() if progress.exists() else ""
    assert int(output) < 20
    ready.set()
    await execution
    assert len("".join(log.lines())) == 200 * 32767


async def test_a_slow_log_loses_nothing_of_a_command_that_has_ended(operator: ShellOperator, log: Log) -> None:
    async def slow(stream: Stream, lines: Sequence[str]) -> None:
        await asyncio.sleep(0 if log.calls else 2.2)
        await log(stream, lines)

    outcome = await operator.start(
        python("print('x' * 65000); print('y' * 60000); print('end')", limit=2.0), slow
    ).wait()
    assert outcome.ending is Ending.SUCCEEDED
    assert "".join(log.lines()) == "x" * 65000 + "y" * 60000 + "end"


async def test_a_log_that_fails_ends_the_command(operator: ShellOperator) -> None:
    lines_seen: list[str] = []

    async def broken(stream: Stream, lines: Sequence[str]) -> None:
        lines_seen.extend(lines)
        raise ConnectionError("no log")

    with pytest.raises(ConnectionError, match="no log"):
        await operator.start(shell("echo $$; sleep 300"), broken).wait()
    assert not is_alive(int(lines_seen[0]))


# What a command sees


async def test_text_of_any_script_reaches_arguments_variables_and_output(operator: ShellOperator, log: Log) -> None:
    script = 'printf "%s\\n" "$1" "$GREETING"'
    await operator.start(instruct("sh", "-c", script, "sh", "🚀 中文 *", env={"GREETING": "你好 👋"}), log).wait()
    assert log.lines() == ["🚀 中文 *", "你好 👋"]


async def test_arguments_are_not_interpreted_by_a_shell(operator: ShellOperator, log: Log) -> None:
    await operator.start(instruct("echo", "$HOME; rm -rf *", "`id`"), log).wait()
    assert log.lines() == ["$HOME; rm -rf * `id`"]


async def test_the_environment_is_minimal(
    operator: ShellOperator, root: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "hidden")
    monkeypatch.setenv("HOME", "/home/worker")
    monkeypatch.delenv("LANG", raising=False)
    await operator.start(instruct("env", env={"STEP": "1"}), log).wait()
    variables = dict(line.split("=", 1) for line in log.lines())
    worker_paths = [
        path for name, path in variables.items() if name == "TMPDIR" or path.startswith(str(root.parent / "homes"))
    ]
    assert all(path.startswith(str(root.parent)) for path in worker_paths)
    assert {name: value for name, value in variables.items() if value not in worker_paths} | {
        "HOME": "/home/worker"
    } == {
        "PATH": os.environ["PATH"],
        "HOME": "/home/worker",
        "LANG": "C.UTF-8",
        "BOREAS_WORKSPACE": str(root / "d1/web"),
        "STEP": "1",
    }


async def test_variables_of_the_step_override_others(operator: ShellOperator, log: Log) -> None:
    await operator.start(instruct("/usr/bin/env", env={"PATH": "/nowhere"}), log).wait()
    assert "PATH=/nowhere" in log.lines()


async def test_the_working_folder_is_kept_between_commands(operator: ShellOperator, root: Path, log: Log) -> None:
    await operator.start(shell("echo kept > note"), log).wait()
    await operator.start(shell("pwd; cat note; cat"), log).wait()
    assert log.lines() == [str(root / "d1/web"), "kept"]


async def test_without_a_command_the_folder_is_created(operator: ShellOperator, root: Path, log: Log) -> None:
    nothing = Instruction(command=None, env={}, workspace="d1/web", timeout_seconds=1)
    assert await operator.start(nothing, log).wait() == Outcome(Ending.SUCCEEDED)
    assert (root / "d1/web").is_dir()


@pytest.mark.parametrize("workspace", ["../x", "d1/../../x", "d1/../d2", "/tmp", "", ".", "link/x", "a\0b"])
async def test_a_workspace_outside_the_root_is_refused(
    operator: ShellOperator, root: Path, log: Log, workspace: str
) -> None:
    (root / "link").symlink_to(root.parent)
    outcome = await operator.start(instruct("touch", "made", workspace=workspace), log).wait()
    assert outcome.ending is Ending.FAILED
    assert "'touch'" in (outcome.message or "") and "working folder" in (outcome.message or "")
    assert {path.name for path in root.parent.rglob("*")} - {"command-users"} == {"workspaces", "link"}
