"""Open files: many commands at once under a small limit, which they inherit unchanged."""

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.attempt import Ending
from app.gateways.operators.shell import ShellOperator, open_files, raise_open_files
from tests.gateways.support.shell import Log, shell

SMALL = 300


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Set a small soft limit, as `ulimit -Sn` does."""
    limits_before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SMALL, limits_before[1]))
    monkeypatch.setattr(open_files, "_original_limit", None)
    yield SMALL
    resource.setrlimit(resource.RLIMIT_NOFILE, limits_before)


async def test_many_commands_run_at_once_under_a_small_limit(small_limit: int, tmp_path: Path) -> None:
    raise_open_files()
    operator, log = ShellOperator(tmp_path), Log()
    script = 'ulimit -Sn; touch "$BOREAS_WORKSPACE/$$"; while [ $(ls | wc -l) -lt 150 ]; do sleep 0.2; done'
    outcomes = await asyncio.gather(*(operator.start(shell(script), log).wait() for _ in range(150)))
    await operator.close()
    assert {outcome.ending for outcome in outcomes} == {Ending.SUCCEEDED}
    assert set(log.lines()) == {str(small_limit)}


async def test_commands_without_free_descriptors_wait_for_their_turn(small_limit: int, tmp_path: Path) -> None:
    operator, log = ShellOperator(tmp_path), Log()
    assert open_files.max_commands() == (SMALL - open_files.OWN_FILES) // open_files.FILES_PER_COMMAND == 11
    outcomes = await asyncio.gather(*(operator.start(shell("sleep 0.1; echo done"), log).wait() for _ in range(60)))
    await operator.close()
    assert {outcome.ending for outcome in outcomes} == {Ending.SUCCEEDED}
    assert log.lines() == ["done"] * 60


def test_a_large_limit_is_kept() -> None:
    limits_before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits_before[0] >= open_files.MAX_FILES:
        raise_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == limits_before
    assert 1 <= open_files.max_commands() <= open_files.MAX_COMMANDS
