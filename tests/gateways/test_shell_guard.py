"""The guard of the shell operator with real processes.

Running commands end with their worker, and ended ones are not touched.
"""

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
from tests.gateways.support.guard import BEATS, PATIENCE_SECONDS, Worker, guards, until, until_ended
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

    async def begin(*scripts: str, lease_seconds: float = 0) -> Worker:
        workers.append(await Worker.start(root, *scripts, lease_seconds=lease_seconds))
        return workers[-1]

    yield begin
    for worker in workers:
        await worker.close()


@pytest.fixture
def survivors() -> Iterator[list[int]]:
    """Processes that must survive the test's action; they end after the test."""
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
    await until_ended([command, its_guard])
    size = beat.stat().st_size
    await asyncio.sleep(0.15)
    assert beat.stat().st_size == size


async def test_all_processes_of_a_command_end_even_those_that_ignore_signals(start: Start) -> None:
    worker = await start(STUBBORN)
    numbers = await worker.numbers(2)
    worker.send(signal.SIGKILL)
    await until_ended(numbers)


async def test_processes_that_outlive_a_command_without_output_end_too(start: Start) -> None:
    worker = await start("sleep 300 >/dev/null 2>&1 & echo $!; echo $$; sleep 0.3; exec yes")
    numbers = await worker.numbers(2)
    assert await worker.lines(1) == ["y"]
    worker.send(signal.SIGKILL)
    await until_ended(numbers)


async def test_many_commands_end_at_once(start: Start) -> None:
    worker = await start(*[BEATS] * 40)
    numbers = await worker.numbers(40)
    assert len(guards(worker.pid)) == 1
    worker.send(signal.SIGKILL)
    await until_ended(numbers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_the_guard_survives_a_signal_to_a_process_group(start: Start, number: signal.Signals) -> None:
    worker = await start(STUBBORN)
    numbers = await worker.numbers(2)
    (its_guard,) = guards(worker.pid)
    os.kill(its_guard, number)
    os.killpg(worker.pid, number)
    await until_ended([worker.pid, *numbers, its_guard])


async def test_background_processes_of_an_ended_command_outlive_the_worker(start: Start, survivors: list[int]) -> None:
    worker = await start(f"{SERVICE} service", BEATS)
    lines = await worker.lines(3)
    assert "ended SUCCEEDED 0" in lines
    (service,) = (int(line.split()[0]) for line in lines if line.endswith("service"))
    (command,) = (int(line) for line in lines if line.isdecimal())
    survivors.append(service)
    worker.send(signal.SIGKILL)
    await until_ended([command])
    assert is_alive(service)


# The worker falls silent


async def test_a_frozen_worker_loses_its_commands_and_continues_when_it_wakes(start: Start) -> None:
    worker = await start(STUBBORN, lease_seconds=1.0)
    numbers = await worker.numbers(2)
    worker.send(signal.SIGSTOP)
    await until_ended(numbers)
    worker.send(signal.SIGCONT)
    assert await worker.lines(3) == ["lapsed", "again", "closed"]
    assert not guards(worker.pid)


async def test_background_processes_of_a_command_that_ended_while_the_worker_was_frozen_stay(
    start: Start, root: Path, survivors: list[int]
) -> None:
    worker = await start(f"{SERVICE}; echo $$; while [ ! -e go ]; do sleep 0.02; done", STUBBORN, lease_seconds=1.0)
    numbers = await worker.numbers(4)
    worker.send(signal.SIGSTOP)
    (root / "d1/web/go").touch()
    await until(lambda: sum(map(is_alive, numbers)) == 1)
    (service,) = filter(is_alive, numbers)
    survivors.append(service)
    worker.send(signal.SIGKILL)
    await worker.close()
    await asyncio.sleep(0.2)
    assert is_alive(service)


async def test_a_command_that_was_killed_in_time_has_failed(operator: ShellOperator, log: Log) -> None:
    operator.renew_lease(60.0)
    outcome = await operator.start(shell("kill -KILL $$"), log).wait()
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, 137)


async def test_a_command_that_was_killed_too_late_has_not_failed(operator: ShellOperator, log: Log) -> None:
    operator.renew_lease(0.2)
    execution = asyncio.create_task(execute(operator, shell("exec sleep 300"), log))
    await until(lambda: bool(operator._guard._groups))
    time.sleep(0.5)  # noqa: ASYNC251 the worker is frozen, and renews its leases before it sees what has ended
    operator.renew_lease(60.0)
    with pytest.raises(LeaseExpiredError):
        await execution


async def test_no_command_ends_while_the_leases_are_renewed(operator: ShellOperator, log: Log) -> None:
    operator.renew_lease(1.0)
    execution = asyncio.create_task(execute(operator, shell("sleep 2.5"), log))
    while not execution.done():
        operator.renew_lease(1.0)
        await asyncio.wait([execution], timeout=0.1)
    assert await execution == Outcome(Ending.SUCCEEDED, exit_code=0)


async def test_a_partitioned_worker_starts_no_command_before_its_leases_are_renewed(
    operator: ShellOperator, root: Path, log: Log
) -> None:
    operator.renew_lease(0.3)
    with pytest.raises(LeaseExpiredError):
        await operator.start(shell("exec sleep 300"), log).wait()
    execution = asyncio.create_task(execute(operator, shell("touch begun"), log))
    await asyncio.sleep(0.2)
    assert not (root / "d1/web/begun").exists()
    operator.renew_lease(60.0)
    assert (await execution).ending is Ending.SUCCEEDED


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


