"""Fixtures of the engine tests: Boreas without its API, notes and gates, and a check of every feed."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.core.environment import OperatorKind
from tests.services.support.commands import Gate, Notes
from tests.services.support.engine import Engine, Site, running
from tests.services.support.feeds import check_feeds
from tests.support.servers import Servers


@pytest.fixture
async def swept(clean: Servers) -> AsyncIterator[Servers]:
    """The servers, both empty; after the test the feed of every deployment it made is checked."""
    async with Redis.from_url(clean.redis_url) as valkey:
        await valkey.flushall()
    yield clean
    await check_feeds(clean.database_url)


@pytest.fixture
async def engine(swept: Servers, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Engine]:
    """An engine over empty servers, without a worker. It must log no error, unless a test clears the log."""
    async with running(swept, tmp_path) as engine:
        yield engine
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in errors if record.name.startswith(("app.", "arq."))] == []


@pytest.fixture
async def site(engine: Engine) -> Site:
    """An environment in which commands run."""
    return await engine.site()


@pytest.fixture
async def trial(engine: Engine) -> Site:
    """An environment in which everything is simulated."""
    return await engine.site(OperatorKind.SIMULATED)


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    """A file to which commands append lines."""
    return Notes(tmp_path / "notes")


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[Callable[[], Gate]]:
    """A factory of gates for commands; gates that are still shut are opened after the test."""
    numbers = count()
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Gate(tmp_path / f"gate-{next(numbers)}"))


@pytest.fixture
def gate(gates: Callable[[], Gate]) -> Gate:
    """One gate."""
    return gates()
