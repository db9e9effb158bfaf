"""The guard of the shell operator with real processes: what runs ends with its worker, and what ended is left alone."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from app.core.attempt import Ending, Outcome
from app.gateways.operators.shell import ShellOperator, guard_process
from app.ports import LeaseExpiredError
from tests.gateways.support.guard import BEATS, PATIENCE_SECONDS, Worker, gone, guards, until
from tests.gateways.support.shell import Log, execute, is_alive, shell

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")

Start = Callable[..., Awaitable[Worker]]

STUBBORN = "trap '' TERM INT HUP; sleep 300 & echo $!; echo $$; while :; do sleep 300; done"
SERVICE = "sleep 300 >/dev/null 2>&1 & echo $!"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "workspaces"
    path.mkdir()
    return path


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def operator(root: Path) -> AsyncIterator[ShellOperator]:
    operator = ShellOperator(root, grace_seconds=0.3)
    yield operator
    await operator.close()


@pytest.fixture
async def start(root: Path) -> AsyncIterator[Start]:
    workers: list[Worker] = []

    async def begin(*scripts: str, hold: float = 0) -> Worker:
        workers.append(await Worker.start(root, *scripts, hold=hold))
        return workers[-1]

    yield begin
    for worker in workers:
        await worker.close()


@pytest.fixture
def doomed() -> Iterator[list[int]]:
    """Processes that a test expects to live, and that end with it."""
    numbers: list[int] = []
    yield numbers
    for number in numbers:
        if is_alive(number):
            os.kill(number, signal.SIGKILL)


# The worker dies


async def test_a_command_ends_with_a_worker_that_is_killed(start: Start, root: Path) -> None:
    worker = await start(BEATS)
    (command,) = await worker.numbers(1)
    (its_guard,) = guards(worker.pid)
    beat = root / f"d1/web/beat.{command}"
    await until(beat.exists)
    worker.send(signal.SIGKILL)
    await gone([command, its_guard])
    size = beat.stat().st_size
    await asyncio.sleep(0.15)
    assert beat.stat().st_size == size


async def test_everything_that_a_command_started_ends_even_what_ignores_signals(start: Start) -> None:
    worker = await start(STUBBORN)
    numbers = await worker.numbers(2)
    worker.send(signal.SIGKILL)
    await gone(numbers)


async def test_what_outlives_a_command_that_could_not_print_any_more_ends_too(start: Start) -> None:
    worker = await start("sleep 300 >/dev/null 2>&1 & echo $!; echo $$; sleep 0.3; exec yes")
    numbers = await worker.numbers(2)
    assert await worker.lines(1) == ["y"]
    worker.send(signal.SIGKILL)
    await gone(numbers)


async def test_many_commands_end_at_once(start: Start) -> None:
    worker = await start(*[BEATS] * 40)
    numbers = await worker.numbers(40)
    assert len(guards(worker.pid)) == 1
    worker.send(signal.SIGKILL)
    await gone(numbers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_to_the_group_of_the_worker_or_the_guard_leaves_the_guard_at_work(
    start: Start, number: signal.Signals
) -> None:
    worker = await start(STUBBORN)
    numbers = await worker.numbers(2)
    (its_guard,) = guards(worker.pid)
    os.kill(its_guard, number)
    os.killpg(worker.pid, number)
    await gone([worker.pid, *numbers, its_guard])


async def test_what_an_ended_command_left_running_outlives_the_worker(start: Start, doomed: list[int]) -> None:
    worker = await start(f"{SERVICE} service", BEATS)
    lines = await worker.lines(3)
    assert "ended SUCCEEDED 0" in lines
    (service,) = (int(line.split()[0]) for line in lines if line.endswith("service"))
    (command,) = (int(line) for line in lines if line.isdecimal())
    doomed.append(service)
    worker.send(signal.SIGKILL)
    await gone([command])
    assert is_alive(service)


# The worker falls silent


async def test_a_frozen_worker_loses_its_commands_and_goes_on_when_it_wakes(start: Start) -> None:
    worker = await start(STUBBORN, hold=1.0)
    numbers = await worker.numbers(2)
    worker.send(signal.SIGSTOP)
    await gone(numbers)
    worker.send(signal.SIGCONT)
    assert await worker.lines(3) == ["lapsed", "again", "closed"]
    assert not guards(worker.pid)


async def test_what_a_command_left_while_the_worker_was_frozen_stays(
    start: Start, root: Path, doomed: list[int]
) -> None:
    worker = await start(f"{SERVICE}; echo $$; while [ ! -e go ]; do sleep 0.02; done", STUBBORN, hold=1.0)
    numbers = await worker.numbers(4)
    worker.send(signal.SIGSTOP)
    (root / "d1/web/go").touch()
    await until(lambda: sum(map(is_alive, numbers)) == 1)
    (service,) = filter(is_alive, numbers)
    doomed.append(service)
    worker.send(signal.SIGKILL)
    await worker.close()
    await asyncio.sleep(0.2)
    assert is_alive(service)


async def test_a_command_that_was_killed_in_time_has_failed(operator: ShellOperator, log: Log) -> None:
    operator.renew_lease(60.0)
    outcome = await operator.start(shell("kill -KILL $$"), log).wait()
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, 137)


async def test_a_command_that_was_killed_too_late_has_not_failed_though_the_worker_goes_on(
    operator: ShellOperator, log: Log
) -> None:
    operator.renew_lease(0.2)
    running = asyncio.create_task(execute(operator, shell("exec sleep 300"), log))
    await until(lambda: bool(operator._guard._groups))
    time.sleep(0.5)  # noqa: ASYNC251 the worker is frozen, and renews its leases before it sees what has ended
    operator.renew_lease(60.0)
    with pytest.raises(LeaseExpiredError):
        await running


async def test_nothing_ends_while_the_leases_are_renewed(operator: ShellOperator, log: Log) -> None:
    operator.renew_lease(1.0)
    running = asyncio.create_task(execute(operator, shell("sleep 2.5"), log))
    while not running.done():
        operator.renew_lease(1.0)
        await asyncio.wait([running], timeout=0.1)
    assert await running == Outcome(Ending.SUCCEEDED, exit_code=0)


async def test_a_worker_that_is_cut_off_starts_nothing_before_its_leases_are_renewed(
    operator: ShellOperator, root: Path, log: Log
) -> None:
    operator.renew_lease(0.3)
    with pytest.raises(LeaseExpiredError):
        await operator.start(shell("exec sleep 300"), log).wait()
    waiting = asyncio.create_task(execute(operator, shell("touch begun"), log))
    await asyncio.sleep(0.2)
    assert not (root / "d1/web/begun").exists()
    operator.renew_lease(60.0)
    assert (await waiting).ending is Ending.SUCCEEDED


async def test_leases_that_are_never_renewed_refuse_the_command(operator: ShellOperator, log: Log) -> None:
    operator.renew_lease(0.0)
    outcome = await operator.start(shell("echo begun", limit=0.1), log).wait()
    assert (outcome.ending, outcome.exit_code, log.lines()) == (Ending.FAILED, 126, [])
    assert "leases" in (outcome.message or "")


async def test_a_command_whose_own_lease_was_lost_does_not_start(operator: ShellOperator, log: Log) -> None:
    async def stop() -> None:
        execution.stop()

    operator.renew_lease(0.0)
    execution = operator.start(shell("echo begun"), log)
    await asyncio.sleep(0.05)
    operator.renew_lease(60.0)
    stopping = asyncio.create_task(stop())
    assert (await execution.wait()).ending is Ending.STOPPED
    await stopping
    assert log.lines() == []


# The guard itself


async def test_a_guard_that_is_killed_is_replaced_by_one_that_knows_what_runs(start: Start) -> None:
    worker = await start(BEATS, STUBBORN)
    numbers = await worker.numbers(3)
    for _ in range(2):
        (former,) = guards(worker.pid)
        os.kill(former, signal.SIGKILL)
        await until(lambda former=former: bool(guards(worker.pid) - {former}))  # type: ignore[misc]
    worker.send(signal.SIGKILL)
    await gone(numbers)


async def test_a_guard_that_was_killed_while_nothing_ran_is_replaced(operator: ShellOperator, log: Log) -> None:
    others = guards()
    await operator.start(shell("true"), log).wait()
    (former,) = guards() - others
    os.kill(former, signal.SIGKILL)
    while former in guards():
        await asyncio.sleep(0.01)
    await operator.start(shell("true"), log).wait()
    (latter,) = guards() - others
    assert latter != former


async def test_a_frozen_guard_holds_nothing_up(operator: ShellOperator, log: Log) -> None:
    others = guards()
    await operator.start(shell("true"), log).wait()
    (former,) = guards() - others
    os.kill(former, signal.SIGSTOP)
    for _ in range(10_000):
        operator.renew_lease(60.0)
    assert not is_alive(former)
    assert (await operator.start(shell("true"), log).wait()).ending is Ending.SUCCEEDED


async def test_closing_ends_the_guard_and_what_still_runs(root: Path, log: Log) -> None:
    others = guards()
    operator = ShellOperator(root)
    await operator.close()
    running = asyncio.create_task(execute(operator, shell(STUBBORN), log))
    await log.line(2)
    assert len(guards() - others) == 1
    await operator.close()
    await operator.close()
    assert not guards() - others
    assert (await running).exit_code == 137
    assert not any(is_alive(int(line)) for line in log.lines())


async def test_an_operator_that_is_forgotten_takes_its_guard_along(root: Path, log: Log) -> None:
    others = guards()
    operator = ShellOperator(root)
    await operator.start(shell("true"), log).wait()
    assert len(guards() - others) == 1
    del operator
    await until(lambda: not guards() - others)


@pytest.mark.parametrize("program", ["/no/such/python", "/bin/false", ""])
async def test_without_a_guard_commands_run_and_a_warning_is_logged_once(
    operator: ShellOperator,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    program: str,
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert (await operator.start(shell("sleep 0.2; echo ran"), log).wait()).ending is Ending.SUCCEEDED
    assert log.lines() == ["ran"] * 3
    assert sum("guard" in record.message for record in caplog.records) == 1


# Orders to the guard


class Told:
    """A guard without a worker, and a process group to guard."""

    def __init__(self) -> None:
        script = "sleep 300 & echo $!; wait"
        self.group = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
        assert self.group.stdout
        self.members = [self.group.pid, int(self.group.stdout.readline())]
        self.guard = subprocess.Popen(
            [sys.executable, "-I", "-S", guard_process.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.guard.stdout
        assert self.guard.stdout.read(1) == b".", "it is ready"
        self.started, _ = guard_process.process_status(self.group.pid) or ("", True)

    def tell(self, *lines: str) -> None:
        assert self.guard.stdin
        self.guard.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.guard.stdin.flush()

    def end(self) -> None:
        """End the input, and wait until the guard has done its work."""
        assert self.guard.stdin
        self.guard.stdin.close()
        assert self.guard.wait(PATIENCE_SECONDS) == 0

    def end_leader(self) -> None:
        self.group.kill()
        self.group.wait()

    def alive(self) -> list[bool]:
        self.group.poll()
        return list(map(is_alive, self.members))

    def close(self) -> None:
        if any(self.alive()):
            os.killpg(self.group.pid, signal.SIGKILL)
        self.guard.kill()
        for process in (self.group, self.guard):
            process.wait()
        for pipe in (self.group.stdout, self.guard.stdin, self.guard.stdout):
            if pipe:
                pipe.close()


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    yield told
    told.close()


async def test_the_end_of_the_input_ends_a_group(told: Told) -> None:
    told.tell(f"+ {told.group.pid} {told.started}")
    told.end()
    await gone(told.members)


async def test_what_says_nothing_is_left_out(told: Told) -> None:
    told.tell("+ x y", "- 12 12", "", "until soon", "+ 1 ?", "+ 0 ?", "+ -1 ?", f"+ {told.group.pid} {told.started}")
    told.end()
    await gone(told.members)


async def test_a_group_whose_number_belongs_to_another_by_now_is_left_alone(told: Told) -> None:
    told.tell(f"+ {told.group.pid} {int(told.started) - 1}", f"! {told.group.pid} {int(told.started) - 1}")
    told.end()
    await asyncio.sleep(0.1)
    assert told.alive() == [True, True]


async def test_a_group_that_was_withdrawn_is_left_alone(told: Told) -> None:
    told.tell(f"+ {told.group.pid} {told.started}", f"- {told.group.pid}")
    told.end()
    await asyncio.sleep(0.1)
    assert told.alive() == [True, True]


@pytest.mark.parametrize(("sign", "stays"), [("+", True), ("!", False)])
async def test_when_the_time_passes_what_a_leader_left_goes_only_if_it_was_being_ended(
    told: Told, sign: str, stays: bool
) -> None:
    told.end_leader()
    told.tell(f"{sign} {told.group.pid} {told.started}", f"until {time.monotonic() - 1}")
    if stays:
        await asyncio.sleep(1)
    else:
        await gone(told.members)
    told.end()
    assert told.alive() == [False, stays]


async def test_a_time_that_is_put_off_ends_nothing(told: Told) -> None:
    told.tell(f"until {time.monotonic() + 0.2}", f"+ {told.group.pid} {told.started}")
    told.tell(f"until {time.monotonic() + 60}")
    await asyncio.sleep(0.4)
    assert told.alive() == [True, True]