async def test_a_killed_guard_is_replaced_by_one_that_knows_the_running_commands(start: Start) -> None:
    worker = await start(BEATS, STUBBORN)
    numbers = await worker.numbers(3)
    for _ in range(2):
        (former,) = guards(worker.pid)
        os.kill(former, signal.SIGKILL)
        await until(lambda former=former: bool(guards(worker.pid) - {former}))  # type: ignore[misc]
    worker.send(signal.SIGKILL)
    await until_ended(numbers)


async def test_a_guard_that_was_killed_while_idle_is_replaced(operator: ShellOperator, log: Log) -> None:
    other_guards = guards()
    await operator.start(shell("true"), log).wait()
    (former,) = guards() - other_guards
    os.kill(former, signal.SIGKILL)
    while former in guards():
        await asyncio.sleep(0.01)
    await operator.start(shell("true"), log).wait()
    (latter,) = guards() - other_guards
    assert latter != former


async def test_a_frozen_guard_delays_no_command(operator: ShellOperator, log: Log) -> None:
    other_guards = guards()
    await operator.start(shell("true"), log).wait()
    (former,) = guards() - other_guards
    os.kill(former, signal.SIGSTOP)
    for _ in range(10_000):
        operator.renew_lease(60.0)
    assert not is_alive(former)
    assert (await operator.start(shell("true"), log).wait()).ending is Ending.SUCCEEDED


async def test_closing_ends_the_guard_and_the_running_commands(root: Path, log: Log) -> None:
    other_guards = guards()
    operator = ShellOperator(root)
    await operator.close()
    execution = asyncio.create_task(execute(operator, shell(STUBBORN), log))
    await log.line(2)
    assert len(guards() - other_guards) == 1
    await operator.close()
    await operator.close()
    assert not guards() - other_guards
    assert (await execution).exit_code == 137
    assert not any(is_alive(int(line)) for line in log.lines())


async def test_the_guard_of_a_discarded_operator_ends(root: Path, log: Log) -> None:
    other_guards = guards()
    operator = ShellOperator(root)
    await operator.start(shell("true"), log).wait()
    assert len(guards() - other_guards) == 1
    del operator
    await until(lambda: not guards() - other_guards)


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


class FedGuard:
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

    def send_orders(self, *lines: str) -> None:
        assert self.guard.stdin
        self.guard.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.guard.stdin.flush()

    def end(self) -> None:
        """Close the input, and wait until the guard has finished."""
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
def fed_guard() -> Iterator[FedGuard]:
    fed_guard = FedGuard()
    yield fed_guard
    fed_guard.close()


async def test_the_end_of_the_input_ends_a_group(fed_guard: FedGuard) -> None:
    fed_guard.send_orders(f"+ {fed_guard.group.pid} {fed_guard.started}")
    fed_guard.end()
    await until_ended(fed_guard.members)


async def test_malformed_orders_are_ignored(fed_guard: FedGuard) -> None:
    fed_guard.send_orders(
        "+ x y", "- 12 12", "", "until soon", "+ 1 ?", "+ 0 ?", "+ -1 ?", f"+ {fed_guard.group.pid} {fed_guard.started}"
    )
    fed_guard.end()
    await until_ended(fed_guard.members)


async def test_a_group_whose_number_was_reused_is_not_ended(fed_guard: FedGuard) -> None:
    fed_guard.send_orders(
        f"+ {fed_guard.group.pid} {int(fed_guard.started) - 1}", f"! {fed_guard.group.pid} {int(fed_guard.started) - 1}"
    )
    fed_guard.end()
    await asyncio.sleep(0.1)
    assert fed_guard.alive() == [True, True]


async def test_a_withdrawn_group_is_not_ended(fed_guard: FedGuard) -> None:
    fed_guard.send_orders(f"+ {fed_guard.group.pid} {fed_guard.started}", f"- {fed_guard.group.pid}")
    fed_guard.end()
    await asyncio.sleep(0.1)
    assert fed_guard.alive() == [True, True]


@pytest.mark.parametrize(("sign", "is_alive_afterwards"), [("+", True), ("!", False)])
async def test_at_the_deadline_a_group_without_leader_ends_only_if_it_was_being_ended(
    fed_guard: FedGuard, sign: str, is_alive_afterwards: bool
) -> None:
    fed_guard.end_leader()
    fed_guard.send_orders(f"{sign} {fed_guard.group.pid} {fed_guard.started}", f"until {time.monotonic() - 1}")
    if is_alive_afterwards:
        await asyncio.sleep(1)
    else:
        await until_ended(fed_guard.members)
    fed_guard.end()
    assert fed_guard.alive() == [False, is_alive_afterwards]


async def test_a_postponed_deadline_ends_no_group(fed_guard: FedGuard) -> None:
    fed_guard.send_orders(f"until {time.monotonic() + 0.2}", f"+ {fed_guard.group.pid} {fed_guard.started}")
    fed_guard.send_orders(f"until {time.monotonic() + 60}")
    await asyncio.sleep(0.4)
    assert fed_guard.alive() == [True, True]
