"""The shell operator with real processes: their endings, and failures to start."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.attempt import Ending, Outcome
from app.gateways.operators.shell import ShellOperator
from app.ports import LogSink
from tests.gateways.support.shell import ERR, MODES, Log, execute, instruct, is_alive, operator_of, shell


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


async def test_exit_status(operator: ShellOperator, log: Log) -> None:
    assert await operator.start(shell("exit 3"), log).wait() == Outcome(Ending.FAILED, "exit status 3", exit_code=3)


async def test_ended_by_a_signal(operator: ShellOperator, log: Log) -> None:
    outcome = await operator.start(shell("kill -KILL $$"), log).wait()
    assert outcome == Outcome(Ending.FAILED, "ended by signal SIGKILL", exit_code=137)


@pytest.mark.parametrize(
    ("command", "code", "hint"),
    [
        (("no-such-program", "x"), 127, "PATH"),
        (("./missing",), 127, "check the path"),
        (("./orphan",), 127, "#!"),
        (("./plain",), 126, "chmod"),
        (("./text",), 126, "#!"),
        (("./",), 126, "execute permission"),
        (("./plain/x",), 126, "not a folder"),
        (("echo", "a\0b"), 126, "argument 1"),
        (("echo", "\ud800"), 126, "not valid text"),
        (("echo", "x" * 3_000_000), 126, "too long"),
    ],
)
async def test_a_command_that_cannot_start_reports_the_reason(
    operator: ShellOperator, root: Path, log: Log, command: tuple[str, ...], code: int, hint: str
) -> None:
    folder = root / "d1/web"
    folder.mkdir(parents=True)
    for name, text, mode in [("orphan", "#!/no/such\n", 0o755), ("plain", "", 0o644), ("text", "hello", 0o755)]:
        (folder / name).write_text(text)
        (folder / name).chmod(mode)
    outcome = await operator.start(instruct(*command), log).wait()
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, code)
    assert repr(command[0]) in (outcome.message or "") and hint in (outcome.message or "")


@pytest.mark.parametrize("env", [{"": "x"}, {"A=B": "x"}, {"A": "\0"}])
async def test_a_variable_that_cannot_be_set_fails(operator: ShellOperator, log: Log, env: dict[str, str]) -> None:
    outcome = await operator.start(instruct("true", env=env), log).wait()
    assert "variable" in (outcome.message or "")


async def test_a_command_without_a_program_fails(operator: ShellOperator, log: Log) -> None:
    assert "names no program" in ((await operator.start(instruct(), log).wait()).message or "")


async def test_a_file_in_place_of_the_folder(operator: ShellOperator, root: Path, log: Log) -> None:
    (root / "d1").touch()
    outcome = await operator.start(instruct("true"), log).wait()
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, 126)
    assert "'true'" in (outcome.message or "") and "'d1/web'" in (outcome.message or "")


STUBBORN = "trap '' TERM; sleep 300 & echo $$; echo $!; wait; sleep 300"
POLITE = "trap 'echo bye; exit 5' TERM; echo $$; while :; do sleep 0.05; done"


async def test_a_time_limit_ends_a_stubborn_command_and_its_children(operator: ShellOperator, log: Log) -> None:
    outcome = await operator.start(shell(STUBBORN, limit=1.0), log).wait()
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, 137)
    assert "time limit of 1 seconds" in (outcome.message or "")
    assert not any(is_alive(int(pid)) for pid in log.lines())


async def test_a_child_that_outlives_its_parent_ends_too(operator: ShellOperator, log: Log) -> None:
    outcome = await operator.start(
        shell("(trap '' TERM; exec sleep 300) & echo $!; exec sleep 300", limit=1.0), log
    ).wait()
    assert outcome.exit_code == 143
    assert not is_alive(int(log.lines()[0]))


async def test_a_time_limit_leaves_a_grace_period(root: Path, log: Log) -> None:
    outcome = await ShellOperator(root, grace_seconds=30).start(shell(POLITE, limit=1.0), log).wait()
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, 5)
    assert log.lines()[1:] == ["bye"]


async def test_a_time_limit_is_a_failure_even_after_a_clean_exit(operator: ShellOperator, log: Log) -> None:
    outcome = await operator.start(shell("trap 'exit 0' TERM; sleep 300 & wait", limit=0.5), log).wait()
    assert outcome.ending is Ending.FAILED


async def cancel(task: "asyncio.Task[Outcome]") -> None:
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancellation_returns_when_all_processes_have_ended(root: Path, log: Log) -> None:
    execution = asyncio.create_task(execute(ShellOperator(root, grace_seconds=30), shell(POLITE), log))
    pid = await log.line(1)
    execution.cancel()
    await cancel(execution)
    assert log.lines()[1:] == ["bye"]
    assert not is_alive(int(pid))


async def test_cancellation_kills_after_the_grace_period(operator: ShellOperator, log: Log) -> None:
    execution = asyncio.create_task(execute(operator, shell(STUBBORN), log))
    await log.line(2)
    execution.cancel()
    await cancel(execution)
    assert not any(is_alive(int(pid)) for pid in log.lines())


async def test_cancellation_during_the_start_leaves_no_process(operator: ShellOperator, root: Path, log: Log) -> None:
    for passes in range(8):
        execution = asyncio.create_task(execute(operator, shell("sleep 300 & echo $! > $!; echo $$ > $$; wait"), log))
        for _ in range(passes):
            await asyncio.sleep(0)
        execution.cancel()
        await cancel(execution)
    await asyncio.sleep(0.3)
    assert not any(is_alive(int(name)) for name in os.listdir(root / "d1/web"))  # noqa: PTH208


@pytest.mark.parametrize("limit", [60.0, 0.5], ids=["running", "in the grace of a time limit"])
async def test_a_kill_cuts_the_grace_of_a_stop_short(root: Path, log: Log, limit: float) -> None:
    execution = ShellOperator(root, grace_seconds=600).start(shell(STUBBORN, limit=limit), log)
    await log.line(2)
    await asyncio.sleep(0 if limit > 1 else 1)
    execution.stop()
    await asyncio.sleep(0.2)
    assert is_alive(int(log.lines()[1]))
    execution.kill()
    assert (await execution.wait()).ending is Ending.STOPPED
    assert not any(is_alive(int(pid)) for pid in log.lines())


async def test_background_processes_of_a_command_stay_and_delay_nothing(operator: ShellOperator, log: Log) -> None:
    outcome = await operator.start(shell("sleep 300 & echo $!; echo done"), log).wait()
    pid = int(log.lines()[0])
    try:
        assert outcome.ending is Ending.SUCCEEDED
        assert log.lines()[1:] == ["done"]
        assert is_alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


async def test_a_background_service_that_keeps_printing_delays_nothing(operator: ShellOperator, log: Log) -> None:
    outcome = await operator.start(shell("yes & echo $! >&2; exit 4"), log).wait()
    assert outcome.exit_code == 4
    for _ in range(100):
        if not is_alive(int(log.lines(ERR)[0])):
            return
        await asyncio.sleep(0.05)
    pytest.fail("it prints on")


async def test_parallel_runs_are_parallel(operator: ShellOperator) -> None:
    code = """if True:
        import pathlib, time, os
        begun = time.monotonic()
        pathlib.Path(os.environ['ME']).touch()
        while len(list(pathlib.Path('.').iterdir())) < 4: time.sleep(0.01)
        print(begun, time.monotonic())"""
    logs = [Log() for _ in range(4)]
    commands = [instruct(sys.executable, "-I", "-S", "-c", code, env={"ME": str(n)}) for n in range(4)]
    await asyncio.gather(*(operator.start(command, log).wait() for command, log in zip(commands, logs, strict=True)))
    times = [tuple(map(float, log.lines()[0].split())) for log in logs]
    assert max(begun for begun, _ in times) < min(ended for _, ended in times)


async def test_no_descriptor_is_left_open(operator: ShellOperator, log: LogSink) -> None:
    def count() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    await operator.start(shell("true"), log).wait()
    before = count()
    for instruction in [shell("true"), instruct("no-such-program"), shell("sleep 300", limit=0.05)]:
        await operator.start(instruction, log).wait()
    assert count() == before
